//! The rules of values, by rising strength of what binds them.

use crate::diagnostic::Diagnostic;
use crate::parser::Parser;
use crate::token::TokenKind;
use crate::tree::{NONE, Node, NodeKind};

impl Parser {
    pub(super) fn expression(&mut self) -> u32 {
        self.binary(1)
    }

    /// A chain of left-associative operators, each binding at least as strongly as `weakest`.
    fn binary(&mut self, weakest: u32) -> u32 {
        let first = self.at;
        if !self.enter() {
            self.leave();
            return self.missing();
        }
        let mut left = self.power();
        loop {
            let precedence = self.kind().precedence();
            if precedence < weakest {
                break;
            }
            let operator = self.at;
            self.bump();
            let right = self.binary(precedence + 1);
            left = self.node(NodeKind::Binary, first, operator, left, right);
        }
        self.leave();
        left
    }

    /// PowExpr = UnaryExpr [ "^" PowExpr ]
    ///
    /// Compat: the sign binds stronger than the power, `-2 ^ 2` is 4 (test
    /// `operators_bind_as_in_alloy`).
    fn power(&mut self) -> u32 {
        let first = self.at;
        let left = self.unary();
        if self.kind() != TokenKind::Pow {
            return left;
        }
        let operator = self.at;
        self.bump();
        let right = match self.enter() {
            true => self.power(),
            false => self.missing(),
        };
        self.leave();
        self.node(NodeKind::Binary, first, operator, left, right)
    }

    /// UnaryExpr = ( "!" | "-" ) UnaryExpr | Primary { "." identifier | "[" … "]" | "(" … ")" }
    fn unary(&mut self) -> u32 {
        if !matches!(self.kind(), TokenKind::Not | TokenKind::Sub) {
            return self.postfix();
        }
        let operator = self.at;
        self.bump();
        let operand = match self.enter() {
            true => self.unary(),
            false => self.missing(),
        };
        self.leave();
        self.node(NodeKind::Unary, operator, operator, operand, NONE)
    }

    fn postfix(&mut self) -> u32 {
        let first = self.at;
        let mut value = self.primary();
        loop {
            value = match self.kind() {
                TokenKind::Dot => self.access(first, value),
                TokenKind::LeftBracket => self.index(first, value),
                TokenKind::LeftParen => self.call(first, value),
                TokenKind::LeftCurly | TokenKind::String if self.block_follows() => {
                    self.block_as_value(first);
                    return value;
                }
                _ => return value,
            };
        }
    }

    fn access(&mut self, first: u32, value: u32) -> u32 {
        self.bump();
        let name = self.at;
        self.expect_name();
        self.node(NodeKind::Access, first, name, value, NONE)
    }

    fn index(&mut self, first: u32, value: u32) -> u32 {
        let open = self.span();
        self.bump();
        let in_list = std::mem::replace(&mut self.in_list, false);
        let index = self.expression();
        self.in_list = in_list;
        self.close(TokenKind::RightBracket, open);
        self.node(NodeKind::Index, first, NONE, value, index)
    }

    fn call(&mut self, first: u32, callee: u32) -> u32 {
        let open = self.span();
        self.bump();
        let pending = self.elements(TokenKind::RightParen);
        self.close(TokenKind::RightParen, open);
        self.list_node(NodeKind::Call, first, callee, pending)
    }

    /// Whether what follows a value reads as the rest of a block.
    fn block_follows(&self) -> bool {
        let brace = match self.kind() {
            TokenKind::String => self.next_at(self.at),
            _ => self.at,
        };
        !self.in_list && self.tree.token_kind(brace) == TokenKind::LeftCurly
    }

    /// `forward_to = prometheus.remote_write "default" { … }`: reads the block, so that one
    /// mistake gives one diagnostic.
    fn block_as_value(&mut self, first: u32) {
        if self.kind() == TokenKind::String {
            self.bump();
        }
        let open = self.span();
        self.bump();
        if self.enter() {
            self.body(TokenKind::RightCurly);
        }
        self.leave();
        let closed = self.close(TokenKind::RightCurly, open);
        if closed {
            let span = self
                .tree
                .token_span(first)
                .to(self.tree.token_span(self.end - 1));
            let hint = "define the block by itself and refer to it by its name and label, as \
                        prometheus.remote_write.default.receiver";
            self.push(Diagnostic::error(span, "a block cannot be used as a value").hint(hint));
        }
    }

    fn primary(&mut self) -> u32 {
        let token = self.at;
        match self.kind() {
            TokenKind::Ident => {
                self.bump();
                self.node(NodeKind::Ident, token, token, NONE, NONE)
            }
            TokenKind::String
            | TokenKind::Number
            | TokenKind::Float
            | TokenKind::Bool
            | TokenKind::Null => {
                self.bump();
                self.node(NodeKind::Literal, token, token, NONE, NONE)
            }
            TokenKind::LeftParen => self.paren(),
            TokenKind::LeftBracket => self.array(),
            TokenKind::LeftCurly => self.object(),
            _ => {
                self.expected("value");
                while !self.at_value_end() {
                    self.bump();
                }
                self.missing()
            }
        }
    }

    fn paren(&mut self) -> u32 {
        let (first, open) = (self.at, self.span());
        self.bump();
        let in_list = std::mem::replace(&mut self.in_list, false);
        let inner = self.expression();
        self.in_list = in_list;
        self.close(TokenKind::RightParen, open);
        self.node(NodeKind::Paren, first, NONE, inner, NONE)
    }

    fn array(&mut self) -> u32 {
        let (first, open) = (self.at, self.span());
        self.bump();
        let pending = self.elements(TokenKind::RightBracket);
        self.close(TokenKind::RightBracket, open);
        self.list_node(NodeKind::Array, first, NONE, pending)
    }

    fn object(&mut self) -> u32 {
        let (first, open) = (self.at, self.span());
        self.bump();
        let in_list = std::mem::replace(&mut self.in_list, true);
        let pending = self.pending.len();
        while self.kind() != TokenKind::RightCurly && self.kind() != TokenKind::Eof {
            let element = self.at;
            let field = self.field();
            self.pending.push(field);
            let starts_field = |kind| matches!(kind, TokenKind::Ident | TokenKind::String);
            if !self.comma(TokenKind::RightCurly, element, starts_field) {
                break;
            }
        }
        self.in_list = in_list;
        self.close(TokenKind::RightCurly, open);
        self.list_node(NodeKind::Object, first, NONE, pending)
    }

    /// Field = ( string | identifier ) "=" Expression
    fn field(&mut self) -> u32 {
        let first = self.at;
        let key = match self.kind() {
            TokenKind::String | TokenKind::Ident => {
                self.bump();
                first
            }
            kind => {
                self.expected("key (string or identifier)");
                if kind.starts_expression() {
                    self.expression();
                }
                NONE
            }
        };
        let value = match self.expect(TokenKind::Assign) {
            true => self.expression(),
            false => self.missing(),
        };
        self.node(NodeKind::Field, first, key, value, NONE)
    }

    /// ExpressionList = Expression { "," Expression } [ "," ]
    ///
    /// Leaves the elements in `pending` and gives where they start.
    fn elements(&mut self, until: TokenKind) -> usize {
        let in_list = std::mem::replace(&mut self.in_list, true);
        let pending = self.pending.len();
        while self.kind() != until && self.kind() != TokenKind::Eof {
            let element = self.at;
            let expr = self.expression();
            self.pending.push(expr);
            if !self.comma(until, element, TokenKind::starts_expression) {
                break;
            }
        }
        self.in_list = in_list;
        pending
    }

    /// Reads what stands between two elements; false when the list cannot go on. A missing comma
    /// is reported, and the list goes on where another element starts.
    fn comma(
        &mut self,
        until: TokenKind,
        element: u32,
        starts_element: impl Fn(TokenKind) -> bool,
    ) -> bool {
        let kind = self.kind();
        if kind == until {
            return false;
        }
        if kind == TokenKind::Comma {
            self.bump();
            return true;
        }
        if kind == TokenKind::Eof || kind.is_closing() || kind == TokenKind::Assign {
            return false;
        }
        // Compat: Alloy takes the brace for a block's and blames the element before it.
        let blamed = match kind {
            TokenKind::LeftCurly => self
                .tree
                .token_span(element)
                .to(self.tree.token_span(self.end - 1)),
            _ => self.span(),
        };
        let message = "missing \",\" after an element";
        let diagnostic = Diagnostic::error(blamed, message);
        self.report(match kind {
            TokenKind::Terminator => diagnostic
                .hint("an element that ends its line needs a comma too, even the last one"),
            _ => diagnostic,
        });
        if kind == TokenKind::Terminator || !starts_element(kind) {
            self.bump();
        }
        true
    }

    fn missing(&mut self) -> u32 {
        let at = self.at;
        self.heights.push(1);
        self.tree.nodes.push(Node {
            kind: NodeKind::Missing,
            first: at,
            end: at,
            token: at,
            left: NONE,
            right: NONE,
        });
        self.tree.nodes.len() as u32 - 1
    }

    fn at_value_end(&self) -> bool {
        let kind = self.kind();
        kind.is_closing()
            || matches!(
                kind,
                TokenKind::Terminator | TokenKind::Comma | TokenKind::Eof
            )
    }
}
