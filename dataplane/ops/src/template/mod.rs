//! Go's text/template with the functions that Alloy offers: its own, Go's and those of sprig.
//!
//! ```text
//! text -> parse (functions are known then) -> tree -> write(data) -> text
//! ```
//!
//! Data are looked up by name while a template runs, nothing is built for values that it does not
//! name. Left out of sprig is what makes keys and certificates, encrypts, hashes passwords, or asks
//! the network and the environment: a template that names them is refused.

mod functions;
mod operand;
mod parse;
mod print;
mod run;
mod value;

pub use run::{Environment, Template};
pub use value::Val;

pub(crate) use operand::unquote;

#[cfg(test)]
mod tests;
