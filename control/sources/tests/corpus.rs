//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/git_pack.rs"]
mod git_pack;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn git_pack_corpus_holds() {
    replay::replay("git_pack", git_pack::check);
}
