//! Typed views of the tree: how everybody but the parser reads it.

mod expression;
mod statement;

pub use expression::{BinaryOp, Expr, ExprKind, Exprs, Field, Fields, UnaryOp};
pub use statement::{Attribute, Block, Body, Stmt};

use crate::source::Span;
use crate::tree::Tree;

/// A name as written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'t> {
    pub text: &'t str,
    pub span: Span,
}

fn name_of(tree: &Tree, token: u32) -> Name<'_> {
    Name {
        text: tree.token_text(token),
        span: tree.token_span(token),
    }
}
