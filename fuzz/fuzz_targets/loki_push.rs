//! Loki's pushes from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/loki_push.rs"]
mod loki_push;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| loki_push::check(bytes));
