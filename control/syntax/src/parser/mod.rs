//! Tokens to tree, by recursive descent with one token of lookahead.
//!
//! After a mistake the parser goes on at a place that it can trust: the end of the statement, or
//! the closing bracket of the list. A mistake on a line that already has one is most likely its
//! echo, and is not reported.
//!
//! Here are the entry, and what every rule needs: tokens, nodes, diagnostics. The rules stand in
//! `statements` and `expressions`, their grammar above them.

mod expressions;
mod statements;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Related};
use crate::lexer::{self, Lexed};
use crate::limits::{DEPTH_MAX, DIAGNOSTICS_MAX, SOURCE_BYTES_MAX};
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
    // A guess that spares most of the growth: blanks and symbols have no node.
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
