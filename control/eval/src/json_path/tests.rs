//! `testdata/json_path.tsv` was answered by the library that Alloy uses: document, path, result,
//! each as JSON; `path error` or `json error` where it refuses one.

use super::parse;
use crate::testing::same;

fn found(document: &str, path: &str) -> serde_json::Value {
    let Ok(path) = parse(path) else {
        return "path error".into();
    };
    match serde_json::from_str::<serde_json::Value>(document) {
        Ok(json) => path.select(&json).into_iter().cloned().collect(),
        Err(_) => "json error".into(),
    }
}

#[test]
fn paths_find_what_the_reference_finds() {
    let mut wrong = Vec::new();
    for row in include_str!("../../testdata/json_path.tsv").lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [document, path, expected] = columns[..] else {
            panic!("a row has three columns: {row}");
        };
        let text = |json: &str| serde_json::from_str::<String>(json).expect("JSON");
        let expected = serde_json::from_str(expected).unwrap_or_else(|_| expected.into());
        let found = found(&text(document), &text(path));
        if !same(&found, &expected) {
            wrong.push(format!("{row}\n  found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nesting_is_limited() {
    let error = parse(&format!("$[?{}", "(".repeat(100_000))).expect_err("too deep");
    assert!(error.contains("too many brackets"), "{error}");
}
