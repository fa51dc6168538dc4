//! Scribbled lanes of the log from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/wal_recovery.rs"]
mod wal_recovery;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wal_recovery::check(bytes));
