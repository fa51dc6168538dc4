//! Replays the fuzzers' corpora.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/open_metrics.rs"]
mod open_metrics;
#[path = "../../../fuzz/checks/remote_write.rs"]
mod remote_write;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/snappy.rs"]
mod snappy;
#[path = "../../../fuzz/checks/text_exposition.rs"]
mod text_exposition;

use replay::replay;

#[test]
fn text_exposition_corpus_holds() {
    replay("text_exposition", text_exposition::check);
}

#[test]
fn open_metrics_corpus_holds() {
    replay("open_metrics", open_metrics::check);
}

#[test]
fn remote_write_corpus_holds() {
    replay("remote_write", remote_write::check);
}

#[test]
fn snappy_corpus_holds() {
    replay("snappy", snappy::check);
}
