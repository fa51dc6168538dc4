//! Pages in the OpenMetrics format from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/open_metrics.rs"]
mod open_metrics;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_metrics::check(bytes));
