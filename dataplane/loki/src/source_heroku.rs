//! loki.source.heroku: takes what drains of Heroku's apps send over HTTP.
//!
//! ```text
//! request -> messages after their lengths -> labels, rules -> forward_to
//!                                                      204 <-/
//! ```
//!
//! A request is answered with success only when every branch has delivered its entries, synced them
//! or dropped them on purpose; otherwise the sender gets 503. Of a request with a message that
//! cannot be read nothing is taken. Compatible with loki.source.heroku of Alloy.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch, TENANT_LABEL};
use blocks::{GrpcServerConfig, HttpServerConfig, RelabelRules};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use formats::logplex::{self, Message};
use net::{Incoming, StatusCode};
use ops::relabel::{self, Rule};
use runtime::metrics::Counter;
use schema::{Arguments, MetricDecl, MetricKind, Port, Stability};

use crate::http::{Decoded, Names, Receiver, Route, Source, Verdict, declare, names, text_header};

pub static COMPONENT: Component = Component::of::<SourceHeroku>();

/// The component.
pub struct SourceHeroku;

#[derive(Arguments)]
pub struct SourceHerokuArguments {
    /// Where entries go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Labels that every entry gets.
    pub labels: BTreeMap<String, String>,
    /// Rules for the labels of entries; without one the internal labels are all there are.
    pub relabel_rules: RelabelRules,
    /// Keep the time of the message, instead of that of the arrival.
    #[arg(default = false)]
    pub use_incoming_timestamp: bool,
    /// How long requests that were begun may take when the component stops.
    #[arg(default = Duration::from_secs(30))]
    pub graceful_shutdown_timeout: Duration,
    /// Where to listen, and how.
    #[arg(block)]
    pub http: HttpServerConfig,
    /// Taken for compatibility: nothing is served over gRPC.
    #[arg(block)]
    pub grpc: GrpcServerConfig,
}

const NAMES: Names = {
    let mut names = names!("loki_source_heroku_drain_target");
    names[0] = declare(
        "loki_source_heroku_drain_entries_total",
        MetricKind::Counter,
        "Number of successful entries received by the Heroku target",
    );
    names
};
const ERRORS: MetricDecl = declare(
    "loki_source_heroku_drain_parsing_errors_total",
    MetricKind::Counter,
    "Number of parsing errors while receiving Heroku messages",
);

/// Limit: bytes of a request, on the wire and without compression.
const REQUEST_BYTES_MAX: u64 = 100 << 20;

impl DataComponent for SourceHeroku {
    type Arguments = SourceHerokuArguments;
    const NAME: &'static str = "loki.source.heroku";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = &[
        NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4], NAMES[5], ERRORS,
    ];

    async fn build(arguments: Arc<SourceHerokuArguments>, cx: &Build) -> Result<Built, BuildError> {
        let labels = [("component_id", &*cx.node)];
        let source = Drain {
            fixed: arguments.labels.clone(),
            rules: arguments.relabel_rules.0.clone(),
            keeps_time: arguments.use_incoming_timestamp,
            errors: cx.registry.counter(ERRORS.name, ERRORS.help, &labels),
        };
        let forward_to = &arguments.forward_to;
        let receiver = Receiver::new(cx, &NAMES, forward_to, REQUEST_BYTES_MAX, source);
        receiver.serve(&arguments.http)?;
        let (stop, grace) = (receiver.clone(), arguments.graceful_shutdown_timeout);
        Ok(Built::new().run(receiver.run()).drain(move |_| {
            let stop = stop.clone();
            async move { stop.shut_down(grace).await }
        }))
    }
}

struct Drain {
    fixed: BTreeMap<String, String>,
    rules: Vec<Rule>,
    keeps_time: bool,
    errors: Counter,
}

impl Source for Drain {
    fn route(&self, path: &str) -> Route {
        match path {
            "/heroku/api/v1/drain" => Route::Entries,
            "/healthy" => Route::Ready,
            _ => Route::Unknown,
        }
    }

    fn decode(&self, request: &Incoming, body: &mut Vec<u8>) -> Decoded {
        match self.entries(request, body) {
            Ok(batch) => Decoded {
                batch,
                verdict: Verdict::ok(StatusCode::NO_CONTENT),
            },
            Err(error) => {
                self.errors.inc();
                Decoded::refused(Verdict::bad(error))
            }
        }
    }
}

impl Drain {
    fn entries(&self, request: &Incoming, mut body: &[u8]) -> Result<LogsBatch, String> {
        let tenant = text_header(request, "x-scope-orgid").unwrap_or_default();
        let parameters = parameters(request.uri.query().unwrap_or_default());
        let mut batch = LogsBatch::default();
        let mut last: Option<([&str; 4], Rc<LabelsBuf>)> = None;
        let arrival_ns = runtime::wall_ns();
        while let Some(message) = logplex::next(&mut body)? {
            let names = names_of(&message);
            let labels = match &last {
                Some((same, labels)) if *same == names => labels.clone(),
                _ => {
                    let mut labels = LabelsBuf::new();
                    for (name, value) in LABELS.iter().zip(names) {
                        labels.set(name, value);
                    }
                    for (name, value) in &parameters {
                        labels.set(&format!("__heroku_drain_param_{name}"), value);
                    }
                    labels.set(TENANT_LABEL, tenant);
                    self.outcome(labels, tenant)
                }
            };
            let sent_ns = sent_ns(message.time)?;
            let time_ns = match self.keeps_time {
                true => sent_ns,
                false => arrival_ns + batch.items() as i64,
            };
            batch.add_line(&labels, time_ns, message.line);
            last = Some((names, labels));
        }
        Ok(batch)
    }

    /// Compat: what a rule drops goes on with the fixed labels only.
    fn outcome(&self, mut labels: LabelsBuf, tenant: &str) -> Rc<LabelsBuf> {
        if relabel::apply(&self.rules, &mut labels) == relabel::Outcome::Drop {
            labels.clear();
        }
        let mut kept = LabelsBuf::new();
        for (name, value) in &self.fixed {
            kept.set(name, value);
        }
        for (name, value) in labels.iter().filter(|(name, _)| !name.starts_with("__")) {
            kept.set(name, value);
        }
        kept.set(TENANT_LABEL, tenant);
        Rc::new(kept)
    }
}

const LABELS: [&str; 4] = [
    "__heroku_drain_host",
    "__heroku_drain_app",
    "__heroku_drain_proc",
    "__heroku_drain_log_id",
];

fn names_of<'a>(message: &Message<'a>) -> [&'a str; 4] {
    [
        message.hostname,
        message.application,
        message.process,
        message.id,
    ]
}

fn sent_ns(text: &str) -> Result<i64, String> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    let time = time.map_err(|error| format!("the time of a message cannot be read: {error}"))?;
    let ns = time.as_nanosecond();
    i64::try_from(ns).map_err(|_| format!("the time {text:?} of a message is out of range"))
}

/// The parameters of a query, those of one name joined by commas. Compat: what is not encoded
/// rightly is left out.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&') {
        if pair.is_empty() || pair.contains(';') {
            continue;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (unescape(name), unescape(value)) else {
            continue;
        };
        parameters
            .entry(name)
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => plain.push(b' '),
            b'%' => {
                let digits = after.get(..2)?;
                let digit = |byte: u8| (byte as char).to_digit(16);
                plain.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
                rest = &after[2..];
            }
            byte => plain.push(*byte),
        }
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use engine::testing::{SINK, TestShard, body, log_receivers, node, sink, with_block};
    use runtime::sim::check;
    use schema::Value;

    use super::*;
    use crate::testing::post;

    const SINK_NODE: &str = "test.sink.out";
    const PORT: u16 = 3112;

    #[test]
    fn messages_become_entries_and_of_a_broken_request_nothing_is_taken() {
        check(1, || async {
            let shard = TestShard::start();
            let rule = ops::relabel::RuleText {
                source_labels: Vec::new(),
                separator: ";".to_owned(),
                regex: "__heroku_drain_(.*)".to_owned(),
                modulus: 0,
                target_label: String::new(),
                replacement: "$1".to_owned(),
                action: "labelmap".to_owned(),
            };
            let rule = Rule::new(rule, ops::relabel::NameScheme::Legacy).expect("a rule");
            let arguments = body([
                ("forward_to", log_receivers(&[SINK_NODE])),
                ("labels", Value::object([("src", Value::string("h"))])),
                ("use_incoming_timestamp", Value::from(true)),
                ("relabel_rules", Value::opaque("RelabelRules", vec![rule])),
            ]);
            let http = body([
                ("listen_address", Value::string("127.0.0.1")),
                ("listen_port", Value::from(i64::from(PORT))),
            ]);
            let arguments = with_block(arguments, "http", http);
            let nodes = [
                node(&COMPONENT, "loki.source.heroku.in", arguments),
                node(&SINK, SINK_NODE, body([])),
            ];
            let errors = shard.apply(&nodes).await;
            assert!(errors.is_empty(), "{errors:?}");
            let first = "<190>1 1970-01-01T00:00:01.5+00:00 host app web.1 - one";
            let text = format!("{} {first}{} {first}", first.len(), first.len());
            let path = "/heroku/api/v1/drain?a=1&a=%32&bad=%zz";
            let (status, told) = post(PORT, path, &[], text.as_bytes()).await;
            assert_eq!(status, 204, "{told}");
            let entry = concat!(
                r#"{app="app", host="host", log_id="-", param_a="1,2", proc="web.1", src="h"} "#,
                "one@1500000000"
            );
            assert_eq!(sink(SINK_NODE).take(), [entry, entry]);
            let text = format!("{} {first}7 broken", first.len());
            assert_eq!(post(PORT, path, &[], text.as_bytes()).await.0, 400);
            assert!(sink(SINK_NODE).take().is_empty());
            shard.verify_ledgers().await;
        });
    }
}
