//! The rules of bodies, attributes and blocks.

use crate::diagnostic::Diagnostic;
use crate::lexer;
use crate::literal;
use crate::parser::Parser;
use crate::token::TokenKind;
use crate::tree::{NONE, Node, NodeKind};

impl Parser {
    /// Body = [ Statement { terminator Statement } ]
    pub(super) fn body(&mut self, until: TokenKind) -> u32 {
        let first = self.at;
        let in_list = std::mem::replace(&mut self.in_list, false);
        let pending = self.pending.len();
        while self.kind() != until && self.kind() != TokenKind::Eof {
            if let Some(statement) = self.statement(until) {
                self.pending.push(statement);
            }
            if self.kind() == until {
                break;
            }
            if self.kind() != TokenKind::Terminator {
                self.expected("end of line");
                self.skip_statement(until);
            }
            if self.kind() == TokenKind::Terminator {
                self.bump();
            }
        }
        self.in_list = in_list;
        self.list_node(NodeKind::Body, first, NONE, pending)
    }

    /// Statement = Attribute | Block
    /// Attribute = identifier "=" Expression
    /// Block     = identifier { "." identifier } [ string ] "{" Body "}"
    fn statement(&mut self, until: TokenKind) -> Option<u32> {
        let first = self.at;
        let Some(last_name) = self.names() else {
            self.skip_statement(until);
            return None;
        };
        let label = self.label();
        match self.kind() {
            TokenKind::Assign => Some(self.attribute(first, last_name, label)),
            TokenKind::LeftCurly => Some(self.block(first, last_name, label)),
            _ => {
                let either = first == last_name && label == NONE;
                self.expected(match (either, label) {
                    (true, _) => "\"=\" or \"{\"",
                    (false, NONE) => "label or \"{\"",
                    (false, _) => "\"{\"",
                });
                self.skip_statement(until);
                None
            }
        }
    }

    /// Gives the token of the last name.
    fn names(&mut self) -> Option<u32> {
        let mut last = self.at;
        if !self.expect(TokenKind::Ident) {
            return None;
        }
        while self.kind() == TokenKind::Dot {
            self.bump();
            let name = self.at;
            if self.expect_name() {
                last = name;
            }
        }
        Some(last)
    }

    /// Gives the token of the label, or [`NONE`].
    fn label(&mut self) -> u32 {
        match self.kind() {
            TokenKind::String => {}
            TokenKind::Ident => {
                self.expected("label in double quotes");
                self.bump();
                return NONE;
            }
            _ => return NONE,
        }
        let token = self.at;
        let text = self.tree.token_text(token);
        let label = literal::unquoted(text);
        if text.starts_with('`') {
            self.error(
                self.span(),
                "a label stands in double quotes, not in backticks",
            );
        } else if !label.is_empty() && !lexer::is_identifier(label) {
            let message = format!("the label \"{label}\" is no identifier");
            let hint = "a label has letters, digits and \"_\", and does not start with a digit";
            self.report(Diagnostic::error(self.span(), message).hint(hint));
        }
        self.bump();
        token
    }

    fn attribute(&mut self, first: u32, last_name: u32, label: u32) -> u32 {
        if first != last_name {
            let names = self
                .tree
                .token_span(first)
                .to(self.tree.token_span(last_name));
            self.push(Diagnostic::error(
                names,
                "the name of an attribute has no \".\"",
            ));
        } else if label != NONE {
            let span = self.tree.token_span(label);
            self.push(Diagnostic::error(span, "an attribute has no label"));
        }
        self.bump();
        let value = self.expression();
        self.node(NodeKind::Attribute, first, first, value, NONE)
    }

    fn block(&mut self, first: u32, last_name: u32, label: u32) -> u32 {
        let open = self.span();
        self.bump();
        let body = match self.enter() {
            true => self.body(TokenKind::RightCurly),
            false => self.list_node(NodeKind::Body, self.at, NONE, self.pending.len()),
        };
        self.leave();
        self.close(TokenKind::RightCurly, open);
        let height = 1 + self.height(body);
        let end = self.end;
        let node = Node {
            kind: NodeKind::Block,
            first,
            end,
            token: last_name,
            left: label,
            right: body,
        };
        self.add(node, height)
    }

    /// Goes to the end of the statement, over the pairs of brackets that open in it; within a
    /// block not past its closing brace.
    fn skip_statement(&mut self, until: TokenKind) {
        let mut open = 0_i64;
        loop {
            match self.kind() {
                TokenKind::Eof => return,
                TokenKind::Terminator if open <= 0 => return,
                TokenKind::RightCurly if open <= 0 && until == TokenKind::RightCurly => return,
                TokenKind::LeftCurly | TokenKind::LeftBracket | TokenKind::LeftParen => open += 1,
                kind if kind.is_closing() => open -= 1,
                _ => {}
            }
            self.bump();
        }
    }
}
