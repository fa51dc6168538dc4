//! Packs of a git server from libFuzzer; what holds for them stands in `checks/`.

#![no_main]

#[path = "../checks/git_pack.rs"]
mod git_pack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| git_pack::check(bytes));
