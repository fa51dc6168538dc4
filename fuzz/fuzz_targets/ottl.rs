//! Statements of OTTL and what they run on from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/ottl.rs"]
mod ottl;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ottl::check(bytes));
