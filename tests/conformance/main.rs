//! Runs the recorded Alloy cases (`conform.py`, see README.md) against the binary.
//!
//! `passing.txt` lists the cases that pass; it only grows: a listed case that fails is a
//! regression. A case that differs on purpose stands in `differences.txt` with its reason.
//! `UPDATE=1 cargo test -p tests --test conformance` runs every case and adds those that now pass;
//! `CASES=regex` runs only matching ones.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests drive the program from outside the seam"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{invar, python, root, scratch};

/// Cases at the same time: most of a case's time is waiting, so this is not the number of cores.
const JOBS: usize = 8;

#[test]
fn recorded_cases_pass() {
    let passing = listed("passing.txt");
    if std::env::var_os("UPDATE").is_some() {
        let report = run(std::env::var("CASES").iter().map(String::as_str));
        let all: BTreeSet<String> = passing.union(&report.passed).cloned().collect();
        let text: String = all.iter().map(|case| format!("{case}\n")).collect();
        std::fs::write(folder().join("passing.txt"), text).expect("the list is writable");
        let lost: Vec<&String> = report.failed.intersection(&passing).collect();
        assert!(lost.is_empty(), "these passed before: {lost:?}");
        return;
    }
    let patterns: Vec<String> = match std::env::var("CASES") {
        Ok(pattern) => vec![pattern],
        Err(_) => passing.iter().map(|case| format!("^{case}$")).collect(),
    };
    let report = run(patterns.iter().map(String::as_str));
    assert!(!report.passed.is_empty(), "no case was run");
    // Cases wait for wall-clock times, which a busy machine misses: what failed has to fail alone
    // too.
    let again: Vec<String> = report
        .failed
        .iter()
        .map(|case| format!("^{case}$"))
        .collect();
    if !again.is_empty() {
        println!("again, alone: {:?}", report.failed);
        let report = run(again.iter().map(String::as_str));
        assert!(report.failed.is_empty(), "failed: {:?}", report.failed);
    }
}

#[test]
fn every_difference_has_a_case_and_a_reason() {
    let text =
        std::fs::read_to_string(folder().join("differences.txt")).expect("the list is there");
    let passing = listed("passing.txt");
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (case, reason) = line
            .split_once(": ")
            .expect("lines read `area/case: reason`");
        assert!(
            folder().join("cases").join(case).is_dir(),
            "no such case: {case}"
        );
        assert!(!reason.trim().is_empty(), "{case} has no reason");
        assert!(
            !passing.contains(case),
            "{case} is listed as passing and as different"
        );
    }
}

struct Report {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

/// Runs the cases that match one of `patterns` (all, when there is none).
fn run<'a>(patterns: impl Iterator<Item = &'a str>) -> Report {
    let report = scratch().join("conformance.json");
    let mut command = Command::new(python::with(&folder().join("requirements.txt")));
    command
        .arg(folder().join("conform.py"))
        .arg("run")
        .arg("-q");
    command
        .arg("--bin")
        .arg(invar::binary())
        .arg("--json")
        .arg(&report);
    command.args(["--jobs", &JOBS.to_string(), "--log-lines", "5"]);
    for pattern in patterns {
        command.args(["-k", pattern]);
    }
    // Its status says whether all passed; the report says which did not.
    command.status().expect("python runs");
    let text = std::fs::read_to_string(&report).expect("the runner wrote its report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("the report is JSON");
    let cases = report["cases"].as_array().expect("the report lists cases");
    let of = |ok: bool| {
        let chosen = cases.iter().filter(|case| case["ok"] == ok);
        chosen
            .map(|case| case["case"].as_str().expect("a case has a name").to_owned())
            .collect()
    };
    Report {
        passed: of(true),
        failed: of(false),
    }
}

fn listed(name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(folder().join(name)).expect("the list is there");
    text.lines().map(str::to_owned).collect()
}

fn folder() -> PathBuf {
    root().join(Path::new("tests/conformance"))
}
