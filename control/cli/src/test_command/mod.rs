//! `invar test`: feeds telemetry into components of a configuration and compares what comes out.
//!
//! ```alloy
//! test "keeps errors only" {
//!     component = "loki.process.app"
//!
//!     input {
//!         labels = { app = "shop" }
//!         lines  = ["level=error msg=a", "level=debug msg=b"]
//!     }
//!     expect {
//!         output  = `{app="shop", level="error"} level=error msg=a`
//!         dropped = 1
//!     }
//! }
//! ```
//!
//! Tests of `site.alloy` stand beside it in `site.test.alloy`, those of a folder in any
//! `*.test.alloy` of it. The components' real code runs on a simulated machine, whose clock jumps:
//! what a component does after a minute costs no waiting, and each run gives the same result.

mod bench;
mod case;
mod diff;
mod shown;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::run::flags::ConfigFlags;
use crate::validate::Format;
use case::{Case, Expect};
use diff::diff;

#[derive(Args, Debug)]
pub struct TestFlags {
    /// The configuration whose tests to run: a file, or a folder
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Run only tests whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,

    /// Text for people, or JSON for pipelines, on standard output
    #[arg(long = "format", value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    config: ConfigFlags,
}

/// How one test ended.
struct Verdict {
    name: String,
    place: String,
    /// What is wrong, a line each; empty when nothing is.
    complaints: Vec<String>,
}

/// What came out of the components.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub lines: Vec<String>,
    pub dropped: u64,
    /// Why inputs were not taken.
    pub refused: Vec<String>,
}

/// Exit status 0 when there are tests and all pass.
pub fn run(flags: &TestFlags) -> Result<(), Failure> {
    flags.config.check().map_err(Failure::message)?;
    let mut cases = Vec::new();
    for file in test_files(&flags.path)? {
        cases.extend(case::read(&file)?);
    }
    cases.retain(|case| case.name.contains(&flags.only));
    if cases.is_empty() {
        let path = flags.path.display();
        return Err(Failure::message(format!(
            "no tests for \"{path}\"; they belong into *.test.alloy beside it"
        )));
    }
    let plan = bench::evaluate(&flags.path, flags.config.stability_level.into())?;
    let verdicts: Vec<Verdict> = cases.iter().map(|case| judge(case, &plan)).collect();
    let failed = verdicts.iter().filter(|it| !it.complaints.is_empty());
    let failed = failed.count();
    match flags.output {
        Format::Text => print!("{}", text(&verdicts, failed)),
        Format::Json => println!("{:#}", as_json(&verdicts)),
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::reported()),
    }
}

fn test_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        let file = path.with_extension("test.alloy");
        return Ok(if file.is_file() {
            vec![file]
        } else {
            Vec::new()
        });
    }
    let failed = |error: std::io::Error| {
        let path = path.display();
        Failure::message(format!("cannot read \"{path}\": {error}"))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if plan::is_test_file(&file) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn judge(case: &Case, plan: &bench::Nodes) -> Verdict {
    let complaints = match bench::run(case, plan) {
        Ok(outcome) => compare(&case.expect, &outcome),
        Err(error) => vec![error],
    };
    Verdict {
        name: case.name.clone(),
        place: case.place.clone(),
        complaints,
    }
}

fn compare(expect: &Expect, outcome: &Outcome) -> Vec<String> {
    let mut complaints = outcome.refused.clone();
    let wanted: Vec<&str> = expect.lines().collect();
    let got: Vec<&str> = outcome.lines.iter().map(String::as_str).collect();
    if wanted != got {
        complaints.extend(diff(&wanted, &got));
    }
    if let Some(dropped) = expect.dropped
        && dropped != outcome.dropped
    {
        complaints.push(format!("-dropped {dropped}"));
        complaints.push(format!("+dropped {}", outcome.dropped));
    }
    complaints
}

fn text(verdicts: &[Verdict], failed: usize) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let word = if verdict.complaints.is_empty() {
            "ok  "
        } else {
            "FAIL"
        };
        text.push_str(&format!("{word} {} ({})\n", verdict.name, verdict.place));
        for line in &verdict.complaints {
            text.push_str(&format!("     {line}\n"));
        }
    }
    let passed = verdicts.len() - failed;
    text + &format!("{passed} passed, {failed} failed\n")
}

fn as_json(verdicts: &[Verdict]) -> Value {
    let shown = verdicts.iter().map(|verdict| {
        json!({
            "name": verdict.name,
            "at": verdict.place,
            "passed": verdict.complaints.is_empty(),
            "complaints": verdict.complaints,
        })
    });
    Value::Array(shown.collect())
}

#[cfg(test)]
mod tests;
