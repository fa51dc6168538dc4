//! The otelcol family: OTLP in and out, processors, connectors, bridges.
//!
//! Requests move as the bytes that arrived (`batch::OtlpBatch`); who edits decodes what it touches.

#![forbid(unsafe_code)]

engine::components![];
