//! Export requests in JSON from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/otlp_json.rs"]
mod otlp_json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| otlp_json::check(bytes));
