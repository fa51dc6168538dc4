//! Every dependency has a licence of the list in `.cargo/deny.toml`, and comes from the registry.

use std::process::Command;

use serde_json::Value;

use crate::{Finding, report, repository};

#[test]
fn dependencies_have_allowed_licences_and_sources() {
    let path = ".cargo/deny.toml";
    let list = std::fs::read_to_string(repository().root.join(path)).expect("deny.toml is text");
    let allowed: Vec<&str> = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .collect();
    assert!(
        allowed.contains(&"MIT"),
        "the list of licences in {path} was not found"
    );
    let mut findings = Vec::new();
    for package in packages() {
        let field = |name: &str| package[name].as_str().unwrap_or("none").to_string();
        let (name, licence, source) = (field("name"), field("license"), field("source"));
        if !satisfied(&licence, &allowed) {
            let message = format!("{name} has the licence \"{licence}\"; do without it");
            findings.push(Finding::new(path, 1, message));
        }
        if source != "none" && !source.starts_with("registry+https://github.com/rust-lang/") {
            let message = format!("{name} comes from {source}; only crates.io is allowed");
            findings.push(Finding::new(path, 1, message));
        }
    }
    report("licences", findings);
}

/// All packages of the workspace, ours too, as Cargo knows them without asking the network.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--locked"]);
    let output = cargo
        .current_dir(&repository().root)
        .output()
        .expect("cargo can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata fails: {errors}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"]
        .as_array()
        .cloned()
        .expect("metadata lists packages")
}

/// Whether an SPDX expression can be met with the allowed licences alone: one alternative of
/// every part that is joined with AND, outside of parentheses.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.trim();
    if allowed.contains(&expression) {
        return true;
    }
    for (joint, every) in [(" OR ", false), ("/", false), (" AND ", true)] {
        let parts = split_outside(expression, joint);
        if parts.len() > 1 {
            let mut met = parts.iter().map(|part| satisfied(part, allowed));
            return if every {
                met.all(|met| met)
            } else {
                met.any(|met| met)
            };
        }
    }
    let inner = expression
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    inner.is_some_and(|inner| satisfied(inner, allowed))
}

fn split_outside<'t>(text: &'t str, joint: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && start <= at && text[at..].starts_with(joint) => {
                parts.push(&text[start..at]);
                start = at + joint.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn licence_expressions_are_understood() {
    let check = |expression| satisfied(expression, &["MIT", "ISC", "Apache-2.0"]);
    assert!(check("MIT"));
    assert!(check("GPL-3.0 OR MIT"));
    assert!(check("MIT/GPL-3.0"));
    assert!(check("ISC AND (GPL-3.0 OR MIT)"));
    assert!(check("(MIT OR GPL-3.0) AND ISC"));
    assert!(!check("GPL-3.0"));
    assert!(!check("MIT AND GPL-3.0"));
    assert!(!check("ISC AND (GPL-3.0 OR LGPL-2.1)"));
    assert!(!check("none"));
}
