//! Outside bytes to batches and back, one module per wire format. Pure: no I/O, no clock, not
//! async.
//!
//! Every decoder here takes bytes from strangers: it bounds what it allocates, gives an error that
//! says what was expected, and has a fuzz target.

#![forbid(unsafe_code)]

pub mod docker_log;
pub mod exposition;
pub mod faro;
pub mod firehose;
pub mod fluent_forward;
pub mod gelf;
mod grouped;
pub mod influx;
pub mod jaeger;
mod json_value;
pub mod logplex;
pub mod loki_push;
pub mod otlp_json;
pub mod remote_write;
mod resource_names;
pub mod snappy;
pub mod splunk_hec;
pub mod syslog;
pub mod thrift;
pub mod zipkin;

pub(crate) use stdx::protobuf;
