//! Configurations with modules from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/modules.rs"]
mod modules;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| modules::check(bytes));
