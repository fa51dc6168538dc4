//! Expressions and what they come to.
//!
//! `testdata/language.tsv` was recorded from Alloy (name, expression, exported value);
//! `functions.tsv` and `errors.tsv` hold what those cases leave out: expression and value, or
//! expression, offset and message of the mistake.

use schema::{Capsule, OptionalSecret, Port, PortKind, Stability, Target, Targets, Value};
use serde_json::Value as Json;
use syntax::Stmt;

use crate::stdlib::{Builtin, builtin};
use crate::testing::{json_of, same};
use crate::{Scope, evaluate, is_builtin};

fn scope() -> Scope {
    let mut scope = Scope::new();
    let target = |labels: &[(&str, &str)]| Target::new(labels.iter().copied());
    let first = target(&[("__address__", "a:1"), ("job", "x")]);
    let targets = Targets::new(vec![first, target(&[("__address__", "b:2")])]);
    let optional = OptionalSecret::plain("text");
    let (node, name) = (
        "prometheus.remote_write.x".to_owned(),
        "receiver".to_owned(),
    );
    let port = Value::port(Port {
        node,
        name,
        kind: PortKind::Metrics,
    });
    scope.set("secret", Value::secret("hush"));
    scope.set(
        "optional",
        Value::Capsule(Capsule::OptionalSecret(optional)),
    );
    scope.set("targets", Value::Targets(targets));
    scope.set(
        "prometheus.remote_write.x",
        Value::object([("receiver", port)]),
    );
    scope.set("local.file.a", Value::object([("content", "hello".into())]));
    scope
}

/// The value, or offset and message of the mistake.
fn value_of(expression: &str) -> Result<Value, (u32, String)> {
    let prefix = "v = ";
    let parse = syntax::parse(0, format!("{prefix}{expression}\n"));
    assert!(!parse.has_errors(), "{expression}: {:?}", parse.diagnostics);
    let Some(Stmt::Attribute(attribute)) = parse.tree.body().statements().next() else {
        panic!("{expression} is no value");
    };
    evaluate(attribute.value(), &scope()).map_err(|diagnostic| {
        let at = diagnostic.span.expect("a place in the text").start - prefix.len() as u32;
        let hint = diagnostic
            .nearest
            .map(|nearest| format!("; did you mean {nearest:?}"));
        (
            at,
            format!("{}{}", diagnostic.message, hint.unwrap_or_default()),
        )
    })
}

/// The recorded form marks objects, to tell them from other values in it.
fn unmarked(json: Json) -> Json {
    match json {
        Json::Array(values) => values.into_iter().map(unmarked).collect(),
        Json::Object(mut fields) => match fields.remove("object") {
            Some(Json::Object(inner)) => inner
                .into_iter()
                .map(|(key, value)| (key, unmarked(value)))
                .collect(),
            _ => panic!("{fields:?} is no recorded object"),
        },
        other => other,
    }
}

fn check(rows: impl Iterator<Item = (String, Json)>) {
    let mut wrong = Vec::new();
    for (expression, expected) in rows {
        match value_of(&expression) {
            Ok(value) if same(&json_of(&value), &expected) => {}
            found => wrong.push(format!(
                "{expression}\n  found {found:?}\n  expected {expected}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn expressions_mean_what_alloy_makes_of_them() {
    let rows = include_str!("../testdata/language.tsv").lines().map(|row| {
        let columns: Vec<&str> = row.split('\t').collect();
        let [_, expression, expected] = columns[..] else {
            panic!("a row has three columns: {row}");
        };
        let json = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
        (
            json(expression).as_str().expect("text").to_owned(),
            unmarked(json(expected)),
        )
    });
    check(rows);
}

#[test]
fn functions_and_operators_come_to_the_listed_values() {
    let rows = include_str!("../testdata/functions.tsv")
        .lines()
        .map(|row| {
            let (expression, expected) = row.split_once('\t').expect("two columns");
            (
                expression.to_owned(),
                serde_json::from_str(expected).expect("JSON"),
            )
        });
    check(rows);
}

#[test]
fn mistakes_are_reported_at_the_part_to_blame() {
    let mut wrong = Vec::new();
    for row in include_str!("../testdata/errors.tsv").lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [expression, at, message] = columns[..] else {
            panic!("a row has three columns: {row}");
        };
        let expected = (at.parse().expect("an offset"), message.to_owned());
        match value_of(expression) {
            Err(found) if found == expected => {}
            found => wrong.push(format!(
                "{expression}\n  found {found:?}\n  expected {expected:?}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_standard_library_is_the_references() {
    let reference: Json =
        serde_json::from_str(include_str!("../testdata/stdlib.json")).expect("JSON");
    let mut count = 0;
    for listed in reference["functions"].as_array().expect("a list") {
        let name = listed["name"].as_str().expect("a name");
        let function = match value_of(name) {
            Ok(Value::Function(function)) => function,
            other => panic!("{name} is {other:?}"),
        };
        assert_eq!(function.name, name);
        assert!(crate::function(name.split('.')).is_some_and(|found| found.name == name));
        assert_eq!(
            function.replaced_by,
            listed["replaced_by"].as_str(),
            "{name}"
        );
        let experimental = listed["stability"] == "experimental";
        assert_eq!(
            function.stability == Stability::Experimental,
            experimental,
            "{name}"
        );
        count += 1;
    }
    for constant in reference["constants"].as_array().expect("a list") {
        let first = constant["name"]
            .as_str()
            .expect("a name")
            .split('.')
            .next()
            .expect("a part");
        assert!(is_builtin(first), "{first}");
    }
    assert_eq!(count, all_functions(&reference), "no function but those");
}

fn all_functions(reference: &Json) -> usize {
    let mut first_names: Vec<&str> = reference["functions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|listed| listed["name"].as_str()?.split('.').next())
        .collect();
    first_names.sort_unstable();
    first_names.dedup();
    let size = |name: &str| match builtin(name).expect("listed") {
        Builtin::Function(_) => 1,
        Builtin::Namespace(functions) => functions.len(),
    };
    first_names.into_iter().map(size).sum()
}

#[test]
fn a_variable_that_is_not_set_is_empty_text() {
    assert_eq!(value_of("sys.env(\"EVAL_TEST_NOT_SET\")"), Ok("".into()));
    let path = std::env::var("PATH").expect("tests run with a PATH");
    assert_eq!(value_of("env(\"PATH\")"), Ok(Value::from(path)));
}

#[test]
fn constants_use_the_names_that_configurations_know() {
    let Value::Object(constants) = crate::constants("host", "v1.2.3") else {
        panic!("an object");
    };
    assert_eq!(constants.get("hostname"), Some(&"host".into()));
    assert_eq!(constants.get("version"), Some(&"v1.2.3".into()));
    let arch = constants
        .get("arch")
        .and_then(Value::as_str)
        .expect("a text");
    assert!(
        arch != "x86_64" && arch != "aarch64",
        "Go's names, not Rust's: {arch}"
    );
}

proptest::proptest! {
    /// What configurations and files may hand to the parsers of the standard library.
    #[test]
    fn no_text_breaks_a_parser(
        text in "[%\\[\\]{}()*.?@$:,'\"/&|<>=!~+\\-#0-9a-zäx \n\t]{0,40}",
        number in proptest::prelude::any::<f64>(),
    ) {
        let arguments = [Value::from(number), "ä".into(), Value::Null, 7_i64.into()];
        crate::format::format(&text, &arguments);
        let document = serde_json::json!([{ "a": [1, 2] }, "ä", null, { "x": { "a": 0 } }]);
        if let Ok(path) = crate::json_path::parse(&text) {
            path.select(&document);
        }
        if let Ok(value) = crate::yaml::parse(&text) {
            json_of(&value);
        }
    }
}

#[test]
fn texts_and_lists_that_would_take_all_memory_are_refused() {
    let mut scope = Scope::new();
    scope.set("half", Value::string("x".repeat(40 * 1024 * 1024)));
    scope.set("run", Value::string("x".repeat(1024)));
    let list = Value::array(std::iter::repeat_n(Value::Null, 2_500_000));
    scope.set("list", list);
    for expression in [
        "half + half",
        "string.replace(half, run, run + run)",
        "string.join([half, half], \"\")",
        "array.concat(list, list)",
    ] {
        let parse = syntax::parse(0, format!("a = {expression}"));
        let Some(Stmt::Attribute(attribute)) = parse.tree.body().statements().next() else {
            panic!("{expression} is an attribute")
        };
        let error = evaluate(attribute.value(), &scope).expect_err(expression);
        assert!(
            error.message.contains("would have more than"),
            "{}",
            error.message
        );
    }
}
