//! Jaeger in protobuf and Thrift from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/jaeger.rs"]
mod jaeger;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jaeger::check(bytes));
