//! Typed views of the tree: statements, blocks, attributes, expressions.

use std::borrow::Cow;
use std::slice;

use crate::literal::{self, Number};
use crate::source::Span;
use crate::token::TokenKind;
use crate::tree::{ExprId, NONE, Node, NodeKind, StmtId, Tree};

/// A name as written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'t> {
    pub text: &'t str,
    pub span: Span,
}

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
    /// characters, and configurations send it so (test `keys_keep_their_escapes`).
    pub fn key(self) -> Name<'t> {
        let token = self.tree.node(self.at).token;
        if token == NONE {
            return Name {
                text: "",
                span: self.tree.node_span(self.at).head(),
            };
        }
        let written = name_of(self.tree, token);
        Name {
            text: literal::unquoted(written.text),
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

fn name_of(tree: &Tree, token: u32) -> Name<'_> {
    Name {
        text: tree.token_text(token),
        span: tree.token_span(token),
    }
}

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
