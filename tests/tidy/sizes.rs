//! Sizes: a smoke alarm. Split at a boundary that has a name, or say in `allowed.txt` why not.

use crate::repository::Source;
use crate::scrub::block_end;
use crate::{Finding, report, repository};

/// Limit: lines of a file, tests apart. Median of clear dataplanes is 150, p95 below 800.
const FILE_LINES_MAX: usize = 500;

/// Limit: lines of a function from its name to its closing brace: one screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Limit: characters of a line.
const COLUMNS_MAX: usize = 100;

#[test]
fn files_fit_their_limit() {
    let mut findings = Vec::new();
    for source in &repository().sources {
        let lines = source.tests_start;
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines without its tests, more than {FILE_LINES_MAX}");
            findings.push(Finding::new(&source.path, FILE_LINES_MAX, message));
        }
    }
    report("lines", findings);
}

#[test]
fn functions_fit_their_limit() {
    let mut findings = Vec::new();
    for source in &repository().sources {
        for (name, line, lines) in functions(source) {
            if lines > FUNCTION_LINES_MAX && line < source.tests_start {
                let message =
                    format!("function {name} has {lines} lines, more than {FUNCTION_LINES_MAX}");
                findings.push(Finding::new(&source.path, line, message));
            }
        }
    }
    report("functions", findings);
}

#[test]
fn lines_fit_their_limit() {
    let mut findings = Vec::new();
    for source in &repository().sources {
        for (index, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                let message = format!("{columns} columns, more than {COLUMNS_MAX}");
                findings.push(Finding::new(&source.path, index + 1, message));
            }
        }
    }
    report("columns", findings);
}

/// Name, line and number of lines of each function that has a body.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let code = &source.scrubbed.code;
    let mut functions = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let name: String = code[start + 3..]
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect();
        let Some(open) = code[start..].find(['{', ';']).map(|at| start + at) else {
            continue;
        };
        if name.is_empty() || code.as_bytes()[open] == b';' {
            continue;
        }
        let Some(end) = block_end(code, open) else {
            continue;
        };
        let line = code[..start].matches('\n').count() + 1;
        functions.push((name, line, code[start..end].matches('\n').count() + 1));
    }
    functions
}

#[test]
fn functions_are_measured_from_name_to_brace() {
    let text = "//! A file.\nfn one() {}\n\npub fn two(\n    f: fn(u8) -> u8,\n) {\n    \"}\";\n}\n\
                trait T {\n    fn three();\n}\n";
    let source = Source {
        path: "wal/src/a.rs".to_string(),
        text: text.to_string(),
        scrubbed: crate::scrub::scrub(text),
        tests_start: 11,
    };
    let expected = [("one".to_string(), 2, 1), ("two".to_string(), 4, 5)];
    assert_eq!(functions(&source), expected);
}
