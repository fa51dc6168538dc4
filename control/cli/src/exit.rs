//! How a command fails: with text for the user, and exit status 1, as Alloy's commands do.

use std::process::ExitCode;

/// Why a command ends with a failure.
#[derive(Debug)]
pub struct Failure {
    message: Option<String>,
}

impl Failure {
    /// Printed as `Error: ...` when the process ends.
    pub fn message(text: impl Into<String>) -> Failure {
        Failure {
            message: Some(text.into()),
        }
    }

    /// The command has already said what is wrong.
    pub fn reported() -> Failure {
        Failure { message: None }
    }
}

pub fn status(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(text) = failure.message {
                eprintln!("Error: {text}");
            }
            ExitCode::FAILURE
        }
    }
}
