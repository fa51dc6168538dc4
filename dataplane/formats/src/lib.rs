//! Outside bytes to batches and back, one module per wire format. Pure: no I/O, no clock, not
//! async.
//!
//! Every decoder here takes bytes from strangers: it bounds what it allocates, gives an error that
//! says what was expected, and has a fuzz target.

#![forbid(unsafe_code)]

pub mod exposition;
pub mod gelf;
pub mod loki_push;
pub mod otlp_json;
pub mod remote_write;
pub mod snappy;
pub mod syslog;

pub(crate) use stdx::protobuf;
