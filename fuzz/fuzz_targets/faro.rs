//! Payloads of web pages from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/faro.rs"]
mod faro;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faro::check(bytes));
