//! Decoding as a component's author sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{
    Arguments, Attribute, Block, Body, Check, Choice, DecodeError, Port, PortKind, Regex, Secret,
    Span, Targets, Value, ValueSpan,
};

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Tls::validate)]
struct Tls {
    ca_file: Option<String>,
    insecure: bool,
}

impl Tls {
    fn validate(&self, check: &mut Check<'_>) {
        if self.insecure && self.ca_file.is_some() {
            check.attribute("insecure", "does not go with \"ca_file\"");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
struct Client {
    #[arg(default = true)]
    enable_http2: bool,
    #[arg(block)]
    tls_config: Option<Tls>,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum Action {
    Replace,
    KeepEqual,
}

#[derive(Arguments, Debug, PartialEq)]
struct Rule {
    #[arg(default = Action::Replace)]
    action: Action,
    #[arg(default = "(.*)")]
    regex: Regex,
    source_labels: Vec<String>,
}

#[derive(Arguments, Debug, PartialEq)]
struct Queue {
    #[arg(default = 10000, min = 1)]
    capacity: u32,
    #[arg(default = "30ms")]
    min_backoff: Duration,
}

/// Everything that a field can be.
#[derive(Arguments)]
struct Sample {
    #[arg(required)]
    url: String,
    #[arg(required, port = Metrics)]
    forward_to: Vec<Port>,
    targets: Targets,
    headers: BTreeMap<String, Vec<Secret>>,
    #[arg(default = ["a", "b"])]
    protocols: Vec<String>,
    #[arg(one_of("fast", "slow"), default = "fast")]
    speed: String,
    r#type: Option<String>,
    #[arg(flatten, defaults(enable_http2 = false))]
    client: Client,
    #[arg(block)]
    queue_config: Queue,
    #[arg(block, name = "rule")]
    rules: Vec<Rule>,
    #[arg(variants)]
    stages: Vec<Stage>,
}

#[derive(Arguments, Debug, PartialEq)]
enum Stage {
    #[arg(name = "stage.drop")]
    Drop(Rule),
    #[arg(name = "stage.tls")]
    Tls(Tls),
}

fn attribute(name: &str, value: Value) -> Attribute {
    let value_span = ValueSpan::at(Span {
        file: 0,
        start: 5,
        end: 6,
    });
    Attribute {
        name: name.to_owned(),
        value,
        span: Span::default(),
        value_span,
    }
}

fn body(attributes: Vec<Attribute>, blocks: Vec<Block>) -> Body {
    Body {
        attributes,
        blocks,
        span: Span::default(),
    }
}

fn block(name: &str, attributes: Vec<Attribute>) -> Block {
    let body = body(attributes, Vec::new());
    Block {
        name: name.to_owned(),
        label: None,
        body,
        span: Span::default(),
    }
}

fn port(kind: PortKind) -> Value {
    Value::port(Port {
        node: "x.y".to_owned(),
        name: "receiver".to_owned(),
        kind,
    })
}

fn minimal() -> Vec<Attribute> {
    vec![
        attribute("url", "http://x".into()),
        attribute("forward_to", Value::array([])),
    ]
}

fn decode(body: &Body) -> Result<Sample, Vec<DecodeError>> {
    let mut errors = Vec::new();
    let sample = Sample::decode(body, &mut errors);
    assert_eq!(sample.is_none(), !errors.is_empty());
    sample.ok_or(errors)
}

fn sample(body: &Body) -> Sample {
    decode(body).unwrap_or_else(|errors| panic!("the body decodes, but for {errors:?}"))
}

fn mistakes(body: &Body) -> Vec<DecodeError> {
    decode(body).err().expect("the body has mistakes")
}

fn messages(body: &Body) -> Vec<String> {
    let errors = mistakes(body);
    errors
        .iter()
        .map(|error| format!("{}: {}", error.path, error.message))
        .collect()
}

#[test]
fn absent_fields_hold_their_defaults() {
    let sample = sample(&body(minimal(), Vec::new()));
    assert_eq!(sample.protocols, ["a", "b"]);
    assert_eq!(sample.speed, "fast");
    assert!(
        !sample.client.enable_http2,
        "replaced where the struct is flattened"
    );
    assert_eq!(
        sample.queue_config,
        Queue {
            capacity: 10000,
            min_backoff: Duration::from_millis(30)
        }
    );
    assert!(sample.r#type.is_none() && sample.headers.is_empty() && sample.targets.is_empty());
    assert!(sample.client.tls_config.is_none());
    assert!(
        Client::decode(&Body::default(), &mut Vec::new())
            .expect("decodes")
            .enable_http2
    );
}

#[derive(Arguments, Debug, PartialEq)]
struct Clustering {
    #[arg(required)]
    enabled: bool,
}

#[derive(Arguments, Debug, PartialEq)]
struct Clustered {
    #[arg(block)]
    clustering: Clustering,
}

#[test]
fn what_a_block_requires_is_missed_only_where_the_block_is() {
    let decode = |blocks| {
        let mut errors = Vec::new();
        let decoded = Clustered::decode(&body(Vec::new(), blocks), &mut errors);
        (decoded, errors.len())
    };
    let alone = Clustered {
        clustering: Clustering { enabled: false },
    };
    assert_eq!(decode(Vec::new()), (Some(alone), 0));
    let empty = block("clustering", Vec::new());
    assert_eq!(decode(vec![empty]), (None, 1));
}

#[test]
fn values_turn_into_the_declared_types() {
    let mut attributes = minimal();
    attributes[0].value = 12_i64.into();
    attributes[1].value = Value::array([port(PortKind::Metrics)]);
    attributes.push(attribute(
        "headers",
        Value::object([("a", Value::array(["x".into()]))]),
    ));
    let target = Value::object([("__address__", "h:1".into()), ("n", 4_i64.into())]);
    attributes.push(attribute("targets", Value::array([target])));
    let queue = block("queue_config", vec![attribute("capacity", "7".into())]);
    let sample = sample(&body(attributes, vec![queue]));
    assert_eq!(sample.url, "12");
    assert_eq!(sample.forward_to[0].node, "x.y");
    assert_eq!(sample.headers["a"][0].expose(), "x");
    assert_eq!(sample.targets[0].get("n"), Some("4"));
    assert_eq!(sample.queue_config.capacity, 7);
}

#[test]
fn every_mistake_is_reported_at_its_path() {
    let attributes = vec![
        attribute(
            "forward_to",
            Value::array([port(PortKind::Metrics), port(PortKind::Logs)]),
        ),
        attribute("enable_http3", true.into()),
        attribute("speed", "fats".into()),
        attribute("speed", "fast".into()),
    ];
    let blocks = vec![
        block("queue_config", vec![attribute("capacity", 0_i64.into())]),
        block("rule", vec![attribute("action", "keep".into())]),
        block("stage.tls", vec![attribute("insecure", 3_i64.into())]),
        block("tls_config", vec![]),
        block("tls_config", vec![]),
        block("tsl_config", vec![]),
        block("url", vec![]),
    ];
    assert_eq!(
        messages(&body(attributes, blocks)),
        [
            r#"enable_http3: unrecognized attribute name "enable_http3""#,
            r#"speed: attribute "speed" may only be provided once"#,
            r#"tls_config: block "tls_config" may only be provided once"#,
            r#"tsl_config: unrecognized block name "tsl_config""#,
            r#"url: "url" must be an attribute, but is used as a block"#,
            r#"url: missing required attribute "url""#,
            "forward_to[1]: expected MetricsReceiver, got capsule(\"LogsReceiver\")",
            r#"speed: expected one of "fast", "slow", got "fats""#,
            r#"queue_config.capacity: "capacity" must be at least 1, got 0"#,
            r#"rule.action: expected one of "replace", "keep_equal", got "keep""#,
            "stage.tls.insecure: expected bool, got number",
        ]
    );
}

#[test]
fn the_nearest_name_is_offered() {
    let mut attributes = minimal();
    attributes.push(attribute("forwrad_to", Value::Null));
    let errors = mistakes(&body(attributes, Vec::new()));
    assert_eq!(errors[0].nearest.as_deref(), Some("forward_to"));
}

#[test]
fn a_structs_own_check_sees_the_whole_struct() {
    let tls = vec![
        attribute("ca_file", "x".into()),
        attribute("insecure", true.into()),
    ];
    let blocks = vec![block("tls_config", tls)];
    assert_eq!(
        messages(&body(minimal(), blocks)),
        ["tls_config.insecure: does not go with \"ca_file\""]
    );
}

#[test]
fn secrets_do_not_become_strings() {
    let mut attributes = minimal();
    attributes[0].value = Value::secret("hush");
    let found = messages(&body(attributes, Vec::new()));
    assert_eq!(found, ["url: secrets may not be converted into strings"]);
}

#[test]
fn blocks_of_several_kinds_keep_their_order() {
    let blocks = vec![
        block("stage.tls", vec![]),
        block("rule", vec![]),
        block("stage.drop", vec![]),
    ];
    let sample = sample(&body(minimal(), blocks));
    assert!(matches!(sample.stages[..], [Stage::Tls(_), Stage::Drop(_)]));
    assert_eq!(sample.rules.len(), 1);
}

#[test]
fn null_is_the_zero_of_a_type_and_not_its_default() {
    let mut attributes = minimal();
    attributes.push(attribute("protocols", Value::Null));
    let sample = sample(&body(attributes, Vec::new()));
    assert!(sample.protocols.is_empty());
}

#[test]
fn moving_a_body_in_its_file_is_no_change() {
    let (mut moved, original) = (body(minimal(), Vec::new()), body(minimal(), Vec::new()));
    moved.attributes[0].span = Span {
        file: 0,
        start: 100,
        end: 103,
    };
    assert_eq!(moved, original);
    moved.attributes[0].value = "http://y".into();
    assert_ne!(moved, original);
}

fn shown(body: &Body) -> serde_json::Value {
    crate::body_to_api_json(body, Sample::schema())
}

#[test]
fn the_api_leaves_out_defaults_but_lists_and_regular_expressions() {
    let mut attributes = minimal();
    attributes.push(attribute("enable_http2", false.into()));
    attributes.push(attribute("speed", "fast".into()));
    let queue = vec![
        attribute("min_backoff", "0.03s".into()),
        attribute("capacity", 3_i64.into()),
    ];
    let blocks = vec![
        block("queue_config", queue),
        block(
            "rule",
            vec![attribute("source_labels", Value::array(["a".into()]))],
        ),
        block("tls_config", vec![]),
    ];
    let expected = serde_json::json!([
        { "name": "url", "type": "attr", "value": { "type": "string", "value": "http://x" } },
        { "name": "forward_to", "type": "attr", "value": { "type": "array", "value": [] } },
        { "name": "protocols", "type": "attr", "value": { "type": "array", "value": [
            { "type": "string", "value": "a" }, { "type": "string", "value": "b" },
        ] } },
        { "name": "queue_config", "type": "block", "body": [
            { "name": "capacity", "type": "attr", "value": { "type": "number", "value": 3 } },
        ] },
        { "name": "rule", "type": "block", "body": [
            { "name": "regex", "type": "attr", "value": { "type": "string", "value": "(.*)" } },
            { "name": "source_labels", "type": "attr", "value": { "type": "array", "value": [
                { "type": "string", "value": "a" },
            ] } },
        ] },
        { "name": "tls_config", "type": "block", "body": [] },
    ]);
    assert_eq!(shown(&body(attributes, blocks)), expected);
}

#[test]
fn a_block_that_says_nothing_is_left_out_where_its_absence_says_the_same() {
    let blocks = vec![block(
        "queue_config",
        vec![attribute("min_backoff", "30ms".into())],
    )];
    let shown = shown(&body(minimal(), blocks));
    let names: Vec<_> = shown
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| &s["name"])
        .collect();
    assert_eq!(names, ["url", "forward_to", "protocols"]);
}

#[test]
fn the_api_shows_no_secret() {
    let plain = crate::OptionalSecret::plain("file");
    let exports = Value::object([
        ("a", Value::secret("hush")),
        ("b", crate::Argument::to_value(&plain)),
        (
            "c",
            crate::Argument::to_value(&crate::OptionalSecret::secret("hush")),
        ),
        ("d", Value::object([("inner", Value::secret("hush"))])),
    ]);
    let text = crate::exports_to_api_json(&exports).to_string();
    assert!(!text.contains("hush"), "{text}");
    assert_eq!(text.matches("(secret)").count(), 3);
    assert!(
        text.contains(r#"{"type":"capsule","value":"\"file\""}"#),
        "{text}"
    );
    assert!(!format!("{exports:?}").contains("hush"));
}

#[test]
fn objects_in_debug_information_are_blocks() {
    let target = Value::object([
        ("health", "up".into()),
        ("labels", Value::object([("a", "1".into())])),
    ]);
    let information = Value::object([("target", Value::array([target])), ("count", 1_i64.into())]);
    assert_eq!(
        crate::debug_to_api_json(&information),
        serde_json::json!([
            { "name": "count", "type": "attr", "value": { "type": "number", "value": 1 } },
            { "name": "target", "type": "block", "body": [
                { "name": "health", "type": "attr", "value": { "type": "string", "value": "up" } },
                { "name": "labels", "type": "block", "body": [
                    { "name": "a", "type": "attr", "value": { "type": "string", "value": "1" } },
                ] },
            ] },
        ])
    );
}

#[test]
fn a_declaration_lists_each_argument_with_the_path_of_its_block() {
    let json = crate::body_schema_json(Sample::schema());
    let list = |part: &str| json[part].as_array().expect("a list").clone();
    let find = |block: &str, name: &str| {
        let found = list("arguments")
            .into_iter()
            .find(|a| a["block"] == block && a["name"] == name);
        let found = found.expect("declared");
        (
            found["type"].clone(),
            found["default"].clone(),
            found["required"].clone(),
        )
    };
    assert_eq!(
        find("", "url"),
        ("string".into(), serde_json::Value::Null, true.into())
    );
    assert_eq!(find("", "forward_to").0, "list(MetricsReceiver)");
    assert_eq!(find("", "headers").0, "map(list(secret))");
    assert_eq!(find("", "targets").0, "list(map(string))");
    assert_eq!(find("", "enable_http2").1, false);
    assert_eq!(
        find("queue_config", "min_backoff"),
        ("duration".into(), "30ms".into(), false.into())
    );
    assert_eq!(find("stage.drop", "action").1, "replace");
    let rule = list("blocks")
        .into_iter()
        .find(|block| block["path"] == "rule")
        .expect("declared");
    assert_eq!(
        (&rule["repeatable"], &rule["required"]),
        (&true.into(), &false.into())
    );
}

fn coerced(ty: crate::Type, value: Value) -> String {
    match ty.coerce(&value) {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{}: {}", error.place, error.message),
    }
}

#[test]
fn coercions_are_those_of_the_language() {
    use crate::{Capsule, OptionalSecret, Type};
    let optional = |secret: OptionalSecret| Value::Capsule(Capsule::OptionalSecret(secret));
    let bytes = Value::array([104_u64.into(), 105_u64.into()]);
    let targets = Value::array([Value::object([("a", Value::Null)]), 1_i64.into()]);
    let nested = Type::map(Type::list(Type::Int));
    let inner = Value::object([("k", Value::array([1_i64.into(), "x".into()]))]);
    let table = [
        (Type::Int, Value::from(3.9), "3"),
        (Type::Int, "-7".into(), "-7"),
        (Type::Int, "".into(), ": expected int, got string"),
        (Type::Int, "0x10".into(), ": expected int, got string"),
        (
            Type::Int,
            Value::from(1e300),
            &format!(": {} is out of the range of int", 1e300),
        ),
        (
            Type::Uint,
            Value::from(-1_i64),
            ": -1 is out of the range of uint",
        ),
        (Type::Float, "1e3".into(), "1000"),
        (Type::Bool, "true".into(), ": expected bool, got string"),
        (Type::String, Value::from(2.50), "\"2.5\""),
        (Type::String, true.into(), ": expected string, got bool"),
        (Type::String, bytes, "\"hi\""),
        (Type::String, optional(OptionalSecret::plain("x")), "\"x\""),
        (Type::Int, optional(OptionalSecret::plain("5")), "5"),
        (
            Type::String,
            optional(OptionalSecret::secret("x")),
            ": secrets may not be converted into strings",
        ),
        (
            Type::Secret,
            optional(OptionalSecret::plain("x")),
            "(secret)",
        ),
        (Type::Secret, 5_i64.into(), "(secret)"),
        (Type::OptionalSecret, Value::secret("x"), "(secret)"),
        (Type::OptionalSecret, "x".into(), "\"x\""),
        (Type::Duration, "1m30s".into(), "\"1m30s\""),
        (Type::Size, 1024_i64.into(), "1024"),
        (
            Type::Targets,
            targets,
            "[1]: expected map(string), got number",
        ),
        (nested, inner, ".k[1]: expected int, got string"),
        (Type::Bool, Value::Null, "null"),
    ];
    for (ty, value, expected) in table {
        let shown = format!("{value:?} as {ty}");
        assert_eq!(coerced(ty, value), expected, "{shown}");
    }
    let bad = coerced(Type::Duration, "5 minutes".into());
    assert!(bad.contains("5 minutes"), "{bad}");
}

#[test]
fn numbers_of_different_kinds_compare_by_value() {
    assert_eq!(Value::from(1_i64), Value::from(1.0));
    assert_eq!(Value::from(1_u64), Value::from(1_i64));
    assert_ne!(Value::from(-1_i64), Value::from(u64::MAX));
    assert_ne!(Value::from(i64::MAX), Value::from(i64::MAX as u64 + 1));
}

#[test]
fn opaque_capsules_compare_by_content() {
    let rules = |text: &str| Value::opaque("RelabelRules", text.to_owned());
    assert_eq!(rules("a"), rules("a"));
    assert_ne!(rules("a"), rules("b"));
    assert_ne!(Value::opaque("X", 1_u8), Value::opaque("X", 1_u16));
    assert_eq!(format!("{:?}", rules("a")), "capsule(\"relabel.Rules\")");
}
