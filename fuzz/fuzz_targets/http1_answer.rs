//! Answers of HTTP/1 from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/http1_answer.rs"]
mod http1_answer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http1_answer::check(bytes));
