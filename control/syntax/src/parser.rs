//! Tokens to tree, by recursive descent with one token of lookahead.
//!
//! After a mistake the parser goes on at a place that it can trust: the end of the statement, or
//! the closing bracket of the list. A mistake on a line that already has one is most likely its
//! echo, and is not reported.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Related};
use crate::lexer::{self, Lexed};
use crate::limits::{DEPTH_MAX, DIAGNOSTICS_MAX, SOURCE_BYTES_MAX};
use crate::literal;
use crate::source::{LineIndex, Span};
use crate::token::TokenKind;
use crate::tree::{NONE, Node, NodeKind, Tree};

/// What became of a text: always a tree, and every mistake that was found, in the order of the
/// text.
#[derive(Clone, Debug)]
pub struct Parse {
    pub tree: Arc<Tree>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Parse {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Parses a file. `file` is its id in the [`SourceMap`](crate::SourceMap).
///
/// A text longer than [`SOURCE_BYTES_MAX`] is not looked at: it gives an empty tree and says so.
pub fn parse(file: u32, text: impl Into<Arc<str>>) -> Parse {
    let text: Arc<str> = text.into();
    if text.len() <= SOURCE_BYTES_MAX {
        return parse_accepted(file, text);
    }
    let message = format!(
        "this file has {} bytes, more than the {SOURCE_BYTES_MAX} that are read; split it",
        text.len()
    );
    let mut parse = parse_accepted(file, Arc::from(""));
    parse
        .diagnostics
        .push(Diagnostic::error(Span::new(file, 0, 0), message));
    parse
}

fn parse_accepted(file: u32, text: Arc<str>) -> Parse {
    let Lexed {
        tokens,
        diagnostics,
    } = lexer::lex(file, &text);
    // Measured on real configurations: one node to about four tokens, blanks counted.
    let nodes = Vec::with_capacity(tokens.len() / 3 + 1);
    let heights = Vec::with_capacity(tokens.len() / 3 + 1);
    let tree = Tree {
        file,
        text,
        tokens,
        nodes,
        lists: Vec::new(),
        root: 0,
    };
    let mut parser = Parser {
        tree,
        at: 0,
        end: 0,
        depth: 0,
        in_list: false,
        heights,
        pending: Vec::new(),
        diagnostics,
        lines: None,
        error_line: 0,
        gave_up: false,
    };
    parser.skip_trivia();
    parser.tree.root = parser.body(TokenKind::Eof);
    let mut diagnostics = parser.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.map(|span| span.start));
    if diagnostics.len() > DIAGNOSTICS_MAX {
        diagnostics.truncate(DIAGNOSTICS_MAX - 1);
        diagnostics.push(Diagnostic::error(
            diagnostics.last().and_then(|last| last.span),
            "too many mistakes, the rest is not shown",
        ));
    }
    Parse {
        tree: Arc::new(parser.tree),
        diagnostics,
    }
}

struct Parser {
    tree: Tree,
    /// The current token, never trivia.
    at: u32,
    /// One after the last consumed token.
    end: u32,
    /// Calls under way that recurse, so that hostile nesting cannot exhaust the stack.
    depth: u32,
    /// Within the elements of an array, a call or an object, where a missing comma is likelier
    /// than a block given as a value.
    in_list: bool,
    /// Of each node; together with `depth` it bounds the height of the tree.
    heights: Vec<u32>,
    /// Children of the lists under way, innermost last.
    pending: Vec<u32>,
    diagnostics: Vec<Diagnostic>,
    /// Made at the first mistake.
    lines: Option<LineIndex>,
    /// Line of the last mistake that was reported.
    error_line: u32,
    /// Nested too deep: the rest of the file is skipped without further complaint.
    gave_up: bool,
}

/// Statements.
impl Parser {
    /// Body = [ Statement { terminator Statement } ]
    fn body(&mut self, until: TokenKind) -> u32 {
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

/// Expressions.
impl Parser {
    fn expression(&mut self) -> u32 {
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
    /// Compat: the sign binds stronger than the power, `-2 ^ 2` is 4 (test `operators_bind_as_in_alloy`).
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

/// Tokens, nodes and diagnostics.
impl Parser {
    fn kind(&self) -> TokenKind {
        self.tree.token_kind(self.at)
    }

    fn span(&self) -> Span {
        self.tree.token_span(self.at)
    }

    fn bump(&mut self) {
        if self.kind() == TokenKind::Eof {
            return;
        }
        self.end = self.at + 1;
        self.at = self.next_at(self.at);
    }

    fn skip_trivia(&mut self) {
        if self.kind().is_trivia() {
            self.at = self.next_at(self.at);
        }
    }

    /// The token after `at`, trivia left out.
    fn next_at(&self, at: u32) -> u32 {
        let mut next = at;
        while self.tree.token_kind(next) != TokenKind::Eof {
            next += 1;
            if !self.tree.token_kind(next).is_trivia() {
                break;
            }
        }
        next
    }

    /// Consumes a token of this kind, or reports what stands in its place and leaves it.
    fn expect(&mut self, kind: TokenKind) -> bool {
        if self.kind() == kind {
            self.bump();
            return true;
        }
        self.expected(kind.expected());
        false
    }

    /// A name after a dot; a keyword there is reported and consumed.
    fn expect_name(&mut self) -> bool {
        let keyword = matches!(self.kind(), TokenKind::Null | TokenKind::Bool);
        let found = self.expect(TokenKind::Ident);
        if keyword {
            self.bump();
        }
        found
    }

    /// Consumes the bracket that closes `open`.
    fn close(&mut self, kind: TokenKind, open: Span) -> bool {
        if self.kind() == kind {
            self.bump();
            return true;
        }
        let found = self.kind().describe(self.tree.token_text(self.at));
        let message = format!("expected {}, found {found}", kind.expected());
        let mut diagnostic = Diagnostic::error(self.span(), message);
        diagnostic.related.push(Related {
            span: open,
            message: "opened here".to_string(),
        });
        self.report(diagnostic);
        false
    }

    fn expected(&mut self, what: &str) {
        let found = self.kind().describe(self.tree.token_text(self.at));
        let message = format!("expected {what}, found {found}");
        let diagnostic = Diagnostic::error(self.span(), message);
        self.report(match self.after_number() {
            true => diagnostic.hint("numbers are decimal: no 0x, no 0b, no \"_\" between digits"),
            false => diagnostic,
        });
    }

    /// Whether the current token is a name stuck to a number.
    fn after_number(&self) -> bool {
        self.kind() == TokenKind::Ident
            && 0 < self.at
            && self.tree.token_kind(self.at - 1) == TokenKind::Number
    }

    fn error(&mut self, span: Span, message: &str) {
        self.report(Diagnostic::error(span, message));
    }

    /// Reports a mistake unless its line has one, or the lexer has reported the token.
    fn report(&mut self, diagnostic: Diagnostic) {
        let text = &self.tree.text;
        let lines = self.lines.get_or_insert_with(|| LineIndex::new(text));
        let line = lines
            .position(self.tree.tokens[self.at as usize].start)
            .line;
        if line == self.error_line {
            return;
        }
        self.error_line = line;
        if self.kind() != TokenKind::Illegal {
            self.push(diagnostic);
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        // One past the limit, so that the end of the parse knows that there were more.
        if !self.gave_up && self.diagnostics.len() <= DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Before a call that recurses; false when that would be too deep. Each is followed by
    /// [`leave`](Self::leave).
    fn enter(&mut self) -> bool {
        self.depth += 1;
        self.within_depth(0)
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn within_depth(&mut self, height: u32) -> bool {
        if self.depth + height <= DEPTH_MAX {
            return true;
        }
        let message = format!("nested deeper than {DEPTH_MAX} levels; the rest is not read");
        self.push(Diagnostic::error(self.span(), message));
        self.gave_up = true;
        self.at = self.tree.tokens.len() as u32 - 1;
        false
    }

    fn node(&mut self, kind: NodeKind, first: u32, token: u32, left: u32, right: u32) -> u32 {
        let height = 1 + self.height(left).max(self.height(right));
        self.add(
            Node {
                kind,
                first,
                end: self.end,
                token,
                left,
                right,
            },
            height,
        )
    }

    /// A node whose children are what `pending` holds from `start` on.
    fn list_node(&mut self, kind: NodeKind, first: u32, token: u32, start: usize) -> u32 {
        let mut tallest = if kind == NodeKind::Call {
            self.height(token)
        } else {
            0
        };
        for child in &self.pending[start..] {
            tallest = tallest.max(self.height(*child));
        }
        let left = self.tree.lists.len() as u32;
        self.tree.lists.extend(self.pending.drain(start..));
        let right = self.tree.lists.len() as u32;
        // A body has no token of its own: an empty one starts and ends nowhere.
        let empty_body = kind == NodeKind::Body && left == right;
        let end = if empty_body { first } else { self.end };
        self.add(
            Node {
                kind,
                first,
                end,
                token,
                left,
                right,
            },
            tallest + 1,
        )
    }

    fn add(&mut self, node: Node, height: u32) -> u32 {
        self.tree.nodes.push(node);
        self.heights.push(height);
        self.within_depth(height);
        self.tree.nodes.len() as u32 - 1
    }

    fn height(&self, node: u32) -> u32 {
        match node {
            NONE => 0,
            node => self.heights[node as usize],
        }
    }
}
