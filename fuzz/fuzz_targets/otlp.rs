//! Export requests in protobuf from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/otlp.rs"]
mod otlp;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| otlp::check(bytes));
