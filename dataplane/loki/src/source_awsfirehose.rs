//! loki.source.awsfirehose: takes records of Amazon Data Firehose over HTTP.
//!
//! ```text
//! request -> records, base64 -> a line each, or lines of CloudWatch Logs -> forward_to
//!                                                                    200 <-/
//! ```
//!
//! A request is answered with success only when every branch has delivered its entries, synced them
//! or dropped them on purpose; otherwise the sender gets 503 and keeps it. Records that cannot be
//! read are left out and counted. Compatible with loki.source.awsfirehose of Alloy.

use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch, TENANT_LABEL};
use blocks::{GrpcServerConfig, HttpServerConfig, RelabelRules};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use flate2::read::MultiGzDecoder;
use formats::firehose::{self, Envelope};
use net::{Answer, Bytes, HeaderValue, Incoming, StatusCode};
use ops::names::NameScheme;
use ops::relabel::{self, Rule};
use runtime::metrics::Histogram;
use schema::{Arguments, MetricDecl, MetricKind, Port, Secret, Stability};
use serde_json::json;

use crate::http::{Decoded, Names, Receiver, Route, Source, Verdict, declare, names, text_header};

pub static COMPONENT: Component = Component::of::<SourceAwsFirehose>();

/// The component.
pub struct SourceAwsFirehose;

#[derive(Arguments)]
pub struct SourceAwsFirehoseArguments {
    /// Where entries go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// The key that requests have to carry; none is asked for when empty.
    pub access_key: Secret,
    /// Rules for the labels of entries; without one the internal labels are all there are.
    pub relabel_rules: RelabelRules,
    /// Keep the time of the request or of the line, instead of that of the arrival.
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

const NAMES: Names = names!("loki_source_awsfirehose");
const RECORD_ERRORS: MetricDecl = declare(
    "loki_source_awsfirehose_record_errors",
    MetricKind::Counter,
    "Number of errors while decoding AWS Firehose records",
);
const REQUEST_ERRORS: MetricDecl = declare(
    "loki_source_awsfirehose_request_errors",
    MetricKind::Counter,
    "Number of errors while receiving AWS Firehose API requests",
);
const RECORDS: MetricDecl = declare(
    "loki_source_awsfirehose_records_received",
    MetricKind::Counter,
    "Number of records received from AWS Firehose",
);
const LABEL_ERRORS: MetricDecl = declare(
    "loki_source_awsfirehose_invalid_static_labels_errors",
    MetricKind::Counter,
    "Number of errors while processing AWS Firehose static labels",
);
const BATCH_SIZE: MetricDecl = declare(
    "loki_source_awsfirehose_batch_size",
    MetricKind::Histogram,
    "AWS Firehose received batch size in number of records",
);

/// A request of 4 MiB, the most that the service sends at its defaults, of records of 10 bytes.
const BATCH_BOUNDS: &[f64] = &[1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

/// Limit: bytes of a request, on the wire, without compression, and of all its records unpacked.
/// The service sends at most 64 MiB.
const REQUEST_BYTES_MAX: u64 = 100 << 20;

/// How content begins that is compressed: the lines of CloudWatch Logs always are.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

impl DataComponent for SourceAwsFirehose {
    type Arguments = SourceAwsFirehoseArguments;
    const NAME: &'static str = "loki.source.awsfirehose";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = &[
        NAMES[0],
        NAMES[1],
        NAMES[2],
        NAMES[3],
        NAMES[4],
        NAMES[5],
        RECORD_ERRORS,
        REQUEST_ERRORS,
        RECORDS,
        LABEL_ERRORS,
        BATCH_SIZE,
    ];

    async fn build(
        arguments: Arc<SourceAwsFirehoseArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let labels = [("component_id", &*cx.node)];
        let (name, help) = (BATCH_SIZE.name, BATCH_SIZE.help);
        let source = Firehose {
            key: arguments.access_key.clone(),
            rules: arguments.relabel_rules.0.clone(),
            keeps_time: arguments.use_incoming_timestamp,
            batch_size: cx.registry.histogram(name, help, &labels, BATCH_BOUNDS),
            cx: cx.clone(),
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

struct Firehose {
    cx: Build,
    key: Secret,
    rules: Vec<Rule>,
    keeps_time: bool,
    batch_size: Histogram,
}

impl Source for Firehose {
    fn route(&self, path: &str) -> Route {
        match path {
            "/awsfirehose/api/v1/push" => Route::Entries,
            _ => Route::Unknown,
        }
    }

    fn decode(&self, request: &Incoming, body: &mut Vec<u8>) -> Decoded {
        let key = request.headers.get("x-amz-firehose-access-key");
        let key = key.map_or(&b""[..], HeaderValue::as_bytes);
        if !self.key.is_empty() && !is_same(key, self.key.expose().as_bytes()) {
            return Decoded::refused(Verdict {
                status: StatusCode::UNAUTHORIZED,
                text: Some("access key not provided or incorrect".to_owned()),
            });
        }
        match firehose::request(body) {
            Ok(read) => Decoded {
                batch: self.entries(&read, self.common(request)),
                verdict: Verdict::ok(StatusCode::OK),
            },
            Err(error) => {
                self.count(REQUEST_ERRORS, &[("reason", "read_or_format")]);
                Decoded::refused(Verdict::bad(error))
            }
        }
    }

    /// The service wants its answers in this form.
    fn answer(&self, request: &Incoming, verdict: Verdict) -> Answer {
        let id = text_header(request, "x-amz-firehose-request-id").unwrap_or_default();
        let seconds = runtime::wall_ns() / 1_000_000_000;
        let mut body = json!({"requestId": id, "timestamp": seconds});
        if let Some(text) = verdict.text {
            body["errorMessage"] = text.into();
        }
        let mut answer = Answer::empty(verdict.status);
        let kind = HeaderValue::from_static("application/json");
        answer.headers.insert("content-type", kind);
        answer.body = Bytes::from(format!("{body}\n"));
        answer
    }
}

impl Firehose {
    fn count(&self, metric: MetricDecl, labels: &[(&str, &str)]) {
        let mut all = vec![("component_id", &*self.cx.node)];
        all.extend_from_slice(labels);
        let counter = self.cx.registry.counter(metric.name, metric.help, &all);
        counter.inc();
    }

    /// The labels of a request.
    fn common(&self, request: &Incoming) -> LabelsBuf {
        let header = |name: &str| text_header(request, name).unwrap_or_default();
        let tenant = header("x-scope-orgid");
        let mut labels = LabelsBuf::new();
        labels.set(
            "__aws_firehose_request_id",
            header("x-amz-firehose-request-id"),
        );
        labels.set(
            "__aws_firehose_source_arn",
            header("x-amz-firehose-source-arn"),
        );
        labels.set(TENANT_LABEL, tenant);
        let text = request.headers.get("x-amz-firehose-common-attributes");
        let text = text.map_or(&b""[..], HeaderValue::as_bytes);
        if text.is_empty() {
            return labels;
        }
        let bad = |reason: &str| {
            self.count(LABEL_ERRORS, &[("reason", reason), ("tenant_id", tenant)]);
        };
        let Ok(attributes) = firehose::common_attributes(text) else {
            bad("invalid_json_format");
            return labels;
        };
        for (name, value) in attributes {
            let Some(name) = name.strip_prefix("lbl_") else {
                continue;
            };
            match label_name(name) {
                Some(name) => labels.set(&name, &value),
                None => bad("invalid_label_name"),
            }
        }
        labels
    }

    fn entries(&self, request: &firehose::Request<'_>, common: LabelsBuf) -> LogsBatch {
        self.batch_size.record(request.records.len() as f64);
        let mut batch = LogsBatch::default();
        let mut direct = None;
        let mut room = REQUEST_BYTES_MAX;
        let arrival_ns = runtime::wall_ns();
        let request_ns = match self.keeps_time {
            true => ms_to_ns(request.timestamp.div_euclid(1000).saturating_mul(1000)),
            false => arrival_ns,
        };
        for record in &request.records {
            let Ok(content) = record.content() else {
                self.count(RECORD_ERRORS, &[("reason", "base64-decode")]);
                continue;
            };
            if !content.starts_with(&GZIP) {
                self.count(RECORDS, &[("type", "direct-put")]);
                let labels = direct.get_or_insert_with(|| self.outcome(common.clone()));
                // Lines of one time keep their order, and equal ones stay apart.
                let time_ns = self.time_ns(request_ns, &batch);
                batch.add_line(labels, time_ns, &content);
                continue;
            }
            let Some(plain) = unpack(&content, &mut room) else {
                self.count(RECORD_ERRORS, &[("reason", "gzip-deflate")]);
                continue;
            };
            self.count(RECORDS, &[("type", "cloudwatch-logs")]);
            match firehose::envelope(&plain) {
                Ok(envelope) => self.lines(&envelope, common.clone(), request_ns, &mut batch),
                Err(_) => self.count(RECORD_ERRORS, &[("reason", "cw-json-decode")]),
            }
        }
        batch
    }

    fn time_ns(&self, base_ns: i64, batch: &LogsBatch) -> i64 {
        match self.keeps_time {
            true => base_ns,
            false => base_ns + batch.items() as i64,
        }
    }

    fn lines(
        &self,
        envelope: &Envelope<'_>,
        mut labels: LabelsBuf,
        request_ns: i64,
        batch: &mut LogsBatch,
    ) {
        labels.set("__aws_owner", &envelope.owner);
        labels.set("__aws_cw_log_group", &envelope.log_group);
        labels.set("__aws_cw_log_stream", &envelope.log_stream);
        let filters = envelope.subscription_filters.join(",");
        labels.set("__aws_cw_matched_filters", &filters);
        labels.set("__aws_cw_msg_type", &envelope.message_type);
        let labels = self.outcome(labels);
        for line in &envelope.log_events {
            let time_ns = match self.keeps_time {
                true => ms_to_ns(line.timestamp),
                false => self.time_ns(request_ns, batch),
            };
            batch.add_line(&labels, time_ns, line.message.as_bytes());
        }
    }

    /// Compat: what a rule drops goes on without labels.
    fn outcome(&self, mut labels: LabelsBuf) -> Rc<LabelsBuf> {
        if relabel::apply(&self.rules, &mut labels) == relabel::Outcome::Drop {
            labels.clear();
        }
        labels.retain(|name, _| {
            let kept = !name.starts_with("__") || name == TENANT_LABEL;
            kept && NameScheme::Legacy.is_label_name(name)
        });
        Rc::new(labels)
    }
}

fn ms_to_ns(milliseconds: i64) -> i64 {
    milliseconds.saturating_mul(1_000_000)
}

/// Compares all bytes, whichever differ, so that the time tells nothing of the key.
fn is_same(given: &[u8], key: &[u8]) -> bool {
    let differing = given.iter().zip(key).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == key.len() && std::hint::black_box(differing) == 0
}

/// Takes gzip off, as long as there is room for the result.
fn unpack(content: &[u8], room: &mut u64) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut limited = MultiGzDecoder::new(content).take(*room + 1);
    limited.read_to_end(&mut plain).ok()?;
    *room = room.checked_sub(plain.len() as u64)?;
    Some(plain)
}

/// The name as it is if it can be one, else as it is made one: words apart by underscores.
fn label_name(name: &str) -> Option<String> {
    if NameScheme::Legacy.is_label_name(name) {
        return Some(name.to_owned());
    }
    let mut made = String::with_capacity(name.len());
    let mut before = ' ';
    for letter in name.chars() {
        match letter {
            '%' => made.push_str("_percent"),
            _ if " ,\t/\\.-:=@<>()\u{201c}".contains(letter) => made.push('_'),
            _ => {
                if letter.is_uppercase() && (before.is_lowercase() || before.is_numeric()) {
                    made.push('_');
                }
                made.extend(letter.to_lowercase());
            }
        }
        before = letter;
    }
    NameScheme::Legacy.is_label_name(&made).then_some(made)
}

#[cfg(test)]
mod tests {
    use engine::testing::{SINK, TestShard, body, log_receivers, node, sink, with_block};
    use runtime::sim::check;
    use schema::Value;

    use super::*;
    use crate::testing::post;

    const SINK_NODE: &str = "test.sink.out";
    const PORT: u16 = 3111;

    async fn started() -> TestShard {
        let shard = TestShard::start();
        let rule = ops::relabel::RuleText {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "__aws_(.*)|__(tenant).*".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "m_$1$2".to_owned(),
            action: "labelmap".to_owned(),
        };
        let rule = Rule::new(rule, ops::relabel::NameScheme::Legacy).expect("a rule");
        let arguments = body([
            ("forward_to", log_receivers(&[SINK_NODE])),
            ("access_key", Value::string("key")),
            ("use_incoming_timestamp", Value::from(true)),
            ("relabel_rules", Value::opaque("RelabelRules", vec![rule])),
        ]);
        let http = body([
            ("listen_address", Value::string("127.0.0.1")),
            ("listen_port", Value::from(i64::from(PORT))),
        ]);
        let arguments = with_block(arguments, "http", http);
        let nodes = [
            node(&COMPONENT, "loki.source.awsfirehose.in", arguments),
            node(&SINK, SINK_NODE, body([])),
        ];
        let errors = shard.apply(&nodes).await;
        assert!(errors.is_empty(), "{errors:?}");
        shard
    }

    fn gzip(text: &str) -> Vec<u8> {
        let level = flate2::Compression::default();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[test]
    fn records_become_lines_and_envelopes_many_and_bad_ones_are_left_out() {
        check(1, || async {
            let shard = started().await;
            let headers = [
                ("x-amz-firehose-request-id", "r"),
                ("x-amz-firehose-access-key", "key"),
                ("x-scope-orgid", "t"),
                (
                    "x-amz-firehose-common-attributes",
                    r#"{"commonAttributes":{"lbl_someName/x":"1","lbl_0":"no","other":"no"}}"#,
                ),
            ];
            // "first", and a record that is not base64.
            let body = r#"{"timestamp":1683356889123,"records":[{"data":"Zmlyc3Q="},
                {"data":"?"}]}"#;
            let (status, text) =
                post(PORT, "/awsfirehose/api/v1/push", &headers, body.as_bytes()).await;
            assert_eq!(status, 200, "{text}");
            assert!(
                text.starts_with(r#"{"requestId":"r","timestamp":"#),
                "{text}"
            );
            assert_eq!(
                sink(SINK_NODE).take(),
                [concat!(
                    r#"{__tenant_id__="t", m_="", m_firehose_request_id="r", m_tenant="t", "#,
                    r#"some_name_x="1"} first@1683356889000000000"#
                )
                .replace(r#"m_="", "#, "")]
            );
            shard.verify_ledgers().await;
        });
    }

    #[test]
    fn lines_of_cloudwatch_keep_their_times_and_wrong_keys_are_refused() {
        check(2, || async {
            let shard = started().await;
            let source = Rc::new(gzip(
                r#"{"owner":"o","logGroup":"g","subscriptionFilters":["a","b"],
                    "logEvents":[{"timestamp":5,"message":"x"},{"timestamp":6,"message":"y"}]}"#,
            ));
            let mut room = 1000;
            let plain = unpack(&source, &mut room).expect("gzip");
            assert!(firehose::envelope(&plain).is_ok() && room < 1000);
            assert_eq!(unpack(&source, &mut 10), None, "no room");
            let (status, text) = post(
                PORT,
                "/awsfirehose/api/v1/push",
                &[("x-amz-firehose-access-key", "kez")],
                b"{}",
            )
            .await;
            assert_eq!(status, 401);
            assert!(
                text.contains("access key not provided or incorrect"),
                "{text}"
            );
            shard.verify_ledgers().await;
        });
    }

    #[test]
    fn names_of_attributes_become_names_of_labels() {
        for (name, made) in [
            ("plain_1", Some("plain_1")),
            ("logGroup.Name", Some("log_group_name")),
            ("50%", None),
            ("load%", Some("load_percent")),
        ] {
            assert_eq!(label_name(name).as_deref(), made, "{name}");
        }
    }
}
