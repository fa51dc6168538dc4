//! What brings values from outside into a configuration: files, HTTP answers, and the
//! `remotecfg` block. Components here run on the control thread and only compute exports.

#![forbid(unsafe_code)]
// Components of the control plane read small files by themselves.
#![allow(clippy::disallowed_methods)]

pub mod file_match;
pub mod git;
pub mod imports;
pub mod local_file;
pub mod remote_http;
pub mod remotecfg;

pub use imports::IMPORTS;

/// The components of this crate.
pub static COMPONENTS: &[&eval::Component] = &[
    &file_match::COMPONENT,
    &local_file::COMPONENT,
    &remote_http::COMPONENT,
];

#[cfg(test)]
mod tests;
