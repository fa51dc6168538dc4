//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/modules.rs"]
mod modules;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn modules_corpus_holds() {
    replay::replay("modules", modules::check);
}
