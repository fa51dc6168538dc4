//! Messages of remote write 2.0 from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/remote_write_2.rs"]
mod remote_write_2;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remote_write_2::check(bytes));
