//! The prometheus family: scrape, relabel, remote write, echo.
//!
//! ```text
//! prometheus.scrape ------\                         /--> prometheus.remote_write
//! prometheus.receive_http ---> prometheus.relabel ---> prometheus.echo
//!                              prometheus.enrich
//! ```
//!
//! Samples move as (series id, time, value) of the shard's series table; text and protobuf exist
//! only where they come in and go out.

#![forbid(unsafe_code)]

mod forward;
mod outcomes;
mod renames;
mod series_budget;
#[cfg(test)]
mod testing;

engine::components![echo, enrich, receive_http, relabel, remote_write, scrape];
