//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../fuzz/checks/wal_recovery.rs"]
mod wal_recovery;

#[test]
fn wal_recovery_corpus_holds() {
    replay::replay("wal_recovery", wal_recovery::check);
}
