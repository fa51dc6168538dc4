#![no_main]

#[path = "../checks/http_sd.rs"]
mod http_sd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_sd::check(bytes));
