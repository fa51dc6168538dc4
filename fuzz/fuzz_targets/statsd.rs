//! Packets of StatsD clients from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/statsd.rs"]
mod statsd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| statsd::check(bytes));
