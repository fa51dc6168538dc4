//! include and exclude: which spans, log records and metrics a processor touches.
//!
//! Of each kind of property that is given one has to fit; of attributes and resource attributes all
//! have to.

use batch::otlp::{AnyValue, Attributes, LogRecord, Metric, Resource, Scope, Span};
use ops::regex::GoRegex;
use schema::{Arguments, Check, Value};

/// What is matched.
#[derive(Arguments, Clone)]
#[arg(check = MatchBlock::check)]
pub struct MatchBlock {
    /// Whether values are texts or regular expressions.
    #[arg(required, one_of("strict", "regexp"))]
    pub match_type: String,
    /// Bodies of log records, where they are text.
    pub log_bodies: Vec<String>,
    /// Severities of log records as text.
    pub log_severity_texts: Vec<String>,
    /// Names of metrics.
    pub metric_names: Vec<String>,
    /// Values of the resource's `service.name`.
    pub services: Vec<String>,
    /// Kinds of spans, such as `SPAN_KIND_SERVER`.
    pub span_kinds: Vec<String>,
    /// Names of spans.
    pub span_names: Vec<String>,
    /// An attribute.
    #[arg(block, name = "attribute")]
    pub attributes: Vec<KeyMatch>,
    /// A scope.
    #[arg(block, name = "library")]
    pub libraries: Vec<LibraryMatch>,
    /// The least severity of log records.
    #[arg(block)]
    pub log_severity: Option<SeverityMatch>,
    /// Taken for compatibility: expressions are compiled once and need no cache.
    #[arg(block)]
    pub regexp: Option<RegexpCache>,
    /// An attribute of the resource.
    #[arg(block, name = "resource")]
    pub resources: Vec<KeyMatch>,
}

/// An attribute, with a value or with any.
#[derive(Arguments, Clone)]
pub struct KeyMatch {
    /// Key of the attribute.
    #[arg(required)]
    pub key: String,
    /// Its value; any when it is not given.
    pub value: Option<Value>,
}

/// A scope.
#[derive(Arguments, Clone)]
pub struct LibraryMatch {
    /// Its name.
    #[arg(required)]
    pub name: String,
    /// Its version; any when it is not given.
    pub version: Option<String>,
}

/// The least severity of log records.
#[derive(Arguments, Clone)]
pub struct SeverityMatch {
    /// Whether records without a severity fit.
    #[arg(required)]
    pub match_undefined: bool,
    /// The least severity, such as `INFO2`.
    #[arg(required)]
    pub min: String,
}

/// Taken for compatibility: expressions are compiled once and need no cache.
#[derive(Arguments, Clone)]
pub struct RegexpCache {
    /// Keep outcomes.
    #[arg(default = false)]
    pub cache_enabled: bool,
    /// Outcomes to keep.
    #[arg(default = 0)]
    pub cache_max_num_entries: i64,
}

/// Names of severities, from 1 on.
const SEVERITIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

fn severity_number(name: &str) -> Option<i32> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (word, step) = name.split_at(name.len() - digits);
    let family = SEVERITIES.iter().position(|known| *known == word)?;
    let step = if step.is_empty() {
        1
    } else {
        step.parse().ok()?
    };
    (1..=4)
        .contains(&step)
        .then(|| i32::try_from(family * 4).unwrap_or(0) + step)
}

impl MatchBlock {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(message) = Matcher::new(self) {
            check.body(message);
        }
        let empty = [
            &self.log_bodies,
            &self.log_severity_texts,
            &self.metric_names,
            &self.services,
            &self.span_kinds,
            &self.span_names,
        ];
        let blocks = self.attributes.len() + self.libraries.len() + self.resources.len();
        if empty.iter().all(|list| list.is_empty()) && blocks == 0 && self.log_severity.is_none() {
            check.body("at least one property to match must be given");
        }
    }
}

/// A text or a regular expression.
enum Pattern {
    Text(String),
    Regex(GoRegex),
}

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Text(expected) => expected == text,
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The value of an attribute.
enum ValueMatch {
    Any,
    Is(AnyValue<'static>),
    Text(Pattern),
}

/// The decided rules of one block.
pub struct Matcher {
    bodies: Vec<Pattern>,
    severity_texts: Vec<Pattern>,
    metric_names: Vec<Pattern>,
    services: Vec<Pattern>,
    span_kinds: Vec<Pattern>,
    span_names: Vec<Pattern>,
    attributes: Vec<(String, ValueMatch)>,
    resources: Vec<(String, ValueMatch)>,
    libraries: Vec<(Pattern, Option<Pattern>)>,
    severity: Option<(i32, bool)>,
}

impl Matcher {
    pub fn new(block: &MatchBlock) -> Result<Matcher, String> {
        let regexp = block.match_type == "regexp";
        let pattern = |text: &String| match regexp {
            true => GoRegex::new(text).map(Pattern::Regex),
            false => Ok(Pattern::Text(text.clone())),
        };
        let patterns = |texts: &[String]| texts.iter().map(pattern).collect::<Result<Vec<_>, _>>();
        let keys = |matches: &[KeyMatch]| {
            let each = matches.iter().map(|it| {
                let value = match (&it.value, regexp) {
                    (None, _) => ValueMatch::Any,
                    (Some(Value::String(text)), true) => {
                        ValueMatch::Text(pattern(&text.to_string())?)
                    }
                    (Some(value), _) => ValueMatch::Is(any_value(value)),
                };
                Ok((it.key.clone(), value))
            });
            each.collect::<Result<Vec<_>, String>>()
        };
        let library = |it: &LibraryMatch| {
            let version = it.version.as_ref().map(pattern).transpose()?;
            Ok((pattern(&it.name)?, version))
        };
        let severity = match &block.log_severity {
            None => None,
            Some(severity) => {
                let number = severity_number(&severity.min);
                let number = number.ok_or_else(|| {
                    format!("\"{}\" is not a severity such as \"INFO\"", severity.min)
                })?;
                Some((number, severity.match_undefined))
            }
        };
        Ok(Matcher {
            bodies: patterns(&block.log_bodies)?,
            severity_texts: patterns(&block.log_severity_texts)?,
            metric_names: patterns(&block.metric_names)?,
            services: patterns(&block.services)?,
            span_kinds: patterns(&block.span_kinds)?,
            span_names: patterns(&block.span_names)?,
            attributes: keys(&block.attributes)?,
            resources: keys(&block.resources)?,
            libraries: block
                .libraries
                .iter()
                .map(library)
                .collect::<Result<_, String>>()?,
            severity,
        })
    }

    fn fits_origin(&self, resource: &Resource<'_>, scope: &Scope<'_>) -> bool {
        let service = match resource.attributes.get("service.name") {
            Some(AnyValue::String(name)) => name.to_str(),
            _ => "".into(),
        };
        let library = |(name, version): &(Pattern, Option<Pattern>)| {
            let version = version.as_ref();
            name.is_match(&scope.name.to_str())
                && version.is_none_or(|version| version.is_match(&scope.version.to_str()))
        };
        any(&self.services, &service)
            && (self.libraries.is_empty() || self.libraries.iter().any(library))
            && all(&self.resources, &resource.attributes)
    }

    pub fn span(&self, resource: &Resource<'_>, scope: &Scope<'_>, span: &Span<'_>) -> bool {
        const KINDS: [&str; 6] = [
            "SPAN_KIND_UNSPECIFIED",
            "SPAN_KIND_INTERNAL",
            "SPAN_KIND_SERVER",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ];
        let kind = usize::try_from(span.kind).ok();
        let kind = kind.and_then(|kind| KINDS.get(kind)).unwrap_or(&KINDS[0]);
        self.fits_origin(resource, scope)
            && any(&self.span_names, &span.name.to_str())
            && any(&self.span_kinds, kind)
            && all(&self.attributes, &span.attributes)
    }

    pub fn log(&self, resource: &Resource<'_>, scope: &Scope<'_>, log: &LogRecord<'_>) -> bool {
        let body = match &log.body {
            AnyValue::String(text) => any(&self.bodies, &text.to_str()),
            _ => self.bodies.is_empty(),
        };
        let severity = match (self.severity, log.severity_number) {
            (None, _) => true,
            (Some((_, undefined)), 0) => undefined,
            (Some((min, _)), severity) => min <= severity,
        };
        self.fits_origin(resource, scope)
            && body
            && severity
            && any(&self.severity_texts, &log.severity_text.to_str())
            && all(&self.attributes, &log.attributes)
    }

    pub fn metric(&self, resource: &Resource<'_>, metric: &Metric<'_>) -> bool {
        any(&self.metric_names, &metric.name.to_str()) && all(&self.resources, &resource.attributes)
    }
}

/// Whether one of the patterns fits, if there are any.
fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(text))
}

fn all(keys: &[(String, ValueMatch)], attributes: &Attributes<'_>) -> bool {
    keys.iter().all(|(key, expected)| {
        attributes.get(key).is_some_and(|value| match expected {
            ValueMatch::Any => true,
            ValueMatch::Is(expected) => *expected == value.clone().into_owned(),
            ValueMatch::Text(pattern) => match value {
                AnyValue::String(text) => pattern.is_match(&text.to_str()),
                _ => false,
            },
        })
    })
}

/// A value of a configuration as one of OTLP.
pub fn any_value(value: &Value) -> AnyValue<'static> {
    match value {
        Value::Bool(value) => AnyValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => AnyValue::Int(value),
            None => AnyValue::Double(number.as_f64()),
        },
        Value::String(text) => AnyValue::from(text.to_string()),
        Value::Array(values) => AnyValue::Array(values.iter().map(any_value).collect()),
        Value::Object(object) => {
            let mut map = Attributes::default();
            for (key, value) in object.iter() {
                map.set(key.to_string(), any_value(value));
            }
            AnyValue::Map(map)
        }
        _ => AnyValue::Empty,
    }
}
