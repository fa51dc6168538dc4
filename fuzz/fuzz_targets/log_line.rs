//! Log lines from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/log_line.rs"]
mod log_line;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log_line::check(bytes));
