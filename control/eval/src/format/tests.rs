//! `testdata/format.tsv` was printed by Go: template, arguments, result, each as JSON.

use schema::Value;

use super::format;

/// As `encoding.from_json`, but whole numbers stay whole.
fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().expect("a float")),
        },
        serde_json::Value::String(text) => Value::string(text.as_str()),
        serde_json::Value::Array(values) => Value::array(values.iter().map(value)),
        serde_json::Value::Object(fields) => Value::object(
            fields
                .iter()
                .map(|(key, inner)| (key.as_str(), value(inner))),
        ),
    }
}

#[test]
fn templates_come_out_as_go_prints_them() {
    let rows = include_str!("../../testdata/format.tsv").lines();
    let mut wrong = Vec::new();
    for row in rows {
        let columns: Vec<serde_json::Value> = row
            .split('\t')
            .map(|json| serde_json::from_str(json).expect("JSON"))
            .collect();
        let [template, arguments, expected] = &columns[..] else {
            panic!("a row has three columns: {row}");
        };
        let arguments = value(arguments).elements().expect("a list");
        let (template, expected) = (
            template.as_str().expect("text"),
            expected.as_str().expect("text"),
        );
        let found = format(template, &arguments);
        if found != expected {
            wrong.push(format!("{row}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
