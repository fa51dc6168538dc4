//! otelcol.processor.attributes: changes the attributes of spans, log records and data points.
//!
//! Items that no action concerns are passed on as they arrived; one that is changed is decoded and
//! encoded again. An answer is that of the nodes behind.
//!
//! Compatible with otelcol.processor.attributes of Alloy; `from_context` is refused.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{AnyValue, Attributes, Client, Lazy, MetricData, OtlpBatch, OtlpSignal};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::regex::GoRegex;
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability, Value};
use sha2::{Digest, Sha256};

use crate::matching::{MatchBlock, Matcher, any_value};
use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<ProcessorAttributes>();

/// The component.
pub struct ProcessorAttributes;

#[derive(Arguments)]
pub struct AttributesArguments {
    /// What is done, in this order.
    #[arg(block, name = "action")]
    pub actions: Vec<ActionBlock>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// What is left alone.
    #[arg(block)]
    pub exclude: Option<MatchBlock>,
    /// What is changed; everything without it.
    #[arg(block)]
    pub include: Option<MatchBlock>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// One change.
#[derive(Arguments, Clone)]
#[arg(check = ActionBlock::check)]
pub struct ActionBlock {
    /// Attribute to change.
    #[arg(required)]
    pub key: String,
    /// What to do: `insert`, `update`, `upsert`, `delete`, `hash`, `extract` or `convert`.
    #[arg(required)]
    pub action: String,
    /// The new value.
    pub value: Option<Value>,
    /// Regular expression: of keys to delete or hash, or with the names of what to extract.
    #[arg(default = "")]
    pub pattern: String,
    /// Attribute that has the new value.
    #[arg(default = "")]
    pub from_attribute: String,
    /// What is known of the sender and has the new value: `metadata.NAME` (where the receiver has
    /// `include_metadata`), `auth.NAME` or `client.address`.
    #[arg(default = "")]
    pub from_context: String,
    /// The new type: `int`, `double` or `string`.
    #[arg(default = "")]
    pub converted_type: String,
}

impl ActionBlock {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(message) = Action::new(self) {
            check.body(message);
        }
    }
}

/// A decided action.
enum Action {
    Set {
        key: String,
        source: Source,
        insert: bool,
        update: bool,
    },
    Delete(Keys),
    Hash(Keys),
    Extract {
        key: String,
        regex: GoRegex,
    },
    Convert {
        key: String,
        to: Type,
    },
}

enum Source {
    Value(AnyValue<'static>),
    Attribute(String),
    Context(String),
}

/// One key, those that an expression fits, or both.
struct Keys {
    key: String,
    regex: Option<GoRegex>,
}

#[derive(Clone, Copy)]
enum Type {
    Int,
    Double,
    String,
}

impl Action {
    fn new(block: &ActionBlock) -> Result<Action, String> {
        let name = block.action.to_lowercase();
        let regex = match block.pattern.as_str() {
            "" => None,
            pattern => Some(GoRegex::new(pattern)?),
        };
        let key = block.key.clone();
        let by_pattern = matches!(name.as_str(), "delete" | "hash") && regex.is_some();
        if key.is_empty() && !by_pattern {
            return Err("the \"key\" field is required".to_owned());
        }
        let keys = |regex| Keys {
            key: block.key.clone(),
            regex,
        };
        match name.as_str() {
            "insert" | "update" | "upsert" => Ok(Action::Set {
                key,
                source: block.source(&name)?,
                insert: name != "update",
                update: name != "insert",
            }),
            "delete" => Ok(Action::Delete(keys(regex))),
            "hash" => Ok(Action::Hash(keys(regex))),
            "extract" => {
                let regex = regex.ok_or("action \"extract\" must have a pattern")?;
                if !regex.names().iter().any(|name| !name.is_empty()) {
                    let text = "a pattern of \"extract\" must have groups with names";
                    return Err(text.to_owned());
                }
                Ok(Action::Extract { key, regex })
            }
            "convert" => {
                let to = match block.converted_type.as_str() {
                    "int" => Type::Int,
                    "double" => Type::Double,
                    "string" => Type::String,
                    other => return Err(format!("\"converted_type\" cannot be \"{other}\"")),
                };
                Ok(Action::Convert { key, to })
            }
            other => Err(format!("unsupported action \"{other}\"")),
        }
    }

    fn apply(&self, attributes: &mut Attributes<'_>, client: Option<&Client>) {
        match self {
            Action::Set {
                key,
                source,
                insert,
                update,
            } => {
                let value = match source {
                    Source::Value(value) => Some(value.clone()),
                    Source::Context(name) => client.and_then(|it| of_context(it, name)),
                    Source::Attribute(key) => attributes.get(key).map(|it| it.clone().into_owned()),
                };
                let allowed = match attributes.contains(key) {
                    true => *update,
                    false => *insert,
                };
                if let Some(value) = value.filter(|_| allowed) {
                    attributes.set(key.clone(), value);
                }
            }
            Action::Delete(keys) => {
                attributes.retain(|attribute| !keys.fit(&attribute.key.to_str()));
            }
            Action::Hash(keys) => {
                for attribute in attributes.iter_mut() {
                    if keys.fit(&attribute.key.to_str()) {
                        attribute.value = AnyValue::from(hash(&attribute.value));
                    }
                }
            }
            Action::Extract { key, regex } => {
                let Some(AnyValue::String(text)) = attributes.get(key) else {
                    return;
                };
                let text = text.to_str().into_owned();
                if let Some(captures) = regex.captures(&text) {
                    for (index, name) in regex.names().iter().enumerate() {
                        if !name.is_empty() {
                            let found = captures.get(index).map_or("", |found| found.as_str());
                            attributes.set(name.clone(), AnyValue::from(found.to_owned()));
                        }
                    }
                }
            }
            Action::Convert { key, to } => {
                if let Some(value) = attributes.get_mut(key)
                    && let Some(converted) = convert(value, *to)
                {
                    *value = converted;
                }
            }
        }
    }
}

impl ActionBlock {
    fn source(&self, action: &str) -> Result<Source, String> {
        let (attribute, context) = (self.from_attribute.as_str(), self.from_context.as_str());
        match (&self.value, attribute, context) {
            (Some(value), "", "") => Ok(Source::Value(any_value(value))),
            (None, attribute, "") if !attribute.is_empty() => {
                Ok(Source::Attribute(attribute.to_owned()))
            }
            (None, "", context) if !context.is_empty() => Ok(Source::Context(context.to_owned())),
            (None, "", _) => Err(format!(
                "either field \"value\", \"from_attribute\" or \"from_context\" setting must be \
                 specified for action \"{action}\""
            )),
            _ => Err(format!(
                "only one of \"value\", \"from_attribute\" and \"from_context\" may be specified \
                 for action \"{action}\""
            )),
        }
    }
}

impl Keys {
    fn fit(&self, key: &str) -> bool {
        let regex = self.regex.as_ref();
        (!self.key.is_empty() && key == self.key) || regex.is_some_and(|it| it.is_match(key))
    }
}

/// What is known of a client under this name. Compat: several values are joined, and a name
/// without a prefix is one of metadata.
fn of_context(client: &Client, name: &str) -> Option<AnyValue<'static>> {
    let text = match name.split_once('.') {
        Some(("client", "address")) => client.address?.to_string(),
        Some(("auth", name)) => client.identity(name)?.to_owned(),
        Some(("metadata", name)) => joined(client.metadata.get(name))?,
        _ => joined(client.metadata.get(name))?,
    };
    Some(AnyValue::from(text))
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(";"))
}

/// SHA-256 of a value's bytes; numbers are little-endian.
fn hash(value: &AnyValue<'_>) -> String {
    let bytes = match value {
        AnyValue::String(text) => text.as_bytes().to_vec(),
        AnyValue::Bool(value) => vec![u8::from(*value)],
        AnyValue::Int(value) => value.to_le_bytes().to_vec(),
        AnyValue::Double(value) => value.to_le_bytes().to_vec(),
        _ => Vec::new(),
    };
    if bytes.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(&bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// None when the value stays as it is.
fn convert(value: &AnyValue<'_>, to: Type) -> Option<AnyValue<'static>> {
    Some(match (to, value) {
        (Type::Int, AnyValue::String(text)) => AnyValue::Int(text.to_str().parse().ok()?),
        (Type::Int, AnyValue::Double(value)) => AnyValue::Int(*value as i64),
        (Type::Int, AnyValue::Bool(value)) => AnyValue::Int(i64::from(*value)),
        (Type::Double, AnyValue::String(text)) => AnyValue::Double(text.to_str().parse().ok()?),
        (Type::Double, AnyValue::Int(value)) => AnyValue::Double(*value as f64),
        (Type::Double, AnyValue::Bool(value)) => AnyValue::Double(f64::from(*value)),
        (Type::String, AnyValue::Bool(value)) => AnyValue::from(value.to_string()),
        (Type::String, AnyValue::Int(value)) => AnyValue::from(value.to_string()),
        (Type::String, AnyValue::Double(value)) => AnyValue::from(value.to_string()),
        _ => return None,
    })
}

impl DataComponent for ProcessorAttributes {
    type Arguments = AttributesArguments;
    const NAME: &'static str = "otelcol.processor.attributes";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<AttributesArguments>, cx: &Build) -> Result<Built, BuildError> {
        let matcher = |block: &Option<MatchBlock>| block.as_ref().map(Matcher::new).transpose();
        let actions = arguments.actions.iter().map(Action::new);
        let processor = Processor {
            actions: actions.collect::<Result<_, _>>().map_err(BuildError::new)?,
            include: matcher(&arguments.include).map_err(BuildError::new)?,
            exclude: matcher(&arguments.exclude).map_err(BuildError::new)?,
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

struct Processor {
    actions: Vec<Action>,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    forward: Forward,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let edited = self.edit(&batch.into_otlp());
            self.forward.consume(edited).await
        })
    }
}

impl Processor {
    fn edit(&self, batch: &OtlpBatch) -> OtlpBatch {
        let client = batch.client().map(|client| &**client);
        match batch.signal() {
            OtlpSignal::Traces => {
                let mut tree = batch.spans();
                tree.for_each(|resource, scope, span| {
                    if self.chosen(|it| it.span(resource.get(), scope.get(), span.get())) {
                        self.apply(&mut span.get_mut().attributes, client);
                    }
                });
                tree.encode()
            }
            OtlpSignal::Logs => {
                let mut tree = batch.log_records();
                tree.for_each(|resource, scope, log| {
                    if self.chosen(|it| it.log(resource.get(), scope.get(), log.get())) {
                        self.apply(&mut log.get_mut().attributes, client);
                    }
                });
                tree.encode()
            }
            OtlpSignal::Metrics => {
                let mut tree = batch.metrics();
                tree.for_each(|resource, _, metric| {
                    if self.chosen(|it| it.metric(resource.get(), metric.get())) {
                        self.apply_points(&mut metric.get_mut().data, client);
                    }
                });
                tree.encode()
            }
        }
    }

    fn chosen(&self, fits: impl Fn(&Matcher) -> bool) -> bool {
        self.include.as_ref().is_none_or(&fits) && !self.exclude.as_ref().is_some_and(&fits)
    }

    fn apply(&self, attributes: &mut Attributes<'_>, client: Option<&Client>) {
        self.actions
            .iter()
            .for_each(|it| it.apply(attributes, client));
    }

    fn apply_points(&self, data: &mut MetricData<'_>, client: Option<&Client>) {
        match data {
            MetricData::Empty => {}
            MetricData::Gauge(gauge) => {
                let points = gauge.points.iter_mut().map(Lazy::get_mut);
                points.for_each(|point| self.apply(&mut point.attributes, client));
            }
            MetricData::Sum(sum) => {
                let points = sum.points.iter_mut().map(Lazy::get_mut);
                points.for_each(|point| self.apply(&mut point.attributes, client));
            }
            MetricData::Histogram(histogram) => {
                let points = histogram.points.iter_mut().map(Lazy::get_mut);
                points.for_each(|point| self.apply(&mut point.attributes, client));
            }
            MetricData::ExponentialHistogram(histogram) => {
                let points = histogram.points.iter_mut().map(Lazy::get_mut);
                points.for_each(|point| self.apply(&mut point.attributes, client));
            }
            MetricData::Summary(summary) => {
                let points = summary.points.iter_mut().map(Lazy::get_mut);
                points.for_each(|point| self.apply(&mut point.attributes, client));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{span_names, traces};
    use batch::otlp::Span;

    fn block(action: &str, key: &str) -> ActionBlock {
        ActionBlock {
            key: key.to_owned(),
            action: action.to_owned(),
            value: None,
            pattern: String::new(),
            from_attribute: String::new(),
            from_context: String::new(),
            converted_type: String::new(),
        }
    }

    fn check(block: &ActionBlock, before: AnyValue<'static>, expected: Option<AnyValue<'_>>) {
        let mut span = Span::default();
        span.attributes.set("k", before);
        let batch = traces(vec![span]);
        assert_eq!(span_names(&batch), [""]);
        let action = Action::new(block).expect("a valid action");
        let mut tree = batch.spans();
        tree.for_each(|_, _, span| action.apply(&mut span.get_mut().attributes, None));
        let edited = tree.encode();
        let tree = edited.spans();
        let span = tree.resources[0].scopes[0].items[0].get();
        let got = span.attributes.get("k").map(|it| it.clone().into_owned());
        assert_eq!(got, expected.map(AnyValue::into_owned));
    }

    #[test]
    fn values_are_set_where_the_action_says() {
        let (old, new) = (AnyValue::from("old"), AnyValue::from("new"));
        for (name, expected) in [("insert", &old), ("update", &new), ("upsert", &new)] {
            let action = ActionBlock {
                value: Some(Value::string("new")),
                ..block(name, "k")
            };
            check(&action, old.clone(), Some(expected.clone()));
        }
    }

    #[test]
    fn values_are_converted_or_stay_as_they_are() {
        let convert = |to: &str| ActionBlock {
            converted_type: to.to_owned(),
            ..block("convert", "k")
        };
        check(
            &convert("int"),
            AnyValue::from("12"),
            Some(AnyValue::Int(12)),
        );
        check(
            &convert("int"),
            AnyValue::from("x"),
            Some(AnyValue::from("x")),
        );
        check(
            &convert("int"),
            AnyValue::Double(3.9),
            Some(AnyValue::Int(3)),
        );
        check(
            &convert("string"),
            AnyValue::Int(5),
            Some(AnyValue::from("5")),
        );
    }

    #[test]
    fn keys_are_deleted_by_name_and_by_pattern() {
        check(&block("delete", "k"), AnyValue::Int(1), None);
        let by_pattern = ActionBlock {
            pattern: "^k$".to_owned(),
            ..block("delete", "")
        };
        check(&by_pattern, AnyValue::Int(1), None);
    }

    #[test]
    fn an_action_that_cannot_work_is_refused() {
        assert!(Action::new(&block("insert", "k")).is_err(), "no value");
        assert!(Action::new(&block("upsert", "")).is_err(), "no key");
        assert!(Action::new(&block("extract", "k")).is_err(), "no pattern");
        assert!(Action::new(&block("mend", "k")).is_err(), "no such action");
    }
}
