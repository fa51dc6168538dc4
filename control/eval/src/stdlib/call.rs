//! The arguments of a call, checked and converted one by one.

use std::sync::Arc;

use schema::{FunctionError, Type, Value};

pub(super) type Result<T = Value> = std::result::Result<T, FunctionError>;

/// An error about the call as a whole.
pub(super) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(FunctionError {
        argument: None,
        message: message.into(),
    })
}

pub(super) struct Call<'a> {
    arguments: &'a [Value],
}

impl<'a> Call<'a> {
    pub fn new(arguments: &'a [Value]) -> Call<'a> {
        Call { arguments }
    }

    /// All arguments, as they were given.
    pub fn all(&self) -> &'a [Value] {
        self.arguments
    }

    pub fn expect(&self, count: usize) -> Result<()> {
        match self.arguments.len() {
            given if given == count => Ok(()),
            given => fail(format!("expected {count} args, got {given}")),
        }
    }

    pub fn expect_at_least(&self, count: usize) -> Result<()> {
        match self.arguments.len() {
            given if given >= count => Ok(()),
            given => fail(format!("expected at least {count} args, got {given}")),
        }
    }

    /// The argument converted as an attribute of this type would be.
    pub fn coerce(&self, at: usize, ty: &Type) -> Result {
        ty.coerce(&self.arguments[at])
            .map_err(|error| FunctionError {
                argument: Some(at),
                message: format!("argument {}{}: {}", at + 1, error.place, error.message),
            })
    }

    /// Null is the empty text.
    pub fn text(&self, at: usize) -> Result<Arc<str>> {
        match self.coerce(at, &Type::String)? {
            Value::String(text) => Ok(text),
            _ => Ok("".into()),
        }
    }

    /// All arguments from this one on as texts.
    pub fn texts(&self, from: usize) -> Result<Vec<Arc<str>>> {
        (from..self.arguments.len())
            .map(|at| self.text(at))
            .collect()
    }

    /// The elements of an array, which is not converted.
    pub fn array(&self, at: usize) -> Result<Arc<Vec<Value>>> {
        self.arguments[at]
            .elements()
            .ok_or_else(|| self.mismatch(at, "array"))
    }

    pub fn bool(&self, at: usize) -> Result<bool> {
        match self.arguments[at] {
            Value::Bool(value) => Ok(value),
            _ => Err(self.mismatch(at, "bool")),
        }
    }

    /// An argument that is not of the type that has to be.
    pub fn mismatch(&self, at: usize, expected: &str) -> FunctionError {
        let found = self.arguments[at].type_name();
        FunctionError {
            argument: Some(at),
            message: format!("argument {} should be {expected}, got {found}", at + 1),
        }
    }

    /// An argument with something else wrong.
    pub fn blame<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(FunctionError {
            argument: Some(at),
            message: message.into(),
        })
    }
}
