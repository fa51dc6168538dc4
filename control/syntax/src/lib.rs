//! The configuration language: text in, a lossless tree and diagnostics out.
//!
//! Owns the lexer, the parser, the tree with its typed views, the formatter, and the way a
//! diagnostic is placed in a file and shown. Leaves what names and values mean to `eval`, and what
//! a block accepts to `schema`. Pure: no I/O, no clock, no globals; files come as text and an id.
//!
//! Nouns: a *file* is a text with an id in a [`SourceMap`]; a *statement* is an *attribute*
//! (`name = value`) or a *block* (`name.name "label" { statements }`); an *expression* is a value
//! as written; a *span* is a range of bytes of one file.
//!
//! Reading order: `token`, `lexer`, `tree`, `parser`, `views`; then `diagnostic`, `source`,
//! `render`; then `format`.
//!
//! Invariant: [`parse`] never fails and loses no byte. It gives a tree for every input, however
//! broken, and all mistakes of the file in one pass.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests rewrite their testdata")
)]

mod diagnostic;
mod format;
mod lexer;
mod limits;
mod literal;
mod mask;
mod parser;
mod render;
mod source;
mod token;
mod tree;
mod views;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Related, Severity};
pub use format::format;
pub use limits::{DEPTH_MAX, DIAGNOSTICS_MAX, SOURCE_BYTES_MAX};
pub use literal::Number;
pub use mask::masked;
pub use parser::{Parse, parse};
pub use render::{render, render_all, render_json};
pub use source::{Position, Source, SourceMap, Span};
pub use token::TokenKind;
pub use tree::{ExprId, StmtId, Tree};
pub use views::{
    Attribute, BinaryOp, Block, Body, Expr, ExprKind, Exprs, Field, Fields, Name, Stmt, UnaryOp,
};
