//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/log_stages.rs"]
mod log_stages;
#[path = "../../../fuzz/checks/ottl.rs"]
mod ottl;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn ottl_corpus_holds() {
    replay::replay("ottl", ottl::check);
}

#[test]
fn log_line_corpus_holds() {
    replay::replay("log_line", log_stages::check_line);
}

#[test]
fn log_settings_corpus_holds() {
    replay::replay("log_settings", log_stages::check_settings);
}
