//! Expressions: what they are, what they are made of, what they refer to.

use std::borrow::Cow;
use std::slice;

use crate::literal::{self, Number};
use crate::source::Span;
use crate::token::TokenKind;
use crate::tree::{ExprId, NONE, Node, NodeKind, Tree};
use crate::views::{Name, name_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Not,
    Negate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

#[derive(Clone, Copy, Debug)]
pub struct Expr<'t> {
    tree: &'t Tree,
    at: u32,
}

/// What an expression is, with its parts.
#[derive(Clone, Debug)]
pub enum ExprKind<'t> {
    Null,
    Bool(bool),
    Number(Number),
    /// Escapes resolved. Borrowed from the text where it has none.
    String(Cow<'t, str>),
    Ident(&'t str),
    Array(Exprs<'t>),
    Object(Fields<'t>),
    Access {
        value: Expr<'t>,
        name: Name<'t>,
    },
    Index {
        value: Expr<'t>,
        index: Expr<'t>,
    },
    Call {
        callee: Expr<'t>,
        arguments: Exprs<'t>,
    },
    Unary {
        op: UnaryOp,
        operand: Expr<'t>,
    },
    Binary {
        op: BinaryOp,
        left: Expr<'t>,
        right: Expr<'t>,
    },
    Paren(Expr<'t>),
    /// Nothing stands where an expression should; a diagnostic says so.
    Missing,
}

impl<'t> Expr<'t> {
    pub(crate) fn new(tree: &'t Tree, at: u32) -> Expr<'t> {
        Expr { tree, at }
    }

    pub fn id(self) -> ExprId {
        ExprId(self.at)
    }

    pub fn span(self) -> Span {
        self.tree.node_span(self.at)
    }

    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// The expression as written.
    pub fn source(self) -> &'t str {
        let span = self.span();
        &self.tree.text[span.start as usize..span.end as usize]
    }

    pub fn kind(self) -> ExprKind<'t> {
        let node = self.node();
        match node.kind {
            NodeKind::Literal => self.literal_kind(node.token),
            NodeKind::Ident => ExprKind::Ident(self.tree.token_text(node.token)),
            NodeKind::Array => ExprKind::Array(Exprs::new(self.tree, node)),
            NodeKind::Object => ExprKind::Object(Fields::new(self.tree, node)),
            NodeKind::Access => ExprKind::Access {
                value: self.left(),
                name: name_of(self.tree, node.token),
            },
            NodeKind::Index => ExprKind::Index {
                value: self.left(),
                index: self.right(),
            },
            NodeKind::Call => ExprKind::Call {
                callee: Expr::new(self.tree, node.token),
                arguments: Exprs::new(self.tree, node),
            },
            NodeKind::Unary => ExprKind::Unary {
                op: unary_op(self.main_token()),
                operand: self.left(),
            },
            NodeKind::Binary => ExprKind::Binary {
                op: binary_op(self.main_token()),
                left: self.left(),
                right: self.right(),
            },
            NodeKind::Paren => ExprKind::Paren(self.left()),
            NodeKind::Missing => ExprKind::Missing,
            NodeKind::Body | NodeKind::Attribute | NodeKind::Block | NodeKind::Field => {
                unreachable!("an expression id points at a {:?}", node.kind)
            }
        }
    }

    /// Where the operator of a unary or binary expression stands.
    pub fn operator_span(self) -> Option<Span> {
        let node = self.node();
        matches!(node.kind, NodeKind::Unary | NodeKind::Binary)
            .then(|| self.tree.token_span(node.token))
    }

    /// The names of `a.b.c`; None for anything else.
    pub fn reference(self) -> Option<Vec<Name<'t>>> {
        let mut names = Vec::new();
        let mut at = self;
        loop {
            match at.kind() {
                ExprKind::Ident(text) => {
                    names.push(Name {
                        text,
                        span: at.span(),
                    });
                    names.reverse();
                    return Some(names);
                }
                ExprKind::Access { value, name } => {
                    names.push(name);
                    at = value;
                }
                _ => return None,
            }
        }
    }

    /// Gives the names of every reference inside, `[a, b]` for `f(a.b[0].c)`, the longest of each,
    /// in the order of the text.
    pub fn each_reference(self, found: &mut dyn FnMut(Vec<Name<'t>>)) {
        if let Some(names) = self.reference() {
            return found(names);
        }
        match self.kind() {
            ExprKind::Array(elements) => elements.for_each(|expr| expr.each_reference(found)),
            ExprKind::Object(fields) => {
                fields.for_each(|field| field.value().each_reference(found))
            }
            ExprKind::Call { callee, arguments } => {
                callee.each_reference(found);
                arguments.for_each(|expr| expr.each_reference(found));
            }
            ExprKind::Index { value, index } => {
                value.each_reference(found);
                index.each_reference(found);
            }
            ExprKind::Binary { left, right, .. } => {
                left.each_reference(found);
                right.each_reference(found);
            }
            ExprKind::Access { value: inner, .. }
            | ExprKind::Unary { operand: inner, .. }
            | ExprKind::Paren(inner) => inner.each_reference(found),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Ident(_)
            | ExprKind::Missing => {}
        }
    }

    fn literal_kind(self, token: u32) -> ExprKind<'t> {
        let text = self.tree.token_text(token);
        match self.tree.token_kind(token) {
            TokenKind::Null => ExprKind::Null,
            TokenKind::Bool => ExprKind::Bool(text == "true"),
            TokenKind::Number => ExprKind::Number(literal::integer(text)),
            TokenKind::Float => ExprKind::Number(literal::float(text)),
            TokenKind::String => ExprKind::String(literal::string(text)),
            kind => unreachable!("{kind:?} is no literal"),
        }
    }

    fn left(self) -> Expr<'t> {
        Expr::new(self.tree, self.node().left)
    }

    fn right(self) -> Expr<'t> {
        Expr::new(self.tree, self.node().right)
    }

    fn main_token(self) -> TokenKind {
        self.tree.token_kind(self.node().token)
    }

    fn node(self) -> &'t Node {
        self.tree.node(self.at)
    }
}

/// `key = value` of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field<'t> {
    tree: &'t Tree,
    at: u32,
}

impl<'t> Field<'t> {
    /// The key without its quotes; its span has them.
    ///
    /// Compat: Alloy does not resolve escapes in keys: `"a\"b"` is the key `a\"b` of four
    /// characters, and configurations send it so; an empty key keeps its quotes (test
    /// `keys_keep_their_escapes`).
    pub fn key(self) -> Name<'t> {
        let token = self.tree.node(self.at).token;
        if token == NONE {
            return Name {
                text: "",
                span: self.tree.node_span(self.at).head(),
            };
        }
        let written = name_of(self.tree, token);
        let text = match literal::unquoted(written.text) {
            "" => written.text,
            text => text,
        };
        Name {
            text,
            span: written.span,
        }
    }

    pub fn value(self) -> Expr<'t> {
        Expr::new(self.tree, self.tree.node(self.at).left)
    }

    pub fn span(self) -> Span {
        self.tree.node_span(self.at)
    }
}

/// The elements of an array, or the arguments of a call.
#[derive(Clone, Debug)]
pub struct Exprs<'t> {
    tree: &'t Tree,
    ids: slice::Iter<'t, u32>,
}

impl<'t> Exprs<'t> {
    fn new(tree: &'t Tree, node: &Node) -> Exprs<'t> {
        Exprs {
            tree,
            ids: tree.children(node).iter(),
        }
    }
}

impl<'t> Iterator for Exprs<'t> {
    type Item = Expr<'t>;

    fn next(&mut self) -> Option<Expr<'t>> {
        self.ids.next().map(|at| Expr::new(self.tree, *at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ids.size_hint()
    }
}

impl ExactSizeIterator for Exprs<'_> {}

/// The fields of an object.
#[derive(Clone, Debug)]
pub struct Fields<'t> {
    tree: &'t Tree,
    ids: slice::Iter<'t, u32>,
}

impl<'t> Fields<'t> {
    fn new(tree: &'t Tree, node: &Node) -> Fields<'t> {
        Fields {
            tree,
            ids: tree.children(node).iter(),
        }
    }
}

impl<'t> Iterator for Fields<'t> {
    type Item = Field<'t>;

    fn next(&mut self) -> Option<Field<'t>> {
        self.ids.next().map(|at| Field {
            tree: self.tree,
            at: *at,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ids.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}

fn unary_op(token: TokenKind) -> UnaryOp {
    match token {
        TokenKind::Not => UnaryOp::Not,
        TokenKind::Sub => UnaryOp::Negate,
        kind => unreachable!("{kind:?} is no unary operator"),
    }
}

fn binary_op(token: TokenKind) -> BinaryOp {
    match token {
        TokenKind::Or => BinaryOp::Or,
        TokenKind::And => BinaryOp::And,
        TokenKind::Equal => BinaryOp::Equal,
        TokenKind::NotEqual => BinaryOp::NotEqual,
        TokenKind::Less => BinaryOp::Less,
        TokenKind::LessEqual => BinaryOp::LessEqual,
        TokenKind::Greater => BinaryOp::Greater,
        TokenKind::GreaterEqual => BinaryOp::GreaterEqual,
        TokenKind::Add => BinaryOp::Add,
        TokenKind::Sub => BinaryOp::Sub,
        TokenKind::Mul => BinaryOp::Mul,
        TokenKind::Div => BinaryOp::Div,
        TokenKind::Mod => BinaryOp::Mod,
        TokenKind::Pow => BinaryOp::Pow,
        kind => unreachable!("{kind:?} is no binary operator"),
    }
}
