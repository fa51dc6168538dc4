//! Prometheus remote write, one module per version of the message.

pub mod v1;
