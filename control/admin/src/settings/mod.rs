//! Root blocks that this server obeys, or would: what each takes, and what is done with it.
//!
//! What is not available yet is decoded all the same, so that a configuration is understood, and
//! said in one warning when a block asks for it.

pub mod http;
pub mod livedebugging;
pub mod tracing_block;

use schema::{Descriptor, Stability};

const fn block<A: schema::Arguments>(name: &'static str) -> Descriptor {
    Descriptor::of::<A>(name, Stability::GenerallyAvailable, &[], &[])
}
