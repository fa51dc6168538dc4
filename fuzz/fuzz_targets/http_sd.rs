//! Answers of HTTP service discovery from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/http_sd.rs"]
mod http_sd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_sd::check(bytes));
