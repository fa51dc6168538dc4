//! What the loops of one instance need from the arguments, computed once per change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use blocks::ClientContext;
use engine::{Build, BuildError};
use formats::exposition::Format;
use net::{Client, HeaderMap, HeaderValue, header};
use ops::histogram;
use ops::relabel::NameScheme;

use super::ScrapeArguments;
use crate::forward::Forward;

pub const PROTOBUF: &str = "PrometheusProto";

/// Settings of an instance, shared by its loops.
pub struct Settings {
    pub job: String,
    pub scheme: String,
    pub metrics_path: String,
    pub params: BTreeMap<String, Vec<String>>,
    pub interval: Duration,
    pub timeout: Duration,
    pub fallback: Option<Media>,
    pub labels: LabelSettings,
    pub native: NativeSettings,
    pub honor_metadata: bool,
    /// Write a zero where a counter says it started.
    pub start_zeros: bool,
    pub extra_metrics: bool,
    /// Gets a line for each failed scrape.
    pub failure_log: Option<PathBuf>,
    pub body_size_limit: u64,
    pub sample_limit: u64,
    pub target_limit: u64,
    pub accept: HeaderValue,
    pub compression: bool,
    pub client: Client,
    pub forward: Forward,
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Text(Format),
    Protobuf,
}

/// What becomes of histograms.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeSettings {
    /// Take native histograms.
    pub wanted: bool,
    /// Keep classic series beside a native histogram.
    pub keep_classic: bool,
    /// Make native histograms with custom buckets of classic ones.
    pub convert_classic: bool,
    /// Most buckets; 0 is no limit.
    pub buckets_max: usize,
    /// Finest resolution.
    pub schema_max: i32,
}

/// What decides how a line becomes a series. When one of these changes, what a loop remembers of
/// its target's lines is worthless.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSettings {
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    pub names: NameScheme,
    pub label_limit: u64,
    pub name_length_limit: u64,
    pub value_length_limit: u64,
    pub type_and_unit: bool,
}

impl Settings {
    pub fn new(cx: &Build, arguments: &ScrapeArguments) -> Result<Rc<Settings>, BuildError> {
        let job = &arguments.job_name;
        let utf8 = arguments.metric_name_validation_scheme == "utf8";
        Ok(Rc::new(Settings {
            job: if job.is_empty() {
                cx.node.to_string()
            } else {
                job.clone()
            },
            scheme: arguments.scheme.clone(),
            metrics_path: arguments.metrics_path.clone(),
            params: arguments.params.clone(),
            interval: arguments.scrape_interval,
            timeout: arguments.scrape_timeout,
            fallback: fallback(&arguments.scrape_fallback_protocol).flatten(),
            labels: LabelSettings {
                honor_labels: arguments.honor_labels,
                honor_timestamps: arguments.honor_timestamps,
                track_timestamps_staleness: arguments.track_timestamps_staleness,
                names: if utf8 {
                    NameScheme::Utf8
                } else {
                    NameScheme::Legacy
                },
                label_limit: arguments.label_limit,
                name_length_limit: arguments.label_name_length_limit,
                value_length_limit: arguments.label_value_length_limit,
                type_and_unit: arguments.enable_type_and_unit_labels,
            },
            native: native(arguments),
            honor_metadata: arguments.honor_metadata,
            start_zeros: arguments.start_timestamp_zero_ingestion,
            extra_metrics: arguments.extra_metrics,
            failure_log: failure_log(&arguments.scrape_failure_log_file),
            body_size_limit: arguments.body_size_limit.0,
            sample_limit: arguments.sample_limit,
            target_limit: arguments.target_limit,
            accept: accept(arguments),
            compression: arguments.enable_compression,
            client: client(cx, arguments)?,
            forward: Forward::new(cx, &arguments.forward_to),
        }))
    }
}

fn failure_log(path: &str) -> Option<PathBuf> {
    (!path.is_empty()).then(|| PathBuf::from(path))
}

fn native(arguments: &ScrapeArguments) -> NativeSettings {
    let limit = arguments.native_histogram_bucket_limit;
    NativeSettings {
        wanted: arguments.scrapes_native(),
        keep_classic: arguments.scrape_classic_histograms,
        convert_classic: arguments.convert_classic_histograms_to_nhcb,
        buckets_max: usize::try_from(limit).unwrap_or(usize::MAX),
        schema_max: histogram::schema_max(arguments.native_histogram_min_bucket_factor),
    }
}

/// How to read a fallback protocol: nothing for none, no value at all for an unknown one.
pub fn fallback(protocol: &str) -> Option<Option<Media>> {
    match protocol {
        "" => Some(None),
        PROTOBUF => Some(Some(Media::Protobuf)),
        // Compat: the reference page writes the version with underscores.
        "PrometheusText0.0.4"
        | "PrometheusText1.0.0"
        | "PrometheusText0_0_4"
        | "PrometheusText1_0_0" => Some(Some(Media::Text(Format::Text))),
        "OpenMetricsText0.0.1"
        | "OpenMetricsText1.0.0"
        | "OpenMetricsText0_0_1"
        | "OpenMetricsText1_0_0" => Some(Some(Media::Text(Format::OpenMetrics))),
        _ => None,
    }
}

/// The Accept header: the protocols in their order, weights falling by a tenth.
fn accept(arguments: &ScrapeArguments) -> HeaderValue {
    let escaping = match arguments.metric_name_escaping_scheme.as_str() {
        "" => default_escaping(arguments.metric_name_validation_scheme == "utf8"),
        given => given,
    };
    let mut accept = String::new();
    let mut weight = WEIGHT_FIRST;
    for protocol in arguments.protocols() {
        let (media, escaped) = match protocol {
            "PrometheusText0.0.4" => ("text/plain;version=0.0.4", false),
            "PrometheusText1.0.0" => ("text/plain;version=1.0.0", true),
            "OpenMetricsText0.0.1" => ("application/openmetrics-text;version=0.0.1", false),
            "OpenMetricsText1.0.0" => ("application/openmetrics-text;version=1.0.0", true),
            _ => (PROTOBUF_MEDIA, false),
        };
        accept.push_str(media);
        if escaped {
            accept.push_str(";escaping=");
            accept.push_str(escaping);
        }
        accept.push_str(&format!(";q=0.{weight},"));
        weight -= 1;
    }
    accept.push_str(&format!("*/*;q=0.{weight}"));
    HeaderValue::from_str(&accept).expect("made of plain words")
}

/// How names are escaped unless the text says so: not at all if all are valid.
pub fn default_escaping(utf8: bool) -> &'static str {
    if utf8 { "allow-utf-8" } else { "underscores" }
}

const PROTOBUF_MEDIA: &str = "application/vnd.google.protobuf;\
     proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// Five protocols are known and the wildcard comes last: six tenths for the first.
const WEIGHT_FIRST: u32 = 6;

fn client(cx: &Build, arguments: &ScrapeArguments) -> Result<Client, BuildError> {
    let own = cx
        .globals
        .http_address
        .map(|address| (INTERNAL_ADDRESS.to_owned(), address));
    let overrides: Vec<_> = own.into_iter().collect();
    let context = ClientContext {
        user_agent: &cx.globals.user_agent,
        overrides: &overrides,
    };
    let mut options = arguments.client.options(&context);
    options.accept_gzip = arguments.enable_compression;
    Client::new(options).map_err(|error| BuildError::new(error.to_string()))
}

/// The address that targets of built-in exporters carry; it means this process's own HTTP server.
const INTERNAL_ADDRESS: &str = "alloy.internal:12345";

/// Headers that every scrape of a target carries.
pub fn headers(settings: &Settings, timeout: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, settings.accept.clone());
    if !settings.compression {
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
    }
    let seconds = HeaderValue::from_str(&timeout.as_secs_f64().to_string()).expect("a number");
    headers.insert("x-prometheus-scrape-timeout-seconds", seconds);
    headers
}

#[cfg(test)]
mod tests {
    use engine::testing::{body, node, receivers};
    use schema::Value;

    use super::*;

    fn arguments(more: &[(&str, Value)]) -> std::sync::Arc<ScrapeArguments> {
        let mut given = body([
            ("targets", Value::array([])),
            ("forward_to", receivers(&[])),
        ]);
        for (name, value) in more {
            given
                .attributes
                .extend(body([(name, value.clone())]).attributes);
        }
        let node = node(&super::super::COMPONENT, "prometheus.scrape.s", given);
        node.arguments
            .clone()
            .downcast()
            .expect("arguments of a scrape")
    }

    const PROTO: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn formats_are_asked_for_in_their_order_with_falling_weights() {
        let text = |protocols: &[&str]| {
            let protocols = protocols.iter().map(|protocol| Value::string(*protocol));
            ("scrape_protocols", Value::array(protocols))
        };
        let on = |name| (name, Value::from(true));
        let set = |name, value: &str| (name, Value::string(value));
        let utf8 = set("metric_name_validation_scheme", "utf8");
        let all = |escaping: &str, first: u32| {
            let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|less| first - less);
            format!(
                "application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.{a},\
                 application/openmetrics-text;version=0.0.1;q=0.{b},\
                 text/plain;version=1.0.0;escaping={escaping};q=0.{c},\
                 text/plain;version=0.0.4;q=0.{d},*/*;q=0.{e}"
            )
        };
        let native = format!("{PROTO};q=0.6,{}", all("underscores", 5));
        let cases = [
            (vec![], all("underscores", 6)),
            (vec![utf8.clone()], all("allow-utf-8", 6)),
            (
                vec![
                    utf8.clone(),
                    set("metric_name_escaping_scheme", "underscores"),
                ],
                all("underscores", 6),
            ),
            (
                vec![utf8, set("metric_name_escaping_scheme", "values")],
                all("values", 6),
            ),
            (
                vec![set("metric_name_escaping_scheme", "dots")],
                all("dots", 6),
            ),
            (vec![on("scrape_native_histograms")], native.clone()),
            (vec![on("enable_protobuf_negotiation")], native),
            (
                vec![text(&["PrometheusText0.0.4", "PrometheusProto"])],
                format!("text/plain;version=0.0.4;q=0.6,{PROTO};q=0.5,*/*;q=0.4"),
            ),
        ];
        for (more, expected) in cases {
            assert_eq!(accept(&arguments(&more)), expected, "{more:?}");
        }
    }

    #[test]
    fn a_fallback_is_a_known_protocol_in_either_spelling_or_none() {
        let cases = [
            ("", Some(None)),
            ("PrometheusProto", Some(Some(Media::Protobuf))),
            ("PrometheusText0_0_4", Some(Some(Media::Text(Format::Text)))),
            (
                "OpenMetricsText1.0.0",
                Some(Some(Media::Text(Format::OpenMetrics))),
            ),
            ("text/plain", None),
        ];
        for (protocol, expected) in cases {
            assert_eq!(fallback(protocol), expected, "{protocol}");
        }
    }
}
