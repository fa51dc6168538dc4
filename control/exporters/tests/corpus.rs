//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/blackbox.rs"]
mod blackbox;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/statsd.rs"]
mod statsd;

#[test]
fn blackbox_corpus_holds() {
    replay::replay("blackbox", blackbox::check);
}

#[test]
fn statsd_corpus_holds() {
    replay::replay("statsd", statsd::check);
}
