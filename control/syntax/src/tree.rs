//! The tree of one file, flat in memory, and the typed views by which it is read.
//!
//! The tokens cover every byte of the text in order; the nodes point into them. A view is a
//! reference to the tree and an index: two words, `Copy`, made anew at each step. What must outlive
//! a borrow keeps the `Arc<Tree>` and an [`ExprId`] or [`StmtId`].

use std::sync::Arc;

use crate::source::Span;
use crate::token::TokenKind;
use crate::views::{Body, Expr, Stmt};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub start: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Statements: `children`.
    Body,
    /// Name: `token`; value: `left`.
    Attribute,
    /// Name: tokens from the first to `token`; label token: `left`, or [`NONE`]; body: `right`.
    Block,
    /// Null, bool, number, float or string: `token`.
    Literal,
    /// `token`.
    Ident,
    /// Elements: `children`.
    Array,
    /// Fields: `children`.
    Object,
    /// Key: `token`; value: `left`.
    Field,
    /// Value: `left`; name: `token`.
    Access,
    /// Value: `left`; index: `right`.
    Index,
    /// Callee: `token` is its node; arguments: `children`.
    Call,
    /// Operator: `token`; operand: `left`.
    Unary,
    /// Operator: `token`; operands: `left` and `right`.
    Binary,
    /// Inner: `left`.
    Paren,
    /// Where an expression should have been.
    Missing,
}

/// A node: 24 bytes. What the last three mean depends on the kind; `children` are
/// `lists[left..right]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub kind: NodeKind,
    /// First token, and the one after the last, blanks around not included.
    pub first: u32,
    pub end: u32,
    pub token: u32,
    pub left: u32,
    pub right: u32,
}

pub(crate) const NONE: u32 = u32::MAX;

/// A parsed file.
#[derive(Debug)]
pub struct Tree {
    pub(crate) file: u32,
    pub(crate) text: Arc<str>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) lists: Vec<u32>,
    pub(crate) root: u32,
}

/// An expression's place in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

/// A statement's place in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StmtId(pub(crate) u32);

impl Tree {
    /// The statements of the file.
    pub fn body(&self) -> Body<'_> {
        Body::new(self, self.root)
    }

    pub fn file(&self) -> u32 {
        self.file
    }

    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The expression that bore this id; ids of another tree give nonsense or panic.
    pub fn expr(&self, id: ExprId) -> Expr<'_> {
        Expr::new(self, id.0)
    }

    /// The statement that bore this id; ids of another tree give nonsense or panic.
    pub fn stmt(&self, id: StmtId) -> Stmt<'_> {
        Stmt::new(self, id.0)
    }

    /// Every token of the file in order, blanks and comments too: the texts joined are the file.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = (TokenKind, &str)> {
        (0..self.tokens.len() as u32).map(|at| (self.token_kind(at), self.token_text(at)))
    }

    pub(crate) fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    pub(crate) fn children(&self, node: &Node) -> &[u32] {
        &self.lists[node.left as usize..node.right as usize]
    }

    pub(crate) fn token_kind(&self, at: u32) -> TokenKind {
        self.tokens[at as usize].kind
    }

    pub(crate) fn token_span(&self, at: u32) -> Span {
        let start = self.tokens[at as usize].start;
        let next = self.tokens.get(at as usize + 1);
        let end = next.map_or(self.text.len() as u32, |token| token.start);
        Span::new(self.file, start, end)
    }

    pub(crate) fn token_text(&self, at: u32) -> &str {
        let span = self.token_span(at);
        &self.text[span.start as usize..span.end as usize]
    }

    /// The bytes of a node; empty where it has no token.
    pub(crate) fn node_span(&self, at: u32) -> Span {
        let node = self.node(at);
        if node.first == node.end {
            return self.token_span(node.first).head();
        }
        self.token_span(node.first)
            .to(self.token_span(node.end - 1))
    }
}
