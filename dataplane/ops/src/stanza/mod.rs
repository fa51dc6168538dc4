//! What the Collector's receivers of logs do with text: cut it into records, then run operators
//! over them.
//!
//! Nouns: a *splitter* finds where records end; an *entry* is a record with its resource; an
//! *operator* changes an entry; a *field* names a part of an entry, such as `attributes.level`.

mod field;
mod operator;
mod parsers;
mod split;
#[cfg(test)]
mod tests;
mod when;

use batch::otlp::{Attributes, LogRecord};

pub use operator::Pipeline;
pub use split::{Found, Splitter};

/// A record with its resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry {
    pub record: LogRecord<'static>,
    pub resource: Attributes<'static>,
}
