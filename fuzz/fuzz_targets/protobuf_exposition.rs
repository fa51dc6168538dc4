//! Pages in protobuf from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/protobuf_exposition.rs"]
mod protobuf_exposition;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| protobuf_exposition::check(bytes));
