//! Settings of log stages from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/log_stages.rs"]
mod log_stages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log_stages::check_settings(bytes));
