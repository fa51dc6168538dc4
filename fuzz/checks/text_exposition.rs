//! Prometheus text pages.

use formats::exposition::Format;

#[path = "exposition.rs"]
mod exposition;

pub fn check(bytes: &[u8]) {
    exposition::check(bytes, Format::Text);
}
