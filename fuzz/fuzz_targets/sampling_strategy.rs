//! Answers of a Jaeger server from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/sampling_strategy.rs"]
mod sampling_strategy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sampling_strategy::check(bytes));
