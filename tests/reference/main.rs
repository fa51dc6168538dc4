//! What the program declares, held against tables made from Alloy's documentation and code.
//!
//! `components/`, `config-blocks.json`, `cli.json` and `stdlib.json` are data, as they were handed
//! over. Where the two part, `differences.txt` says why; a difference without a line fails, and so
//! does a line without a difference.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests drive the program from outside the seam"
)]

mod declarations;
mod defaults;
mod differences;
mod flags;
mod functions;

use std::path::PathBuf;

use serde_json::Value;

/// Where the data is.
fn folder() -> PathBuf {
    tests::root().join("tests/reference")
}

fn read(path: &str) -> Value {
    let path = folder().join(path);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs the program and gives what it printed; panics when it fails.
fn printed(args: &[&str]) -> String {
    let output = std::process::Command::new(tests::invar::binary())
        .args(args)
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "invar {args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}
