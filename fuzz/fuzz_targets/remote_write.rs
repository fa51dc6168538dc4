//! Messages of remote write from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/remote_write.rs"]
mod remote_write;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remote_write::check(bytes));
