//! Compiled statements: names resolved, patterns compiled, constants folded.

use super::context::Context;
use super::error::Error;
use super::functions::{Editor, Function};
use super::path::Path;
use super::tree::{Comparison, Operator};
use super::value::Value;

/// An expression.
#[derive(Debug)]
pub(super) enum Expression {
    Literal(Value<'static>),
    Path(Reference),
    Call(Box<Call>),
    Math(Box<Expression>, Operator, Box<Expression>),
    Negate(Box<Expression>),
    List(Vec<Expression>),
    Map(Vec<(String, Expression)>),
}

/// A field with its keys.
#[derive(Debug)]
pub(super) struct Reference {
    pub path: Path,
    pub keys: Vec<Key>,
}

#[derive(Debug)]
pub(super) enum Key {
    Text(String),
    Index(i64),
    Computed(Expression),
}

/// A converter with its arguments, and keys into its result.
#[derive(Debug)]
pub(super) struct Call {
    pub function: Function,
    pub arguments: Vec<Argument>,
    pub keys: Vec<Key>,
}

/// An argument and what it must evaluate to.
#[derive(Debug)]
pub(super) struct Argument {
    pub kind: super::coerce::Kind,
    pub expression: Option<Expression>,
}

#[derive(Debug)]
pub(super) enum Test {
    Constant(bool),
    Call(Box<Call>),
    Compare(Expression, Comparison, Expression),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

/// A statement that can be run on items of its context.
#[derive(Debug)]
pub struct Statement {
    pub(super) text: String,
    pub(super) editor: Editor,
    pub(super) test: Test,
}

/// A condition that can be asked of items of its context.
#[derive(Debug)]
pub struct Condition {
    pub(super) text: String,
    pub(super) test: Test,
}

/// A value that can be read of items of its context.
#[derive(Debug)]
pub struct ValueExpression {
    pub(super) text: String,
    pub(super) expression: Expression,
}

impl Statement {
    /// Runs the statement; whether its condition held.
    pub fn run(&self, context: &mut dyn Context) -> Result<bool, Error> {
        if !self.test.holds(context)? {
            return Ok(false);
        }
        self.editor.run(context)?;
        Ok(true)
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Condition {
    pub fn holds(&self, context: &dyn Context) -> Result<bool, Error> {
        self.test.holds(context)
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl ValueExpression {
    pub fn value<'c>(&'c self, context: &'c dyn Context) -> Result<Value<'c>, Error> {
        self.expression.value(context)
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
