//! Zipkin in all four forms from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/zipkin.rs"]
mod zipkin;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zipkin::check(bytes));
