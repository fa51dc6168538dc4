//! Components and root blocks: every argument, block, export and documented metric.
//!
//! Metrics that Alloy does not document are no difference, since its documentation does not list
//! all that it has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::differences::{Difference, report};
use crate::{defaults, folder, printed, read};

#[test]
fn components_are_declared_as_in_alloy() {
    let declared = declared(&["components", "--json"]);
    let mut found = Vec::new();
    for ours in &declared {
        let subject = format!("component {}", name(ours));
        compare(
            &subject,
            ours,
            &read(&format!("components/{}.json", name(ours))),
            &mut found,
        );
    }
    let names: BTreeSet<String> = declared
        .iter()
        .map(|it| format!("{}.json", name(it)))
        .collect();
    let data = std::fs::read_dir(folder().join("components")).expect("the data can be listed");
    let data = data.map(|entry| entry.expect("the data can be listed").file_name());
    for file in data.map(|file| file.to_string_lossy().into_owned()) {
        assert!(
            names.contains(&file),
            "components/{file} is of no component that there is"
        );
    }
    report("component", &found);
}

#[test]
fn root_blocks_are_declared_as_in_alloy() {
    let declared = declared(&["components", "--blocks", "--json"]);
    let reference = read("config-blocks.json");
    let mut found = Vec::new();
    let known = list(&reference, "config_blocks");
    for theirs in known {
        let subject = format!("block {}", name(theirs));
        match declared.iter().find(|ours| name(ours) == name(theirs)) {
            Some(ours) => compare(&subject, ours, theirs, &mut found),
            None => found.push(Difference::new(&subject, "is missing")),
        }
    }
    for ours in &declared {
        if !known.iter().any(|theirs| name(theirs) == name(ours)) {
            found.push(Difference::new(
                &format!("block {}", name(ours)),
                "is not in Alloy",
            ));
        }
    }
    report("block", &found);
}

fn declared(args: &[&str]) -> Vec<Value> {
    let printed = serde_json::from_str(&printed(args)).expect("the program prints JSON");
    match printed {
        Value::Array(declared) if !declared.is_empty() => declared,
        other => panic!("no list of declarations: {other}"),
    }
}

fn compare(subject: &str, ours: &Value, theirs: &Value, found: &mut Vec<Difference>) {
    let mut differ = |what: String| found.push(Difference::new(subject, what));
    if text(ours, "stability") != text(theirs, "stability") {
        let (ours, theirs) = (text(ours, "stability"), text(theirs, "stability"));
        differ(format!("is {ours}, not {theirs}"));
    }
    pair_up(
        ours,
        theirs,
        "arguments",
        &argument_path,
        |path, pair| match pair {
            Pair::Both(ours, theirs) => arguments(path, ours, theirs, &mut differ),
            Pair::Ours => differ(format!("argument {path} is not in Alloy")),
            Pair::Theirs => differ(format!("argument {path} is missing")),
        },
    );
    pair_up(
        ours,
        theirs,
        "blocks",
        &|it| text(it, "path").to_owned(),
        |path, pair| match pair {
            Pair::Both(ours, theirs) => blocks(path, ours, theirs, &mut differ),
            Pair::Ours => differ(format!("block {path} is not in Alloy")),
            Pair::Theirs => differ(format!("block {path} is missing")),
        },
    );
    pair_up(
        ours,
        theirs,
        "exports",
        &|it| name(it).to_owned(),
        |name, pair| match pair {
            Pair::Both(ours, theirs) => types(&format!("export {name}"), ours, theirs, &mut differ),
            Pair::Ours => differ(format!("export {name} is not in Alloy")),
            Pair::Theirs => differ(format!("export {name} is missing")),
        },
    );
    for metric in list(theirs, "debug_metrics") {
        let metric_name = format!("metric {}", name(metric));
        match list(ours, "metrics")
            .iter()
            .find(|ours| name(ours) == name(metric))
        {
            Some(ours) => types(&metric_name, ours, metric, &mut differ),
            None => differ(format!("{metric_name} is missing")),
        }
    }
}

/// What has the same name on one side or on both.
enum Pair<'a> {
    Both(&'a Value, &'a Value),
    Ours,
    Theirs,
}

/// Calls `each` for every name in `field` of either side.
fn pair_up(
    ours: &Value,
    theirs: &Value,
    field: &str,
    name: &dyn Fn(&Value) -> String,
    mut each: impl FnMut(&str, Pair<'_>),
) {
    // Blocks that nest in themselves: the table has one line for them, `stage.match > stage.*`.
    let repeats = |name: &str| name.starts_with("stage.match > stage.");
    let by_name = |side| -> BTreeMap<String, &Value> {
        let named = list(side, field).iter().map(|it| (name(it), it));
        named.filter(|(name, _)| !repeats(name)).collect()
    };
    let (ours, theirs) = (by_name(ours), by_name(theirs));
    for name in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        match (ours.get(name), theirs.get(name)) {
            (Some(ours), Some(theirs)) => each(name, Pair::Both(ours, theirs)),
            (Some(_), None) => each(name, Pair::Ours),
            _ => each(name, Pair::Theirs),
        }
    }
}

fn argument_path(argument: &Value) -> String {
    match text(argument, "block") {
        "" => name(argument).to_owned(),
        block => format!("{block} > {}", name(argument)),
    }
}

fn arguments(path: &str, ours: &Value, theirs: &Value, differ: &mut impl FnMut(String)) {
    let path = &format!("argument {path}");
    types(path, ours, theirs, differ);
    if !defaults::equal(text(ours, "type"), &ours["default"], &theirs["default"]) {
        differ(format!(
            "{path} has default {}, not {}",
            ours["default"], theirs["default"]
        ));
    }
    requirement(path, ours, theirs, differ);
    deprecation(path, ours, theirs, differ);
    if text(ours, "stability") != text(theirs, "stability") {
        let (ours, theirs) = (&ours["stability"], &theirs["stability"]);
        differ(format!("{path} has stability {ours}, not {theirs}"));
    }
}

fn blocks(path: &str, ours: &Value, theirs: &Value, differ: &mut impl FnMut(String)) {
    let path = &format!("block {path}");
    requirement(path, ours, theirs, differ);
    deprecation(path, ours, theirs, differ);
    for mark in ["repeatable", "labelled", "recursive"] {
        match (set(ours, mark), set(theirs, mark)) {
            (true, false) => differ(format!("{path} is {mark}")),
            (false, true) => differ(format!("{path} is not {mark}")),
            _ => {}
        }
    }
}

fn types(path: &str, ours: &Value, theirs: &Value, differ: &mut impl FnMut(String)) {
    let (ours, theirs) = (text(ours, "type"), text(theirs, "type"));
    // Where Alloy's page says no more than number, the kind of number is ours to choose.
    let number = theirs == "number" && ["int", "uint", "float64"].contains(&ours);
    // A size is written as a string, and a capsule is of the type that stands inside.
    let size = theirs == "string" && ours == "size";
    let capsule = theirs
        .strip_prefix("capsule(")
        .and_then(|it| it.strip_suffix(')'));
    if ours != theirs && !number && !size && capsule != Some(ours) {
        differ(format!("{path} is of type {ours}, not {theirs}"));
    }
}

/// What only a later check of Alloy asks for may be asked for by either side's decoder.
fn requirement(path: &str, ours: &Value, theirs: &Value, differ: &mut impl FnMut(String)) {
    match (set(ours, "required"), set(theirs, "required")) {
        (true, false) => differ(format!("{path} is required")),
        (false, true) if !set(theirs, "tag_optional") => differ(format!("{path} is not required")),
        _ => {}
    }
}

fn deprecation(path: &str, ours: &Value, theirs: &Value, differ: &mut impl FnMut(String)) {
    match (set(ours, "deprecated"), set(theirs, "deprecated")) {
        (true, false) => differ(format!("{path} is deprecated")),
        (false, true) => differ(format!("{path} is not deprecated")),
        _ => {}
    }
}

fn name(declared: &Value) -> &str {
    text(declared, "name")
}

fn text<'a>(declared: &'a Value, field: &str) -> &'a str {
    declared[field].as_str().unwrap_or_default()
}

fn set(declared: &Value, mark: &str) -> bool {
    declared[mark].as_bool().unwrap_or_default()
}

fn list<'a>(declared: &'a Value, field: &str) -> &'a [Value] {
    declared[field].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn each_kind_of_difference_is_told() {
    let ours = serde_json::json!({
        "stability": "experimental",
        "arguments": [
            {"block": "", "name": "a", "type": "int", "default": 1, "required": true},
            {"block": "b > c", "name": "d", "type": "uint", "default": 2, "required": false},
            {"block": "", "name": "extra", "type": "int", "default": null, "required": false},
        ],
        "blocks": [{"path": "b", "required": false}],
        "exports": [{"name": "receiver", "type": "LogsReceiver"}],
        "metrics": [{"name": "m", "type": "counter"}],
    });
    let theirs = serde_json::json!({
        "stability": "generally-available",
        "arguments": [
            {"block": "", "name": "a", "type": "string", "default": 2, "required": false,
             "deprecated": true, "stability": "experimental"},
            {"block": "b > c", "name": "d", "type": "number", "default": 2, "required": true,
             "tag_optional": true},
        ],
        "blocks": [{"path": "b", "required": true, "repeatable": true}, {"path": "e"}],
        "exports": [{"name": "receiver", "type": "MetricsReceiver"}],
        "debug_metrics": [{"name": "m", "type": "gauge"}, {"name": "n", "type": "gauge"}],
    });
    let mut found = Vec::new();
    compare("component x", &ours, &theirs, &mut found);
    let found: Vec<&str> = found.iter().map(Difference::what).collect();
    let expected = [
        "is experimental, not generally-available",
        "argument a is of type int, not string",
        "argument a has default 1, not 2",
        "argument a is required",
        "argument a is not deprecated",
        "argument a has stability null, not \"experimental\"",
        "argument extra is not in Alloy",
        "block b is not required",
        "block b is not repeatable",
        "block e is missing",
        "export receiver is of type LogsReceiver, not MetricsReceiver",
        "metric m is of type counter, not gauge",
        "metric n is missing",
    ];
    assert_eq!(found, expected);
}
