//! Components that find targets: they run on the control thread and only compute exports.
//!
//! Owns one file or folder a component and the decoders of what discovery answers. Leaves
//! relabelling to `ops`, HTTP to `net` through `blocks`, and who uses the targets to `plan`.

#![forbid(unsafe_code)]

pub mod http;
mod limits;
pub mod relabel;

/// The components of this crate.
pub static COMPONENTS: &[&eval::Component] = &[&http::COMPONENT, &relabel::COMPONENT];

#[cfg(test)]
mod tests;
