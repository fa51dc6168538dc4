//! Files of dead letters from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/dead_letter.rs"]
mod dead_letter;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dead_letter::check(bytes));
