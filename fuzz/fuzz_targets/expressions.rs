//! Expressions from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/expressions.rs"]
mod expressions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| expressions::check(bytes));
