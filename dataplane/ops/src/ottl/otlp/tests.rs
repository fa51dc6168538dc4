//! Statements on real items, against what the Collector makes of the same: `testdata/*.txt` holds
//! statements and, indented, what its own engine left of the item, or that it refused the
//! statement (`invalid`) or failed on the item (`error`).

use std::cell::Cell;

use batch::otlp::{
    AnyValue, Attributes, KeyValue, Lazy, Resource, ResourceGroup, Scope, ScopeGroup, Span, Status,
    Text, Tree, VALUE_DEPTH_MAX,
};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{Environment, Pass, run_on_spans};
use crate::ottl::path::Owner;
use crate::ottl::sequence::{ErrorMode, Statements};
use crate::ottl::time::Time;

/// A clock that stands, and bits that count.
struct Fixed(Cell<u128>);

impl Environment for Fixed {
    fn now(&self) -> Time {
        Time::from_nanos(1_700_000_000_123_456_789)
    }

    fn random(&self) -> u128 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

fn attributes(entries: Vec<(&'static str, AnyValue<'static>)>) -> Attributes<'static> {
    let entries = entries.into_iter().map(|(key, value)| KeyValue {
        key: Text::from(key),
        value,
    });
    entries.collect::<Vec<_>>().into()
}

/// The item that all statements start from.
fn span() -> Span<'static> {
    let inner = attributes(vec![("x", "<y>".into())]);
    let map = attributes(vec![
        ("k", "v".into()),
        ("n", AnyValue::Int(1)),
        ("in", AnyValue::Map(inner)),
    ]);
    let list = vec!["b".into(), "a".into(), AnyValue::Int(3)];
    Span {
        trace_id: (1..=16).collect::<Vec<u8>>().into(),
        span_id: (1..=8).collect::<Vec<u8>>().into(),
        trace_state: "k=tv,z=1".into(),
        name: "GET /x".into(),
        kind: 2,
        start_unix_nano: 1_700_000_000_123_456_789,
        end_unix_nano: 1_700_000_001_000_000_000,
        status: Status {
            code: 2,
            message: "m".into(),
        },
        attributes: attributes(vec![
            ("s", "foo boo".into()),
            ("i", AnyValue::Int(7)),
            ("d", AnyValue::Double(2.5)),
            ("t", AnyValue::Bool(true)),
            ("e", "".into()),
            ("l", AnyValue::Array(list)),
            ("m", AnyValue::Map(map)),
            ("by", AnyValue::Bytes(vec![0, 255, 16].into())),
            ("nil", AnyValue::Empty),
        ]),
        ..Span::default()
    }
}

fn tree(span: Span<'static>) -> Tree<'static, Span<'static>> {
    let resource = Resource {
        attributes: attributes(vec![("service.name", "shop".into())]),
        ..Resource::default()
    };
    let scope = Scope {
        name: "lib".into(),
        ..Scope::default()
    };
    Tree {
        client: None,
        resources: vec![ResourceGroup {
            resource: Lazy::new(resource),
            scopes: vec![ScopeGroup {
                scope: Lazy::new(scope),
                items: vec![Lazy::new(span)],
                schema_url: Text::default(),
            }],
            schema_url: Text::default(),
        }],
    }
}

fn canonical(value: &AnyValue<'_>) -> Json {
    match value {
        AnyValue::Empty => Json::Null,
        AnyValue::String(text) => json!(text.to_str()),
        AnyValue::Bool(value) => json!(value),
        AnyValue::Int(value) => json!(value),
        AnyValue::Double(value) => json!({ "double": crate::ottl::text::go_float(*value) }),
        AnyValue::Bytes(bytes) => json!({ "bytes": crate::ottl::text::to_hex(bytes) }),
        AnyValue::Array(items) => items.iter().map(canonical).collect(),
        AnyValue::Map(map) => json!({ "map": canonical_map(map) }),
    }
}

fn canonical_map(attributes: &Attributes<'_>) -> JsonMap<String, Json> {
    let entries = attributes.iter();
    entries
        .map(|it| (it.key.to_str().into_owned(), canonical(&it.value)))
        .collect()
}

/// What a statement leaves of the item, in the form of the recorded results.
fn outcome(statement: &str) -> String {
    let statements = [statement.to_owned()];
    let compiled = Statements::compile(
        &statements,
        &[],
        Some(Owner::Span),
        &[],
        ErrorMode::Propagate,
    );
    let Ok(compiled) = compiled else {
        return "invalid".to_owned();
    };
    let mut tree = tree(span());
    let environment = Fixed(Cell::new(0));
    let mut pass = Pass {
        environment: &environment,
        told: &mut |_| {},
    };
    if run_on_spans(&mut tree, &compiled, &mut pass).is_err() {
        return "error".to_owned();
    }
    let span = tree.resources[0].scopes[0].items[0].get();
    let mut out = canonical_map(&span.attributes);
    out.insert("_name".to_owned(), json!(span.name.to_str()));
    out.insert("_ts".to_owned(), json!(span.trace_state.to_str()));
    Json::Object(out).to_string()
}

/// Differences from the recorded results, one a line.
fn differences(recorded: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let mut lines = recorded.lines();
    while let (Some(statement), Some(expected)) = (lines.next(), lines.next()) {
        let expected = expected.trim();
        let found = outcome(statement);
        let same = match (
            serde_json::from_str::<Json>(&found),
            serde_json::from_str::<Json>(expected),
        ) {
            (Ok(found), Ok(expected)) => found == expected,
            _ => found == expected || (expected == "no" && found == outcome("set(name, name)")),
        };
        if !same {
            differences.push(format!("{statement}\n  want {expected}\n  got  {found}"));
        }
    }
    differences
}

#[test]
fn statements_do_what_they_do_in_the_collector() {
    let differences = differences(include_str!("testdata/statements.txt"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_would_be_nested_too_deeply_for_otlp_cannot_be_set() {
    let parsed = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        outcome(&format!(
            r#"set(attributes["deep"], ParseJSON("{open}{close}"))"#
        ))
    };
    assert_ne!(parsed(VALUE_DEPTH_MAX), "error");
    assert_eq!(parsed(VALUE_DEPTH_MAX + 1), "error");
}
