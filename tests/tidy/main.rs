//! The style of the repository, as far as a machine can see it.
//!
//! Each rule is one test. A test that fails lists every place, with what to do about it; what is
//! right in spite of a rule stands in `allowed.txt` with its reason. The text of the repository is
//! all that is read, and Cargo's list of dependencies: nothing is built.

#![forbid(unsafe_code)]

mod allowed;
mod arguments;
mod arrows;
mod layout;
mod licences;
mod manifest;
mod repository;
mod scrub;
mod sizes;
mod words;

use repository::Repository;

/// One place that breaks a rule.
struct Finding {
    /// Relative to the repository.
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: path.to_string(),
            line,
            message: message.into(),
        }
    }
}

/// Fails with every finding of a rule that `allowed.txt` does not excuse.
fn report(rule: &str, findings: Vec<Finding>) {
    let allowed = allowed::of_rule(rule);
    let mut told = Vec::new();
    for Finding {
        path,
        line,
        message,
    } in &findings
    {
        if !allowed.iter().any(|allowed| allowed.path == *path) {
            told.push(format!("{path}:{line}: {message}"));
        }
    }
    for entry in allowed {
        if !findings.iter().any(|finding| finding.path == entry.path) {
            let path = &entry.path;
            told.push(format!(
                "tests/tidy/allowed.txt: \"{rule} {path}\" excuses nothing, remove it"
            ));
        }
    }
    told.sort();
    assert!(
        told.is_empty(),
        "{} of rule \"{rule}\":\n{}\n",
        told.len(),
        told.join("\n")
    );
}

/// The repository, read once for all rules.
fn repository() -> &'static Repository {
    static REPOSITORY: std::sync::OnceLock<Repository> = std::sync::OnceLock::new();
    REPOSITORY.get_or_init(Repository::read)
}
