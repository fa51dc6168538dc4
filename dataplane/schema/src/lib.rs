//! What a component declares about itself, and the values that its text evaluates to.
//!
//! Owns the value model, the types of arguments with their coercions, the `Arguments` trait with
//! its derive, the declaration of a component, and the two JSON forms of these: the component API's
//! and the dump of `invar components`. Leaves text to `syntax`, expressions to `eval`, and what a
//! component does to its family. Pure: no I/O, no clock.
//!
//! Nouns: a *body* is a block's content, evaluated but not yet typed; a *field* is an attribute as
//! declared; a *type* says which values a field takes; a *capsule* is a value that only a component
//! can make (a port, a secret, relabel rules); a *target* is a set of labels.

#![forbid(unsafe_code)]

mod api_json;
mod argument;
mod body;
mod coerce;
mod declare;
mod decode;
mod describe;
mod secret;
mod target;
mod types;
mod value;

#[cfg(test)]
mod tests;

// The derive names this crate by its name, also inside this crate.
extern crate self as schema;

pub use api_json::{body_to_api_json, debug_to_api_json, exports_to_api_json, value_to_api_json};
pub use argument::{Argument, Bytes, Regex};
pub use body::{Attribute, Block, Body, Span, ValueSpan};
pub use coerce::TypeError;
pub use declare::{
    BlockSchema, BodySchema, Descriptor, ExportField, Field, MetricDecl, MetricKind,
};
pub use declare::{ErasedArguments, Stability};
#[doc(hidden)]
pub use decode::read_block;
pub use decode::{Arguments, BlockVariants, Check, DecodeError, Reader};
pub use describe::{body_schema_json, descriptor_json};
pub use schema_derive::{Arguments, Choice};
pub use secret::{OptionalSecret, Secret};
pub use target::{Target, Targets};
pub use types::Type;
pub use value::{Capsule, Function, FunctionError, Number, Object, Opaque, Port, PortKind, Value};
