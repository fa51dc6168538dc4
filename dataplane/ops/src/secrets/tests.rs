//! What is found, and what is left alone.

use super::{Detector, Rules};

fn found(detector: &Detector, text: &str) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    assert!(
        detector.scan(text, || false, &mut findings),
        "no time runs out"
    );
    let findings = findings.iter();
    findings
        .map(|finding| (finding.rule.to_owned(), finding.secret.to_owned()))
        .collect()
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let found = found(&Detector::new(Rules::built_in()), text);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(rule, secret)| (rule.as_str(), secret.as_str()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn tokens_are_found_by_their_form() {
    let github = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    check(&format!("token {github}"), &[("github-pat", github)]);
    check(&format!("a=\"{github}\", b"), &[("github-pat", github)]);
    check(
        "key AKIAZ2QWERTY7UIOPASD and",
        &[("aws-access-token", "AKIAZ2QWERTY7UIOPASD")],
    );
    check("AKIAIOSFODNN7EXAMPLE", &[]);
    check("ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &[]);
    check(&format!("{github} gitleaks:allow"), &[]);
    let block = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
        "x".repeat(80)
    );
    check(&block, &[("private-key", &block)]);
}

#[test]
fn values_of_names_that_promise_a_secret_are_found() {
    let value = "s3cr3tV4lu3x9Zq81";
    check(&format!("password={value}"), &[("generic-api-key", value)]);
    check(
        &format!(r#""api_key": "{value}""#),
        &[("generic-api-key", value)],
    );
    check("password=changeme_please", &[]);
    check(&format!("primary_key={value}"), &[]);
    check("nothing to see here", &[]);
    let github = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    check(&format!("token={github}"), &[("github-pat", github)]);
}

const FILE: &str = r#"
    title = "mine"
    [[rules]]
    id = "mine"
    regex = '''x-([0-9]+)-([a-z]+)'''
    secretGroup = 2
    entropy = 1
    keywords = ["X-"]
    [[rules.allowlists]]
    regexTarget = "line"
    stopwords = ["test"]
    regexes = ['''^fine''']
    [[rules]]
    id = "of a path"
    path = '''\.pem$'''
"#;

#[test]
fn rules_of_a_file_are_used_alone() {
    let detector = Detector::new(Rules::of_file(FILE).expect("rules"));
    let abcd = [("mine".to_owned(), "abcd".to_owned())];
    assert_eq!(found(&detector, "a x-1-abcd b"), abcd);
    for none in [
        "a x-1-aaaa",
        "fine x-1-abcd",
        "x-1-mytest",
        "password=s3cr3tV4lu3x9Zq81",
    ] {
        assert_eq!(found(&detector, none), [], "{none}");
    }
    let both = format!("[extend]\nuseDefault = true\ndisabledRules = [\"gitlab-pat\"]\n{FILE}");
    let detector = Detector::new(Rules::of_file(&both).expect("rules"));
    assert_eq!(found(&detector, "x-1-abcd").len(), 1);
    assert_eq!(found(&detector, "AKIAZ2QWERTY7UIOPASD").len(), 1);
    assert_eq!(found(&detector, "glpat-a1B2c3D4e5F6g7H8i9J0"), []);
}

#[test]
fn mistakes_of_a_file_are_told() {
    for (text, part) in [
        ("rules = [", "TOML"),
        ("rules = 7", "rules is not a list"),
        ("[[rules]]\nregex = 'x'", "has no id"),
        ("[[rules]]\nid = 'a'\nregex = '('", "rule \"a\": regex"),
        (
            "[[rules]]\nid = 'a'\nregex = 'x'\nsecretGroup = 1",
            "no such group",
        ),
        (
            "[[rules]]\nid = 'a'\nregex = 'x'\nkeywords = [1]",
            "keywords",
        ),
        ("[extend]\npath = 'x'", "extend.useDefault"),
    ] {
        let error = Rules::of_file(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_scan_ends_when_its_time_has_run_out() {
    let detector = Detector::new(Rules::built_in());
    let mut findings = Vec::new();
    assert!(!detector.scan("AKIAZ2QWERTY7UIOPASD", || true, &mut findings));
    assert_eq!(findings, []);
}
