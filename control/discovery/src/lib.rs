//! Components that find targets: they run on the control thread and only compute exports.
//!
//! Owns one file or folder a component and the decoders of what discovery answers. Leaves
//! relabelling to `ops`, HTTP to `net` through `blocks`, and who uses the targets to `plan`.

#![forbid(unsafe_code)]
// Components of the control plane read small files by themselves.
#![allow(clippy::disallowed_methods)]

pub mod consul;
pub mod dns;
pub mod docker;
pub mod file;
pub mod http;
pub mod kubelet;
pub mod kubernetes;
pub mod process;
pub mod relabel;

mod labels;
mod limits;
mod refresh;

/// The components of this crate.
pub static COMPONENTS: &[&eval::Component] = &[
    &consul::COMPONENT,
    &dns::COMPONENT,
    &docker::COMPONENT,
    &file::COMPONENT,
    &http::COMPONENT,
    &kubelet::COMPONENT,
    &kubernetes::COMPONENT,
    &process::COMPONENT,
    &relabel::COMPONENT,
];

#[cfg(test)]
mod tests;
