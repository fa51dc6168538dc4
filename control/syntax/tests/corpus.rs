//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/configuration.rs"]
mod configuration;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn configuration_corpus_holds() {
    replay::replay("configuration", configuration::check);
}
