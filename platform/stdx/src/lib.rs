//! What std lacks: units, edit distance, patterns of paths, a seeded random generator, variable
//! length integers, the wire of protobuf. Small, pure but for listing folders, without
//! dependencies; everything here is used by at least two crates.

#![forbid(unsafe_code)]

mod fnv;
pub mod glob;
mod nearest;
pub mod protobuf;
mod quote;
mod rng;
mod units;
pub mod varint;

pub use fnv::{Fnv1a, fnv1a};
pub use nearest::{edit_distance, nearest};
pub use quote::{quote, quote_char};
pub use rng::Rng;
pub use units::{UnitError, format_bytes, format_duration, parse_bytes, parse_duration};
