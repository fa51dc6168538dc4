//! The formats in which targets expose metrics: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 0.0.1
//! and 1.0.0, and protobuf.
//!
//! [`Parser`] walks the lines of a body and decodes nothing that it need not: a series stays text
//! until [`read_series`] is asked, which a scraper does once per series and not once per scrape.
//! What is accepted is what Prometheus' parsers accept.

mod comment;
mod error;
mod number;
mod open_metrics;
mod parser;
pub mod protobuf;
mod series;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod writer;

pub use error::ParseError;
pub use parser::{Entry, ExemplarText, Format, Known, KnownOptions, Line, Parser};
pub use series::{read_exemplar, read_series};
pub use writer::{Writer, push_value};
