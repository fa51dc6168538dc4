//! Replays the fuzzer's corpus.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/grpc_frame.rs"]
mod grpc_frame;
#[path = "../../../fuzz/checks/http1_answer.rs"]
mod http1_answer;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn grpc_frame_corpus_holds() {
    replay::replay("grpc_frame", grpc_frame::check);
}

#[test]
fn http1_answer_corpus_holds() {
    replay::replay("http1_answer", http1_answer::check);
}
