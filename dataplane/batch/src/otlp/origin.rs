//! Resource and scope: what the items of all signals belong to.

use super::kinds::{Attrs, Str, Uint32};
use super::wire::message;

message! {
    /// Who made the items.
    Resource "Resource" {
        1 "attributes" attributes: Attrs,
        2 "droppedAttributesCount" dropped_attributes_count: Uint32,
    }
}

message! {
    /// The library that made the items.
    Scope "InstrumentationScope" {
        1 "name" name: Str,
        2 "version" version: Str,
        3 "attributes" attributes: Attrs,
        4 "droppedAttributesCount" dropped_attributes_count: Uint32,
    }
}
