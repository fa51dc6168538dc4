//! What receivers share: listening, reading requests, counting and passing on.

mod cors;
pub mod counts;
mod door;
mod intake;
mod lines;
mod streams;

pub use cors::Rules;
pub use counts::Transport;
pub use door::{Door, handler, listen, serve};
pub use intake::{Intake, no_memory};
pub use lines::{LineReader, Trim, batch_of, now_ns};
pub use streams::serve_streams;
