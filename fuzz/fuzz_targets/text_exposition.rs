//! Pages in the Prometheus text format from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/text_exposition.rs"]
mod text_exposition;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| text_exposition::check(bytes));
