//! Syslog and GELF from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/syslog.rs"]
mod syslog;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syslog::check(bytes));
