//! Splunk's events from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/splunk_hec.rs"]
mod splunk_hec;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| splunk_hec::check(bytes));
