//! `testdata/yaml.tsv` was read by Go's yaml.v3: document and result, each as JSON; `error` where
//! it refuses the document.

use schema::Value;

use super::parse;
use crate::testing::{json_of, same};

#[test]
fn documents_mean_what_go_reads() {
    let mut wrong = Vec::new();
    for row in include_str!("../../testdata/yaml.tsv").lines() {
        let (document, expected) = row.split_once('\t').expect("two columns");
        let document: String = serde_json::from_str(document).expect("JSON");
        let found = match parse(&document) {
            Ok(value) => json_of(&value),
            Err(_) => serde_json::Value::from("error"),
        };
        let expected = match expected {
            "error" => serde_json::Value::from("error"),
            json => serde_json::from_str(json).expect("JSON"),
        };
        if !same(&found, &expected) {
            wrong.push(format!(
                "{document:?}\n  found    {found}\n  expected {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn numbers_that_json_does_not_have_are_read() {
    let Ok(Value::Array(values)) = parse("[.nan, .inf, -.INF, 1e400]") else {
        panic!("a list");
    };
    let floats: Vec<f64> = values
        .iter()
        .map(|value| match value {
            Value::Number(number) => number.as_f64(),
            other => panic!("{other:?} is no number"),
        })
        .collect();
    assert!(floats[0].is_nan());
    assert_eq!(floats[1..3], [f64::INFINITY, f64::NEG_INFINITY]);
}

#[test]
fn a_map_with_a_key_that_is_no_text_is_a_capsule() {
    for document in ["1: a\n2: b\n", "true: a\n", "null: x\n", "1.5: x\ny: z\n"] {
        let value = parse(document).expect("reads");
        assert_eq!(
            value.describe(),
            "capsule(\"map[interface {}]interface {}\")"
        );
    }
}

#[test]
fn aliases_of_aliases_do_not_explode() {
    let mut document = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        document.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let error = parse(&document).expect_err("it stands for 10^20 values");
    assert!(error.contains("more than 1000000 values"), "{error}");
}

#[test]
fn nesting_is_limited() {
    let error = parse(&"[".repeat(220)).expect_err("too deep");
    assert!(error.contains("nested"), "{error}");
    parse(&"[".repeat(100_000)).expect_err("too deep for the parser below, too");
    parse(&"- ".repeat(100_000)).expect_err("too deep in blocks, too");
}

#[test]
fn scalars_may_stay_the_texts_that_they_are() {
    let value = super::parse_texts("a: 0777\nb: [yes, true, ~]\nc: \"1\"\n").expect("is valid");
    let expected = Value::object([
        ("a", Value::from("0777")),
        (
            "b",
            Value::array(["yes".into(), "true".into(), Value::Null]),
        ),
        ("c", Value::from("1")),
    ]);
    assert_eq!(value, expected);
}
