//! Lines of InfluxDB from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/influx.rs"]
mod influx;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| influx::check(bytes));
