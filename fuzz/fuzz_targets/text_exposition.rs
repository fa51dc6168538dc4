#![no_main]

#[path = "../checks/text_exposition.rs"]
mod text_exposition;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| text_exposition::check(bytes));
