//! Bodies, and the attributes and blocks that they hold.

use std::borrow::Cow;

use crate::literal;
use crate::source::Span;
use crate::token::TokenKind;
use crate::tree::{NONE, Node, NodeKind, StmtId, Tree};
use crate::views::{Expr, Name, name_of};

/// The statements of a file or of a block.
#[derive(Clone, Copy, Debug)]
pub struct Body<'t> {
    tree: &'t Tree,
    at: u32,
}

impl<'t> Body<'t> {
    pub(crate) fn new(tree: &'t Tree, at: u32) -> Body<'t> {
        Body { tree, at }
    }

    /// In the order of the text.
    pub fn statements(self) -> impl ExactSizeIterator<Item = Stmt<'t>> + Clone {
        let tree = self.tree;
        tree.children(tree.node(self.at))
            .iter()
            .map(move |at| Stmt::new(tree, *at))
    }

    pub fn attributes(self) -> impl Iterator<Item = Attribute<'t>> + Clone {
        self.statements().filter_map(|stmt| match stmt {
            Stmt::Attribute(attribute) => Some(attribute),
            Stmt::Block(_) => None,
        })
    }

    pub fn blocks(self) -> impl Iterator<Item = Block<'t>> + Clone {
        self.statements().filter_map(|stmt| match stmt {
            Stmt::Block(block) => Some(block),
            Stmt::Attribute(_) => None,
        })
    }

    pub fn is_empty(self) -> bool {
        self.statements().len() == 0
    }

    /// From the first statement to the last.
    pub fn span(self) -> Span {
        self.tree.node_span(self.at)
    }

    pub fn tree(self) -> &'t Tree {
        self.tree
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Stmt<'t> {
    Attribute(Attribute<'t>),
    Block(Block<'t>),
}

impl<'t> Stmt<'t> {
    pub(crate) fn new(tree: &'t Tree, at: u32) -> Stmt<'t> {
        match tree.node(at).kind {
            NodeKind::Attribute => Stmt::Attribute(Attribute { tree, at }),
            NodeKind::Block => Stmt::Block(Block { tree, at }),
            kind => unreachable!("a statement is an attribute or a block, not {kind:?}"),
        }
    }

    pub fn id(self) -> StmtId {
        match self {
            Stmt::Attribute(attribute) => StmtId(attribute.at),
            Stmt::Block(block) => StmtId(block.at),
        }
    }

    pub fn span(self) -> Span {
        match self {
            Stmt::Attribute(attribute) => attribute.span(),
            Stmt::Block(block) => block.span(),
        }
    }
}

/// `name = value`
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'t> {
    tree: &'t Tree,
    at: u32,
}

impl<'t> Attribute<'t> {
    pub fn id(self) -> StmtId {
        StmtId(self.at)
    }

    pub fn name(self) -> Name<'t> {
        name_of(self.tree, self.node().token)
    }

    pub fn value(self) -> Expr<'t> {
        Expr::new(self.tree, self.node().left)
    }

    pub fn span(self) -> Span {
        self.tree.node_span(self.at)
    }

    fn node(self) -> &'t Node {
        self.tree.node(self.at)
    }
}

/// `name.name "label" { statements }`
#[derive(Clone, Copy, Debug)]
pub struct Block<'t> {
    tree: &'t Tree,
    at: u32,
}

impl<'t> Block<'t> {
    pub fn id(self) -> StmtId {
        StmtId(self.at)
    }

    /// The names joined with dots, whatever blanks stand between them.
    pub fn name(self) -> Cow<'t, str> {
        let span = self.name_span();
        let written = &self.tree.text[span.start as usize..span.end as usize];
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if written.bytes().all(plain) {
            return Cow::Borrowed(written);
        }
        let segments: Vec<&str> = self.segments().map(|segment| segment.text).collect();
        Cow::Owned(segments.join("."))
    }

    /// The names one by one: `prometheus`, `scrape`.
    pub fn segments(self) -> impl Iterator<Item = Name<'t>> + Clone {
        let (tree, node) = (self.tree, self.node());
        (node.first..=node.token)
            .filter(move |at| tree.token_kind(*at) == TokenKind::Ident)
            .map(move |at| name_of(tree, at))
    }

    pub fn name_span(self) -> Span {
        let node = self.node();
        self.tree
            .token_span(node.first)
            .to(self.tree.token_span(node.token))
    }

    /// The label without its quotes; its span has them. An empty label is none.
    pub fn label(self) -> Option<Name<'t>> {
        let token = self.node().left;
        if token == NONE {
            return None;
        }
        let label = name_of(self.tree, token);
        let text = literal::unquoted(label.text);
        (!text.is_empty()).then_some(Name {
            text,
            span: label.span,
        })
    }

    /// `name.label`, or the name where there is no label.
    pub fn id_path(self) -> String {
        match self.label() {
            Some(label) => format!("{}.{}", self.name(), label.text),
            None => self.name().into_owned(),
        }
    }

    pub fn body(self) -> Body<'t> {
        Body::new(self.tree, self.node().right)
    }

    /// From the name to the closing brace.
    pub fn span(self) -> Span {
        self.tree.node_span(self.at)
    }

    /// Name and label, without the body.
    pub fn head_span(self) -> Span {
        match self.node().left {
            NONE => self.name_span(),
            label => self.name_span().to(self.tree.token_span(label)),
        }
    }

    fn node(self) -> &'t Node {
        self.tree.node(self.at)
    }
}
