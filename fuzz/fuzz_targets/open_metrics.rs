//! Pages in the OpenMetrics format from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

use formats::exposition::Format;

#[path = "../checks/exposition.rs"]
mod exposition;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exposition::check(bytes, Format::OpenMetrics));
