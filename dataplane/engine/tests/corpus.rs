//! Replays the fuzzer's corpus.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/dead_letter.rs"]
mod dead_letter;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn dead_letter_corpus_holds() {
    replay::replay("dead_letter", dead_letter::check);
}
