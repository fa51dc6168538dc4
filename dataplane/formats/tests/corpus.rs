//! Replays the fuzzers' corpora.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/docker_log.rs"]
mod docker_log;
#[path = "../../../fuzz/checks/exposition.rs"]
mod exposition;
#[path = "../../../fuzz/checks/faro.rs"]
mod faro;
#[path = "../../../fuzz/checks/fluent_forward.rs"]
mod fluent_forward;
#[path = "../../../fuzz/checks/influx.rs"]
mod influx;
#[path = "../../../fuzz/checks/jaeger.rs"]
mod jaeger;
#[path = "../../../fuzz/checks/loki_push.rs"]
mod loki_push;
#[path = "../../../fuzz/checks/otlp.rs"]
mod otlp;
#[path = "../../../fuzz/checks/otlp_json.rs"]
mod otlp_json;
#[path = "../../../fuzz/checks/protobuf_exposition.rs"]
mod protobuf_exposition;
#[path = "../../../fuzz/checks/remote_write.rs"]
mod remote_write;
#[path = "../../../fuzz/checks/remote_write_2.rs"]
mod remote_write_2;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/snappy.rs"]
mod snappy;
#[path = "../../../fuzz/checks/splunk_hec.rs"]
mod splunk_hec;
#[path = "../../../fuzz/checks/syslog.rs"]
mod syslog;
#[path = "../../../fuzz/checks/zipkin.rs"]
mod zipkin;

use formats::exposition::Format;
use replay::replay;

#[test]
fn docker_log_corpus_holds() {
    replay::replay("docker_log", docker_log::check);
}

#[test]
fn otlp_corpus_holds() {
    replay("otlp", otlp::check);
}

#[test]
fn otlp_json_corpus_holds() {
    replay("otlp_json", otlp_json::check);
}

#[test]
fn text_exposition_corpus_holds() {
    replay("text_exposition", |bytes| {
        exposition::check(bytes, Format::Text)
    });
}

#[test]
fn open_metrics_corpus_holds() {
    replay("open_metrics", |bytes| {
        exposition::check(bytes, Format::OpenMetrics)
    });
}

#[test]
fn remote_write_corpus_holds() {
    replay("remote_write", remote_write::check);
}

#[test]
fn remote_write_2_corpus_holds() {
    replay("remote_write_2", remote_write_2::check);
}

#[test]
fn protobuf_exposition_corpus_holds() {
    replay("protobuf_exposition", protobuf_exposition::check);
}

#[test]
fn snappy_corpus_holds() {
    replay("snappy", snappy::check);
}

#[test]
fn loki_push_corpus_holds() {
    replay("loki_push", loki_push::check);
}

#[test]
fn syslog_corpus_holds() {
    replay("syslog", syslog::check);
}

#[test]
fn fluent_forward_corpus_holds() {
    replay("fluent_forward", fluent_forward::check);
}

#[test]
fn influx_corpus_holds() {
    replay("influx", influx::check);
}

#[test]
fn jaeger_corpus_holds() {
    replay("jaeger", jaeger::check);
}

#[test]
fn splunk_hec_corpus_holds() {
    replay("splunk_hec", splunk_hec::check);
}

#[test]
fn zipkin_corpus_holds() {
    replay("zipkin", zipkin::check);
}

#[test]
fn faro_corpus_holds() {
    replay("faro", faro::check);
}
