//! Bodies of gRPC calls from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/grpc_frame.rs"]
mod grpc_frame;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| grpc_frame::check(bytes));
