//! Answers of Docker, Consul and Kubernetes from libFuzzer; what holds stands in `checks/`.

#![no_main]

#[path = "../checks/discovery_json.rs"]
mod discovery_json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| discovery_json::check(bytes));
