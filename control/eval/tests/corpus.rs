//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/expressions.rs"]
mod expressions;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn expressions_corpus_holds() {
    replay::replay("expressions", expressions::check);
}
