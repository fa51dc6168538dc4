//! Snappy blocks from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/snappy.rs"]
mod snappy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snappy::check(bytes));
