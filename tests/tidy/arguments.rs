//! Every setting that users can write has its documentation: the doc comment of its field.

use crate::repository::Source;
use crate::{Finding, report, repository};

#[test]
fn arguments_are_documented() {
    let mut findings = Vec::new();
    let ours = |source: &&Source| ["dataplane", "control"].contains(&source.folder());
    for source in repository().sources.iter().filter(ours) {
        for (line, name) in undocumented(source) {
            let message =
                format!("argument {name} has no doc comment, which is its reference page");
            findings.push(Finding::new(&source.path, line, message));
        }
    }
    report("arguments", findings);
}

/// Line and name of each field without a doc comment, in structs that derive `Arguments`.
fn undocumented(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code = source.scrubbed.code.lines();
    let lines = code
        .zip(source.scrubbed.comments.lines())
        .enumerate()
        .take(source.tests_start);
    let mut derives = false;
    // Open brackets of any kind since the struct's own brace; none before it.
    let mut depth = None;
    let mut documented = false;
    for (index, (code, comment)) in lines {
        let code = code.trim();
        derives |= code.starts_with("#[derive(") && code.contains("Arguments");
        let Some(open) = depth else {
            if derives && code.contains("struct ") {
                derives = false;
                depth = code.ends_with('{').then_some(1);
            }
            continue;
        };
        if open == 1 {
            documented |= comment.trim().starts_with("///");
            if let Some(name) = field_name(code) {
                if !documented {
                    found.push((index + 1, name.to_string()));
                }
                documented = false;
            }
        }
        let opened = code.matches(['{', '(', '[']).count();
        let closed = code.matches(['}', ')', ']']).count();
        depth = (open + opened > closed).then(|| open + opened - closed);
    }
    found
}

fn field_name(code: &str) -> Option<&str> {
    let (name, _) = code.split_once(':')?;
    let name = name
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub ");
    let letters = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '#';
    (!name.is_empty() && !name.starts_with('#') && name.chars().all(letters)).then_some(name)
}

#[test]
fn fields_without_a_doc_comment_are_found() {
    let text = "#[derive(Debug, Arguments)]\nstruct A {\n    /// Why.\n    #[arg(\n\
                \x20       default = 1\n    )]\n    pub one: u8,\n    #[arg(required)]\n\
                \x20   two: Vec<u8>,\n}\nstruct B {\n    three: u8,\n}\n";
    let source = Source {
        path: "dataplane/x/src/a.rs".to_string(),
        text: text.to_string(),
        scrubbed: crate::scrub::scrub(text),
        tests_start: text.lines().count(),
    };
    assert_eq!(undocumented(&source), [(9, "two".to_string())]);
}
