//! otelcol.processor.redaction: removes attributes that are not allowed and masks values that
//! look like secrets.
//!
//! Items that have nothing to hide are passed on as they arrived. An answer is that of the nodes
//! behind. Compatible with otelcol.processor.redaction of Alloy; sanitizers of URLs and database
//! queries are refused when enabled.

mod mask;
mod rules;

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{Attributes, Lazy, LogRecord, MetricData, OtlpBatch, OtlpSignal, Span};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Secret, Stability};

use crate::settings::{DebugMetrics, Forward, Outputs};
use mask::Mask;
use rules::Rules;

pub static COMPONENT: Component = Component::of::<Redaction>();

/// The component.
pub struct Redaction;

#[derive(Arguments)]
#[arg(check = RedactionArguments::check)]
pub struct RedactionArguments {
    /// Keep all keys; values are masked all the same.
    #[arg(default = false)]
    pub allow_all_keys: bool,
    /// Keys of attributes that stay; all others go.
    pub allowed_keys: Vec<String>,
    /// Regular expressions of values that are never masked.
    pub allowed_values: Vec<String>,
    /// Regular expressions of keys whose values are masked whole.
    pub blocked_key_patterns: Vec<String>,
    /// Regular expressions of what is masked in values.
    pub blocked_values: Vec<String>,
    /// What a masked text becomes instead of stars: `sha1`, `sha3`, `md5`, `hmac-sha256` or
    /// `hmac-sha512`.
    #[arg(default = "")]
    pub hash_function: String,
    /// The key of the hash functions that need one.
    pub hmac_key: Option<Secret>,
    /// Regular expressions of keys that are passed on as they are.
    pub ignored_key_patterns: Vec<String>,
    /// Keys that are passed on as they are.
    pub ignored_keys: Vec<String>,
    /// Mask numbers and other values as well, as text.
    #[arg(default = false)]
    pub redact_all_types: bool,
    /// What attributes tell of what was done: `debug` for keys and counts, `info` for counts,
    /// `silent` for nothing.
    #[arg(default = "")]
    pub summary: String,
    /// Sanitizing of database queries; refused when enabled.
    #[arg(block)]
    pub db_sanitizer: Option<DbSanitizer>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Sanitizing of URLs; refused when enabled.
    #[arg(block)]
    pub url_sanitizer: Option<UrlSanitizer>,
}

/// Sanitizing of database queries.
#[derive(Arguments)]
pub struct DbSanitizer {
    /// Sanitize names of spans as well.
    #[arg(default = true)]
    pub sanitize_span_name: bool,
    /// Queries of Elasticsearch.
    #[arg(block)]
    pub es: Option<Database>,
    /// Commands of Memcached.
    #[arg(block)]
    pub memcached: Option<Database>,
    /// Queries of MongoDB.
    #[arg(block)]
    pub mongo: Option<Database>,
    /// Queries of OpenSearch.
    #[arg(block)]
    pub opensearch: Option<Database>,
    /// Commands of Redis.
    #[arg(block)]
    pub redis: Option<Database>,
    /// Statements of SQL.
    #[arg(block)]
    pub sql: Option<Database>,
    /// Commands of Valkey.
    #[arg(block)]
    pub valkey: Option<Database>,
}

/// Queries of one kind of database.
#[derive(Arguments)]
pub struct Database {
    /// Sanitize them.
    #[arg(default = false)]
    pub enabled: bool,
    /// Attributes that have queries.
    pub attributes: Vec<String>,
}

/// Sanitizing of URLs.
#[derive(Arguments)]
pub struct UrlSanitizer {
    /// Sanitize them.
    #[arg(default = false)]
    pub enabled: bool,
    /// Attributes that have URLs.
    pub attributes: Vec<String>,
    /// Sanitize names of spans as well.
    #[arg(default = true)]
    pub sanitize_span_name: bool,
}

impl RedactionArguments {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(message) = Mask::new(&self.hash_function, self.hmac_key.as_ref()) {
            check.attribute("hash_function", message);
        } else if let Err(message) = Rules::new(self) {
            check.body(message);
        }
        let databases = self.db_sanitizer.as_ref().map(|it| {
            [
                &it.es,
                &it.memcached,
                &it.mongo,
                &it.opensearch,
                &it.redis,
                &it.sql,
                &it.valkey,
            ]
        });
        let mut databases = databases.iter().flatten().filter_map(|it| it.as_ref());
        if databases.any(|it| it.enabled) {
            check.body("db_sanitizer is not supported yet; take its enabled blocks out");
        }
        if self.url_sanitizer.as_ref().is_some_and(|it| it.enabled) {
            check.body("url_sanitizer is not supported yet; set its enabled to false");
        }
    }
}

impl DataComponent for Redaction {
    type Arguments = RedactionArguments;
    const NAME: &'static str = "otelcol.processor.redaction";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<RedactionArguments>, cx: &Build) -> Result<Built, BuildError> {
        let processor = Processor {
            rules: Rules::new(&arguments).map_err(BuildError::new)?,
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

struct Processor {
    rules: Rules,
    forward: Forward,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let redacted = redact(&self.rules, &batch.into_otlp());
            self.forward.consume(redacted).await
        })
    }
}

/// Redacts the attributes of a message, which is decoded anew only if there is something to hide.
macro_rules! redact_attributes {
    ($rules:expr, $lazy:expr) => {
        if let Some(found) = $rules.find(&$lazy.get().attributes) {
            $rules.apply(found, &mut $lazy.get_mut().attributes);
        }
    };
}

fn redact(rules: &Rules, batch: &OtlpBatch) -> OtlpBatch {
    /// Resources, scopes, then each item.
    macro_rules! redact_tree {
        ($tree:expr, $item:ident => $each:expr) => {{
            let mut tree = $tree;
            for group in &mut tree.resources {
                redact_attributes!(rules, group.resource);
                for scope in &mut group.scopes {
                    redact_attributes!(rules, scope.scope);
                    for $item in &mut scope.items {
                        $each;
                    }
                }
            }
            tree.encode()
        }};
    }
    match batch.signal() {
        OtlpSignal::Traces => redact_tree!(batch.spans(), span => redact_span(rules, span)),
        OtlpSignal::Logs => redact_tree!(batch.log_records(), log => redact_log(rules, log)),
        OtlpSignal::Metrics => redact_tree!(batch.metrics(), metric => {
            if has_secrets(rules, &metric.get().data) {
                redact_points(rules, &mut metric.get_mut().data);
            }
        }),
    }
}

fn redact_span<'a>(rules: &Rules, span: &mut Lazy<'a, Span<'a>>) {
    redact_attributes!(rules, span);
    let mut events = span.get().events.iter();
    if events.any(|event| rules.find(&event.get().attributes).is_some()) {
        for event in &mut span.get_mut().events {
            redact_attributes!(rules, event);
        }
    }
}

fn redact_log<'a>(rules: &Rules, log: &mut Lazy<'a, LogRecord<'a>>) {
    redact_attributes!(rules, log);
    let mut body = log.get().body.clone();
    if let Some(found) = rules.redact_body(&mut body) {
        let log = log.get_mut();
        log.body = body;
        rules.summarize_body(found, &mut log.attributes);
    }
}

/// Calls `$body` with the points of any kind.
macro_rules! with_points {
    ($data:expr, $points:ident => $body:expr, $empty:expr) => {
        match $data {
            MetricData::Empty => $empty,
            MetricData::Gauge(it) => {
                let $points = it;
                $body
            }
            MetricData::Sum(it) => {
                let $points = it;
                $body
            }
            MetricData::Histogram(it) => {
                let $points = it;
                $body
            }
            MetricData::ExponentialHistogram(it) => {
                let $points = it;
                $body
            }
            MetricData::Summary(it) => {
                let $points = it;
                $body
            }
        }
    };
}

fn has_secrets(rules: &Rules, data: &MetricData<'_>) -> bool {
    let hides = |attributes: &Attributes<'_>| rules.find(attributes).is_some();
    with_points!(data, data => {
        data.points.iter().any(|point| hides(&point.get().attributes))
    }, false)
}

fn redact_points(rules: &Rules, data: &mut MetricData<'_>) {
    with_points!(data, data => {
        for point in &mut data.points {
            redact_attributes!(rules, point);
        }
    }, ());
}

#[cfg(test)]
mod tests;
