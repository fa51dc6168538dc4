//! loki.secretfilter: replaces secrets in lines.
//!
//! ```text
//! receiver -> words of rules -> patterns of those rules -> line with placeholders -> forward_to
//! ```
//!
//! Order stays; nothing is lost, but for lines that took too long where that is asked for. Lines
//! without any word of a rule pass uncopied. Compatible with loki.secretfilter of Alloy; the rules
//! that are built in are ours, under the same names, and `gitleaks_config` takes any list.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, LogEntry, LogsBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Fanout, Ledger};
use engine::{Nack, Role, Spread, Update};
use ops::secrets::{Detector, Finding, Rules};
use runtime::LocalBoxFuture;
use runtime::metrics::{Counter, Histogram};
use schema::{Arguments, Check, ExportField, MetricDecl, MetricKind, Port, Stability};

use crate::http::declare;

pub static COMPONENT: Component = Component::of::<SecretFilter>();

/// The component.
pub struct SecretFilter;

#[derive(Arguments)]
#[arg(check = Self::validate)]
pub struct SecretFilterArguments {
    /// Where entries go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// What secrets are replaced by; `$SECRET_NAME` and `$SECRET_HASH` stand for the rule's name
    /// and the SHA-1 of the secret. Without it the beginning of the secret stays.
    pub redact_with: String,
    /// How much of a secret is cut off, in percent, where there is no `redact_with`; out of 1 to
    /// 100 it is 80.
    #[arg(default = 80)]
    pub redact_percent: u64,
    /// A file of rules in the form of gitleaks, instead of those that are built in.
    pub gitleaks_config: String,
    /// A label by whose values secrets are counted.
    pub origin_label: String,
    /// Which share of entries is looked through, from 0 to 1.
    #[arg(default = 1.0)]
    pub rate: f64,
    /// How long an entry may take; 0 sets no limit.
    #[arg(default = Duration::ZERO)]
    pub processing_timeout: Duration,
    /// Drop entries that took too long, instead of passing them on as far as they were done.
    #[arg(default = false)]
    pub drop_on_timeout: bool,
    /// Label entries that took too long: `secretfilter="timed-out"`.
    #[arg(default = false)]
    pub label_timed_out: bool,
}

impl SecretFilterArguments {
    fn validate(&self, check: &mut Check<'_>) {
        if !(0.0..=1.0).contains(&self.rate) {
            let rate = self.rate;
            check.body(format!(
                "secretfilter: rate must be between 0 and 1, not {rate}"
            ));
        }
    }
}

const BYPASSED: MetricDecl = declare(
    "loki_secretfilter_entries_bypassed_total",
    MetricKind::Counter,
    "Total number of entries forwarded without processing due to sampling.",
);
const DROPPED: MetricDecl = declare(
    "loki_secretfilter_lines_dropped_total",
    MetricKind::Counter,
    "Total number of log lines dropped due to processing timeout.",
);
const TIMED_OUT: MetricDecl = declare(
    "loki_secretfilter_lines_timed_out_total",
    MetricKind::Counter,
    "Total number of log lines that exceeded the processing timeout.",
);
const DURATION: MetricDecl = declare(
    "loki_secretfilter_processing_duration_seconds",
    MetricKind::Histogram,
    "The time taken to process and redact logs in seconds.",
);
const REDACTED: MetricDecl = declare(
    "loki_secretfilter_secrets_redacted_total",
    MetricKind::Counter,
    "Total number of secrets that have been redacted.",
);
const BY_CATEGORY: MetricDecl = declare(
    "loki_secretfilter_secrets_redacted_by_category_total",
    MetricKind::Counter,
    "Number of secrets redacted, partitioned by rule name and origin label value.",
);

const DURATION_BOUNDS: &[f64] = &[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];

impl DataComponent for SecretFilter {
    type Arguments = SecretFilterArguments;
    const NAME: &'static str = "loki.secretfilter";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];
    const METRICS: &'static [MetricDecl] = &[
        BYPASSED,
        DROPPED,
        TIMED_OUT,
        DURATION,
        REDACTED,
        BY_CATEGORY,
    ];

    async fn build(arguments: Arc<SecretFilterArguments>, cx: &Build) -> Result<Built, BuildError> {
        let detector = Detector::new(rules(&arguments.gitleaks_config).await?);
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let (name, help) = (DURATION.name, DURATION.help);
        let port = Rc::new(Filter {
            bypassed: counter(BYPASSED),
            dropped: counter(DROPPED),
            timed_out: counter(TIMED_OUT),
            redacted: counter(REDACTED),
            duration: cx.registry.histogram(name, help, &labels, DURATION_BOUNDS),
            detector,
            ledger: cx.ledger("lines"),
            forward: RefCell::new(cx.fanout(&arguments.forward_to)),
            arguments: RefCell::new(arguments.clone()),
            cx: cx.clone(),
        });
        let update = port.clone();
        Ok(Built::new()
            .port("receiver", port)
            .update(move |new: Arc<SecretFilterArguments>| {
                if new.gitleaks_config != arguments.gitleaks_config {
                    return Ok(Update::Rebuild);
                }
                *update.forward.borrow_mut() = update.cx.fanout(&new.forward_to);
                *update.arguments.borrow_mut() = new;
                Ok(Update::Done)
            }))
    }
}

async fn rules(path: &str) -> Result<Rules, BuildError> {
    if path.is_empty() {
        return Ok(Rules::built_in());
    }
    let failed = |error: String| {
        BuildError::new(format!(
            "cannot read the rules of {path:?}: {error}; see gitleaks_config"
        ))
    };
    let bytes = runtime::fs::read(path.as_ref()).await;
    let bytes = bytes.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    Rules::of_file(&text).map_err(failed)
}

struct Filter {
    cx: Build,
    arguments: RefCell<Arc<SecretFilterArguments>>,
    forward: RefCell<Fanout>,
    detector: Detector,
    ledger: Ledger,
    bypassed: Counter,
    dropped: Counter,
    timed_out: Counter,
    redacted: Counter,
    duration: Histogram,
}

/// What becomes of a line.
enum Outcome {
    Same,
    Line(String),
    Drop,
}

impl Filter {
    /// Looks through all lines; how many were dropped.
    fn filter(&self, batch: &mut LogsBatch) -> u64 {
        let arguments = self.arguments.borrow().clone();
        let items = batch.items();
        let mut streams = Vec::with_capacity(batch.streams.len());
        for mut stream in std::mem::take(&mut batch.streams) {
            let mut late = Vec::new();
            let labels = stream.labels.clone();
            stream.entries.retain_mut(|entry| {
                let (outcome, in_time) = self.line(batch.line(entry), &labels, &arguments);
                match outcome {
                    Outcome::Drop => return false,
                    Outcome::Same => {}
                    Outcome::Line(line) => entry.line = batch.add_text(line.as_bytes()),
                }
                if !in_time && arguments.label_timed_out {
                    late.push(*entry);
                    return false;
                }
                true
            });
            streams.push(stream);
            self.label(&labels, &late, batch);
            streams.append(&mut batch.streams);
        }
        batch.streams = streams;
        (items - batch.items()) as u64
    }

    /// Entries that took too long are of another stream.
    fn label(&self, labels: &Rc<LabelsBuf>, late: &[LogEntry], batch: &mut LogsBatch) {
        if late.is_empty() {
            return;
        }
        let mut labels = LabelsBuf::clone(labels);
        labels.set("secretfilter", "timed-out");
        let labels = Rc::new(labels);
        for entry in late {
            batch.add_entry(&labels, *entry);
        }
    }

    fn line(
        &self,
        line: &[u8],
        labels: &LabelsBuf,
        arguments: &SecretFilterArguments,
    ) -> (Outcome, bool) {
        if arguments.rate < 1.0 && !is_sampled(arguments.rate) {
            self.bypassed.inc();
            return (Outcome::Same, true);
        }
        let start = runtime::now();
        let limit = arguments.processing_timeout;
        let expired = || !limit.is_zero() && start.elapsed() >= limit;
        let text = String::from_utf8_lossy(line);
        let mut findings = Vec::new();
        let in_time = self.detector.scan(&text, expired, &mut findings);
        if !in_time {
            self.timed_out.inc();
        }
        let outcome = match findings.is_empty() {
            _ if !in_time && arguments.drop_on_timeout => {
                self.dropped.inc();
                Outcome::Drop
            }
            true => Outcome::Same,
            false => Outcome::Line(self.redact(&text, &findings, labels, arguments)),
        };
        self.duration.record(start.elapsed().as_secs_f64());
        (outcome, in_time)
    }

    fn redact(
        &self,
        text: &str,
        findings: &[Finding<'_>],
        labels: &LabelsBuf,
        arguments: &SecretFilterArguments,
    ) -> String {
        let origin = match arguments.origin_label.as_str() {
            "" => "",
            name => labels.get(name).unwrap_or_default(),
        };
        let mut line = text.to_owned();
        for finding in findings {
            line = line.replace(finding.secret, &placeholder(finding, arguments));
            self.redacted.inc();
            let all = [
                ("component_id", &*self.cx.node),
                ("rule", finding.rule),
                ("origin", origin),
            ];
            let (name, help) = (BY_CATEGORY.name, BY_CATEGORY.help);
            self.cx.registry.counter(name, help, &all).inc();
        }
        line
    }
}

fn is_sampled(rate: f64) -> bool {
    // 53 bits are what a float holds exactly.
    let random = (runtime::random_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    random < rate
}

fn placeholder(finding: &Finding<'_>, arguments: &SecretFilterArguments) -> String {
    let secret = finding.secret;
    if !arguments.redact_with.is_empty() {
        let named = arguments.redact_with.replace("$SECRET_NAME", finding.rule);
        return match named.contains("$SECRET_HASH") {
            true => named.replace("$SECRET_HASH", &ops::secrets::hash(secret)),
            false => named,
        };
    }
    let percent = match arguments.redact_percent {
        percent @ 1..=100 => percent,
        _ => 80,
    };
    if percent == 100 {
        return "REDACTED".to_owned();
    }
    let kept = (secret.len() as f64 * (100 - percent) as f64 / 100.0).round_ties_even() as usize;
    let kept = secret.floor_char_boundary(kept);
    format!("{}...", &secret[..kept])
}

impl Consume for Filter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let items = batch.items();
            let held = self.ledger.hold(items);
            let mut batch = Rc::unwrap_or_clone(batch.into_logs());
            let dropped = self.filter(&mut batch);
            let forward = self.forward.borrow().clone();
            let result = match batch.is_empty() {
                true => Ok(()),
                false => forward.consume(Batch::Logs(Rc::new(batch))).await,
            };
            held.settle_kept(&result, items - dropped, "timeout");
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::sink;
    use engine::testing::{SINK, TestShard, body, log_receivers, log_source, logs, node, offer};
    use runtime::sim::check;
    use schema::Value;

    use super::*;

    const NODE: &str = "loki.secretfilter.s";
    const SINK_NODE: &str = "test.sink.out";

    async fn lines<const N: usize>(settings: [(&str, Value); N], line: &str) -> Vec<String> {
        let shard = TestShard::start();
        let mut arguments = body([("forward_to", log_receivers(&[SINK_NODE]))]);
        arguments.attributes.extend(body(settings).attributes);
        let nodes = [
            log_source("test.logs.in", &[NODE]),
            node(&COMPONENT, NODE, arguments),
            node(&SINK, SINK_NODE, body([])),
        ];
        let errors = shard.apply(&nodes).await;
        assert!(errors.is_empty(), "{errors:?}");
        let batch = logs(&[(&[("app", "x")], &[line, "plain"])]);
        assert_eq!(offer("test.logs.in", batch).await, Ok(()));
        let lines = sink(SINK_NODE).take();
        shard.verify_ledgers().await;
        lines
    }

    #[test]
    fn secrets_are_replaced_as_the_settings_say() {
        check(1, || async {
            let line = "id AKIAZ2QWERTY7UIOPASD end";
            let percent = |percent: i64| [("redact_percent", Value::from(percent))];
            let [first, second] = &lines(percent(0), line).await[..] else {
                panic!("two lines");
            };
            assert!(first.starts_with(r#"{app="x"} id AKIA... end@"#), "{first}");
            assert!(second.starts_with(r#"{app="x"} plain@"#), "{second}");
            let all = lines(percent(100), line).await;
            assert!(
                all[0].starts_with(r#"{app="x"} id REDACTED end@"#),
                "{all:?}"
            );
            let with = [("redact_with", Value::string("<$SECRET_NAME>"))];
            let named = lines(with, line).await;
            assert!(
                named[0].starts_with(r#"{app="x"} id <aws-access-token> end@"#),
                "{named:?}"
            );
        });
    }

    #[test]
    fn what_is_not_sampled_passes() {
        check(2, || async {
            let rate = [("rate", Value::from(0.0))];
            let passed = lines(rate, "id AKIAZ2QWERTY7UIOPASD end").await;
            assert!(passed[0].contains("AKIAZ2QWERTY7UIOPASD"), "{passed:?}");
        });
    }
}
