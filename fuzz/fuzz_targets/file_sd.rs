//! Files of file service discovery from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/file_sd.rs"]
mod file_sd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| file_sd::check(bytes));
