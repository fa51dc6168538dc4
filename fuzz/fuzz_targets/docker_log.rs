//! Logs of containers from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/docker_log.rs"]
mod docker_log;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| docker_log::check(bytes));
