//! What is right in spite of a rule: `allowed.txt` has lines of rule, path and reason.

/// One excuse.
pub struct Allowed {
    pub rule: String,
    pub path: String,
    reason: String,
}

/// The excuses from one rule.
pub fn of_rule(rule: &str) -> Vec<Allowed> {
    parse(include_str!("allowed.txt"))
        .into_iter()
        .filter(|allowed| allowed.rule == rule)
        .collect()
}

fn parse(text: &str) -> Vec<Allowed> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut allowed = Vec::new();
    for line in lines {
        let mut parts = line.splitn(3, ' ').map(str::to_string);
        let mut next = || parts.next().unwrap_or_default();
        allowed.push(Allowed {
            rule: next(),
            path: next(),
            reason: next(),
        });
    }
    allowed
}

#[test]
fn every_excuse_has_a_rule_and_a_reason() {
    const RULES: [&str; 14] = [
        "arguments",
        "arrows",
        "columns",
        "functions",
        "headers",
        "licences",
        "lines",
        "locks",
        "machines",
        "names",
        "paths",
        "readmes",
        "unsafe",
        "words",
    ];
    for Allowed { rule, path, reason } in parse(include_str!("allowed.txt")) {
        assert!(
            RULES.contains(&rule.as_str()),
            "{path}: no rule is called \"{rule}\""
        );
        assert!(
            reason.split(' ').count() >= 3,
            "{path}: say why \"{rule}\" does not hold there"
        );
    }
}
