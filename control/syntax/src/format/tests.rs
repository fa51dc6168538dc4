//! The formatter against recorded output of `alloy fmt`.
