//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/http_sd.rs"]
mod http_sd;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn http_sd_corpus_holds() {
    replay::replay("http_sd", http_sd::check);
}
