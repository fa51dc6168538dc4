//! Replays the fuzzer's corpus.

#![allow(clippy::disallowed_methods, reason = "tests read the corpus")]

#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/sampling_strategy.rs"]
mod sampling_strategy;

#[test]
fn sampling_strategy_corpus_holds() {
    replay::replay("sampling_strategy", sampling_strategy::check);
}
