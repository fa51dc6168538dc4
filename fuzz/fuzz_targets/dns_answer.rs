//! Answers of DNS servers from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/dns_answer.rs"]
mod dns_answer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dns_answer::check(bytes));
