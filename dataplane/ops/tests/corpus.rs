//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/log_line.rs"]
mod log_line;
#[path = "../../../fuzz/checks/log_settings.rs"]
mod log_settings;
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
    replay::replay("log_line", log_line::check);
}

#[test]
fn log_settings_corpus_holds() {
    replay::replay("log_settings", log_settings::check);
}
