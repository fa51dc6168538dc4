//! discovery.file: its two formats, and files that come, change, break and go.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use eval::Instance;
use schema::Value;

use super::watch::LOOK_INTERVAL;
use super::*;
use crate::tests::{on_paused_control, start, targets};

/// Targets as lines of `name=value,...`, or the error.
fn check(content: &str, format: Format, expect: &str) {
    let found = match decode(content.as_bytes(), format, "/f") {
        Ok(targets) => {
            let line = |target: &schema::Target| {
                let pairs = target.iter().filter(|(name, _)| *name != "__meta_filepath");
                let pairs: Vec<String> = pairs
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                pairs.join(",")
            };
            targets.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("error: {error}"),
    };
    let matches = found == expect || (expect == "error" && found.starts_with("error: "));
    assert!(matches, "of {content}\n got {found}\nwant {expect}");
}

#[test]
fn both_formats_hold_the_same_groups() {
    let expect = "__address__=a:1,env=prod\n__address__=b:2,env=prod\n__address__=c:3";
    let json = r#"[{"targets":["a:1","b:2"],"labels":{"env":"prod"}},{"targets":["c:3"]}]"#;
    check(json, Format::Json, expect);
    let yaml = "- targets: [a:1, 'b:2']\n  labels:\n    env: prod\n- targets:\n    - c:3\n";
    check(yaml, Format::Yaml, expect);
    // JSON is YAML.
    check(json, Format::Yaml, expect);
}

#[test]
fn scalars_of_yaml_are_texts() {
    let yaml = "- targets: [9100]\n  labels: {a: 1, b: yes, c: 0x10, d: 1.50}\n";
    check(
        yaml,
        Format::Yaml,
        "__address__=9100,a=1,b=yes,c=0x10,d=1.50",
    );
    let anchors = "- &a\n  targets: [x]\n  labels: &l {k: v}\n- targets: [y]\n  labels: *l\n";
    check(
        anchors,
        Format::Yaml,
        "__address__=x,k=v\n__address__=y,k=v",
    );
}

#[test]
fn empty_documents_are_empty_lists_and_what_prometheus_refuses_is_refused() {
    for content in ["", "[]", "null", "# nothing\n"] {
        check(content, Format::Yaml, "");
    }
    check("null", Format::Json, "");
    for content in [
        "",
        "{}",
        "[null]",
        r#"[{"targets":"a"}]"#,
        r#"[{"targets":["a"],"more":1}]"#,
    ] {
        check(content, Format::Json, "error");
    }
    for content in [
        "a",
        "- targets: a\n",
        "- targets: [a]\n  targets: [b]\n",
        "- x: 1\n",
        "[",
    ] {
        check(content, Format::Yaml, "error");
    }
}

async fn started(files: &Path, interval: &str) -> Instance {
    let files = Value::array([Value::from(files.display().to_string())]);
    let arguments = [
        ("files", files),
        ("refresh_interval", Value::from(interval)),
    ];
    let started = start(&COMPONENT, arguments, Rc::default()).await;
    started.expect("the arguments are valid")
}

/// Addresses of what is exported, after there was time to look.
async fn addresses(instance: &Instance) -> Vec<String> {
    tokio::time::sleep(2 * LOOK_INTERVAL).await;
    let addresses = targets(instance);
    addresses
        .iter()
        .map(|target| target.get("__address__").unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn files_come_change_break_and_go() {
    on_paused_control(async || {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (a, b) = (folder.path().join("a.json"), folder.path().join("b.json"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("a scratch folder");
        write(&a, r#"[{"targets":["a:1"]}]"#);
        let instance = started(&folder.path().join("*.json"), "1h").await;
        assert_eq!(addresses(&instance).await, ["a:1"]);
        let exported = targets(&instance);
        assert_eq!(
            exported[0].get("__meta_filepath"),
            Some(&*a.display().to_string())
        );

        write(&b, r#"[{"targets":["b:1"]},{"targets":["b:2"]}]"#);
        assert_eq!(addresses(&instance).await, ["a:1", "b:1", "b:2"]);
        write(&b, r#"[{"targets":["b:12"]}]"#);
        assert_eq!(addresses(&instance).await, ["a:1", "b:12"]);

        write(&a, "[{");
        assert_eq!(addresses(&instance).await, ["a:1", "b:12"]);
        assert_eq!(instance.metrics(), [(READ_ERRORS, 1.0)]);

        fs::remove_file(&b).expect("it was there");
        assert_eq!(addresses(&instance).await, ["a:1"]);
        fs::remove_file(&a).expect("it was there");
        assert_eq!(addresses(&instance).await, Vec::<String>::new());
    });
}

#[test]
fn each_refresh_reads_what_looks_unchanged() {
    on_paused_control(async || {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("a.yml");
        fs::write(&path, "- targets: [").expect("a scratch folder");
        let instance = started(&path, "10s").await;
        tokio::time::sleep(Duration::from_secs(35)).await;
        assert_eq!(instance.metrics(), [(READ_ERRORS, 4.0)]);
    });
}

#[test]
fn paths_that_are_not_for_targets_are_refused() {
    for path in ["/a", "/a.txt", "/*/a.json", "/*a*.json", "/[a.json"] {
        let file = Value::array([Value::from(path)]);
        let errors = crate::tests::refusals(&COMPONENT, [("files", file)]);
        assert_eq!(errors.len(), 1, "{path}: {errors:?}");
    }
}
