//! The prometheus family: scrape, relabel, remote write, echo.
//!
//! ```text
//! prometheus.scrape --> prometheus.relabel --> prometheus.remote_write
//!                                         \--> prometheus.echo
//! ```
//!
//! Samples move as (series id, time, value) of the shard's series table; text and protobuf exist
//! only where they come in and go out.

#![forbid(unsafe_code)]

mod forward;
mod outcomes;
#[cfg(test)]
mod testing;

engine::components![echo, receive_http, relabel, remote_write, scrape];
