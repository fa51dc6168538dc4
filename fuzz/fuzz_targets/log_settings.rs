//! Settings of log stages from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/log_settings.rs"]
mod log_settings;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log_settings::check(bytes));
