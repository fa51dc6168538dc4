//! Replays the fuzzer's corpora.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/discovery_json.rs"]
mod discovery_json;
#[path = "../../../fuzz/checks/dns_answer.rs"]
mod dns_answer;
#[path = "../../../fuzz/checks/file_sd.rs"]
mod file_sd;
#[path = "../../../fuzz/checks/http_sd.rs"]
mod http_sd;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn http_sd_corpus_holds() {
    replay::replay("http_sd", http_sd::check);
}

#[test]
fn file_sd_corpus_holds() {
    replay::replay("file_sd", file_sd::check);
}

#[test]
fn dns_answer_corpus_holds() {
    replay::replay("dns_answer", dns_answer::check);
}

#[test]
fn discovery_json_corpus_holds() {
    replay::replay("discovery_json", discovery_json::check);
}
