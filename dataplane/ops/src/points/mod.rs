//! Data points of OTLP as streams: which points belong together, their sums and differences.
//!
//! Nouns: a *stream* is what has one resource, scope, metric and set of attributes; its *identity*
//! is a key of bytes; its *state* is the numbers of a point, without attributes and exemplars.

mod exponential;
mod histogram;
mod identity;
mod number;
mod streams;
mod summary;
#[cfg(test)]
mod tests;

use batch::otlp::{Attributes, Message};

pub use exponential::{BUCKETS_MAX, SCALE_MAX, index_of, observe};
pub use identity::{Identity, put_attributes};
pub use number::double;
pub use streams::{Streams, Undo};

/// Temporalities as OTLP numbers them.
pub const DELTA: i32 = 1;
pub const CUMULATIVE: i32 = 2;

/// A flag of a point that says that there is no value.
pub const NO_VALUE: u32 = 1;

/// A data point that sums and differences can be made of.
pub trait Point<'a>: Message<'a> {
    type State: State;

    fn attributes(&self) -> &Attributes<'a>;

    /// The numbers of the point.
    fn state(&self) -> Self::State;

    /// Takes numbers over; attributes, flags and exemplars stay.
    fn set_state(&mut self, state: &Self::State);
}

/// The numbers of a point.
pub trait State: Clone {
    /// Nanoseconds since 1970.
    fn start(&self) -> u64;
    fn time(&self) -> u64;
    fn set_start(&mut self, start: u64);
    fn set_time(&mut self, time: u64);

    /// Adds the numbers of another stretch of time, but not its times.
    fn add(&mut self, other: &Self);

    /// What came to `before` since.
    fn since(&self, before: &Self) -> Since<Self>;
}

/// The difference of two points of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Since<S> {
    Delta(S),
    /// The later one is smaller: counting has begun again.
    Reset,
    /// Their buckets differ.
    Mismatch,
}

macro_rules! times {
    () => {
        fn start(&self) -> u64 {
            self.start_unix_nano
        }

        fn time(&self) -> u64 {
            self.time_unix_nano
        }

        fn set_start(&mut self, start: u64) {
            self.start_unix_nano = start;
        }

        fn set_time(&mut self, time: u64) {
            self.time_unix_nano = time;
        }
    };
}
use times;
