//! Events of the forward protocol from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/fluent_forward.rs"]
mod fluent_forward;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fluent_forward::check(bytes));
