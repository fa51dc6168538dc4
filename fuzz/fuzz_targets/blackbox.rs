//! Answers to probes from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/blackbox.rs"]
mod blackbox;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| blackbox::check(bytes));
