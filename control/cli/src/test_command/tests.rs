//! Tests of tests: those that pass, those that fail and how, and those that cannot be read.

use schema::Stability;
use syntax::SourceMap;

use super::*;

const CONFIG: &str = r#"
prometheus.relabel "site" {
	forward_to = [prometheus.remote_write.out.receiver]

	rule {
		source_labels = ["__name__"]
		regex         = "go_.*"
		action        = "drop"
	}
	rule {
		target_label = "site"
		replacement  = "b"
	}
}
prometheus.remote_write "out" {
	endpoint {
		url = "http://127.0.0.1:1/"
	}
}
loki.relabel "app" {
	forward_to = [loki.echo.out.receiver]

	rule {
		target_label = "site"
		replacement  = "b"
	}
}
loki.echo "out" { }
"#;

/// The complaints of the only test in `text`.
fn check(text: &str, expect: &[&str]) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("c.alloy");
    std::fs::write(&path, CONFIG).expect("a scratch folder");
    let plan = bench::evaluate(&path, Stability::Experimental).expect("it is valid");
    let cases = case::parse(text, &SourceMap::new());
    let cases = cases.unwrap_or_else(|found| panic!("{found:#?}"));
    let verdict = judge(&cases[0], &plan);
    assert_eq!(verdict.complaints, expect);
}

#[test]
fn samples_are_compared_with_their_labels_and_drops_are_counted() {
    let test = |output: &str, dropped: u32| {
        format!(
            "test \"t\" {{\n component = \"prometheus.relabel.site\"\n\
             input {{\n metrics = `\n up{{job=\"a\"}} 1\n go_x 2\n `\n }}\n\
             expect {{\n output = `{output}`\n dropped = {dropped}\n }}\n}}"
        )
    };
    check(&test("up{job=\"a\", site=\"b\"} 1", 1), &[]);
    check(
        &test("up{job=\"a\"} 1", 0),
        &[
            "-up{job=\"a\"} 1",
            "+up{job=\"a\", site=\"b\"} 1",
            "-dropped 0",
            "+dropped 1",
        ],
    );
}

#[test]
fn log_lines_are_compared_with_labels_and_metadata() {
    check(
        "test \"t\" {\n component = \"loki.relabel.app\"\n input {\n labels = { app = \"x\" }\n\
         lines = [\"one\", \"two\"]\n structured_metadata = { id = \"7\" }\n }\n\
         expect {\n output = `\n {app=\"x\", site=\"b\"} one {id=\"7\"}\n\
         {app=\"x\", site=\"b\"} two {id=\"7\"}\n `\n }\n}",
        &[],
    );
}

#[test]
fn a_test_of_nothing_or_with_the_wrong_signal_fails_with_the_reason() {
    let test = |component: &str| {
        format!("test \"t\" {{\n component = \"{component}\"\n input {{\n lines = [\"a\"]\n }}\n}}")
    };
    check(
        &test("prometheus.relabel.sites"),
        &[
            "the configuration has no component \"prometheus.relabel.sites\"; \
           did you mean \"prometheus.relabel.site\"?",
        ],
    );
    check(
        &test("prometheus.relabel.site"),
        &["this component takes metrics as input"],
    );
}

#[test]
fn mistakes_in_a_test_file_are_told_all_at_once() {
    let found = case::parse("x = 1\ntest \"a\" {\n inputs = 1\n}", &SourceMap::new());
    let messages: Vec<String> = found
        .err()
        .expect("it is wrong")
        .into_iter()
        .map(|diagnostic| diagnostic.message)
        .collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!(messages[0], "a test file holds tests only");
}
