//! The standard library: names, levels of stability, what deprecated names stand for, constants.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::differences::{Difference, report};
use crate::read;

/// What configurations see of a function besides what it does.
type Facts = (String, Option<String>);

#[test]
fn functions_are_those_of_alloy() {
    let reference = read("stdlib.json");
    let theirs: BTreeMap<&str, Facts> = reference["functions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|function| {
            let stability = function["stability"].as_str().expect("a level").to_owned();
            let replaced_by = function["replaced_by"].as_str().map(str::to_owned);
            (
                function["name"].as_str().expect("a name"),
                (stability, replaced_by),
            )
        })
        .collect();
    let ours: BTreeMap<&str, Facts> = eval::functions()
        .map(|function| {
            let replaced_by = function.replaced_by.map(str::to_owned);
            (function.name, (function.stability.to_string(), replaced_by))
        })
        .collect();
    let mut found = Vec::new();
    for (name, facts) in &theirs {
        let subject = format!("function {name}");
        match ours.get(name) {
            None => found.push(Difference::new(&subject, "is missing")),
            Some(ours) if ours != facts => {
                let what = format!("is {ours:?}, not {facts:?}");
                found.push(Difference::new(&subject, &what));
            }
            Some(_) => {}
        }
    }
    for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
        let subject = format!("function {name}");
        found.push(Difference::new(&subject, "is not in Alloy"));
    }
    report("function", &found);
}

#[test]
fn constants_are_those_of_alloy() {
    let reference = read("stdlib.json");
    let schema::Value::Object(ours) = eval::constants("host", "v1") else {
        panic!("constants are an object");
    };
    let theirs = reference["constants"].as_array().expect("a list");
    for constant in theirs {
        let name = constant["name"].as_str().expect("a name");
        match name.strip_prefix("constants.") {
            Some(name) => assert!(ours.get(name).is_some(), "constants.{name} is missing"),
            None => assert!(eval::is_builtin(name), "{name} is missing"),
        }
    }
    let named = |constant: &&Value| {
        let name = constant["name"].as_str();
        name.is_some_and(|name| name.starts_with("constants."))
    };
    assert_eq!(ours.iter().count(), theirs.iter().filter(named).count());
}
