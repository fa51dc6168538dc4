//! Groups of statements and of conditions, and what happens when one of them fails.

use super::compile::Dialect;
use super::context::Context;
use super::error::{Error, SyntaxError};
use super::functions::Set;
use super::infer;
use super::path::Owner;
use super::program::{Condition, Statement};

/// What becomes of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorMode {
    /// The batch fails.
    Propagate,
    /// It is told of, and the next statement runs.
    Ignore,
    /// The next statement runs.
    Silent,
}

impl ErrorMode {
    /// The mode of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<ErrorMode> {
        match name.to_ascii_lowercase().as_str() {
            "propagate" => Some(ErrorMode::Propagate),
            "ignore" => Some(ErrorMode::Ignore),
            "silent" => Some(ErrorMode::Silent),
            _ => None,
        }
    }
}

/// A statement or condition that failed on an item, and with what.
#[derive(Debug, Clone)]
pub struct Failure<'s> {
    pub text: &'s str,
    pub error: Error,
}

/// Where failures that do not end a batch are told.
pub type Told<'t> = &'t mut dyn FnMut(&Failure<'_>);

/// Statements that run one after the other on each item of their context.
#[derive(Debug)]
pub struct Statements {
    context: Owner,
    conditions: Option<Conditions>,
    statements: Vec<Statement>,
    mode: ErrorMode,
}

/// Conditions of which one has to hold.
#[derive(Debug)]
pub struct Conditions {
    context: Owner,
    conditions: Vec<Condition>,
    mode: ErrorMode,
}

/// Which text of a list is wrong, and how.
pub type Misplaced = (usize, SyntaxError);

impl Statements {
    /// Compiles a group for a context; without one, for the highest that its paths name among the
    /// candidates. The places of mistakes count the statements, then the conditions.
    pub fn compile(
        statements: &[String],
        conditions: &[String],
        context: Option<Owner>,
        candidates: &[Owner],
        mode: ErrorMode,
    ) -> Result<Statements, Misplaced> {
        let set = Set::Transform;
        let dialect = match context {
            Some(context) => Dialect {
                context,
                set,
                prefixed: false,
            },
            None => Dialect {
                context: infer::infer(statements, conditions, set, candidates)?,
                set,
                prefixed: true,
            },
        };
        let compiled = statements.iter().enumerate().map(|(index, text)| {
            let statement = dialect.statement(text);
            statement.map_err(|error| (index, error))
        });
        let compiled = compiled.collect::<Result<Vec<_>, _>>()?;
        let conditions = match conditions {
            [] => None,
            conditions => {
                let compiled = Conditions::with(dialect, conditions, mode);
                let after = |(index, error)| (statements.len() + index, error);
                Some(compiled.map_err(after)?)
            }
        };
        Ok(Statements {
            context: dialect.context,
            conditions,
            statements: compiled,
            mode,
        })
    }

    /// What each statement is run on.
    #[must_use]
    pub fn context(&self) -> Owner {
        self.context
    }

    /// Runs the statements on an item.
    pub fn run(&self, context: &mut dyn Context, told: Told<'_>) -> Result<(), Failure<'_>> {
        if let Some(conditions) = &self.conditions
            && !conditions.any(context, told)?
        {
            return Ok(());
        }
        for statement in &self.statements {
            if let Err(error) = statement.run(context) {
                let text = statement.text();
                settle(self.mode, Failure { text, error }, told)?;
            }
        }
        Ok(())
    }
}

impl Conditions {
    /// Compiles conditions for a context; without one, for the highest that their paths name.
    pub fn compile(
        conditions: &[String],
        context: Option<Owner>,
        candidates: &[Owner],
        set: Set,
        mode: ErrorMode,
    ) -> Result<Conditions, Misplaced> {
        let dialect = match context {
            Some(context) => Dialect {
                context,
                set,
                prefixed: false,
            },
            None => Dialect {
                context: infer::infer(&[], conditions, set, candidates)?,
                set,
                prefixed: true,
            },
        };
        Conditions::with(dialect, conditions, mode)
    }

    fn with(
        dialect: Dialect,
        conditions: &[String],
        mode: ErrorMode,
    ) -> Result<Conditions, Misplaced> {
        let compiled = conditions.iter().enumerate().map(|(index, text)| {
            let condition = dialect.condition(text);
            condition.map_err(|error| (index, error))
        });
        Ok(Conditions {
            context: dialect.context,
            conditions: compiled.collect::<Result<_, _>>()?,
            mode,
        })
    }

    /// What the conditions are asked of.
    #[must_use]
    pub fn context(&self) -> Owner {
        self.context
    }

    /// Whether one of the conditions holds. One that fails does not hold.
    pub fn any(&self, context: &dyn Context, told: Told<'_>) -> Result<bool, Failure<'_>> {
        for condition in &self.conditions {
            match condition.holds(context) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => {
                    let text = condition.text();
                    settle(self.mode, Failure { text, error }, told)?;
                }
            }
        }
        Ok(false)
    }
}

fn settle<'s>(mode: ErrorMode, failure: Failure<'s>, told: Told<'_>) -> Result<(), Failure<'s>> {
    match mode {
        ErrorMode::Propagate => return Err(failure),
        ErrorMode::Ignore => told(&failure),
        ErrorMode::Silent => {}
    }
    Ok(())
}
