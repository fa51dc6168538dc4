//! Declarations: what a body may contain, and what a component is besides its code.

use std::any::Any;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::body::Body;
use crate::decode::{Arguments, DecodeError};
use crate::types::Type;
use crate::value::Value;

/// How far a thing can be relied on; ordered, so that a gate is a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stability {
    Experimental,
    PublicPreview,
    GenerallyAvailable,
}

impl Stability {
    pub const fn name(self) -> &'static str {
        match self {
            Stability::Experimental => "experimental",
            Stability::PublicPreview => "public-preview",
            Stability::GenerallyAvailable => "generally-available",
        }
    }
}

impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stability {
    type Err = String;

    fn from_str(text: &str) -> Result<Stability, String> {
        let all = [
            Stability::Experimental,
            Stability::PublicPreview,
            Stability::GenerallyAvailable,
        ];
        all.into_iter()
            .find(|stability| stability.name() == text)
            .ok_or_else(|| {
                format!(
                    "unknown stability level {text:?}, use experimental, public-preview or \
                 generally-available"
                )
            })
    }
}

/// What a body may contain, flattened structs included.
#[derive(Debug, Default)]
pub struct BodySchema {
    pub fields: Vec<Field>,
    pub blocks: Vec<BlockSchema>,
    /// Whether a block with this body takes a label.
    pub labelled: bool,
    /// Of any names and types, as custom components take them before their module is known.
    pub open: bool,
}

impl BodySchema {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn block(&self, name: &str) -> Option<&BlockSchema> {
        self.blocks.iter().find(|block| block.name == name)
    }

    /// Takes over the content of another body, with other defaults where given; for the derive.
    pub fn flatten(&mut self, inner: &BodySchema, defaults: &[(&str, Value)]) {
        self.fields
            .extend(inner.fields.iter().cloned().map(|mut field| {
                if let Some((_, default)) = defaults.iter().find(|(name, _)| *name == field.name) {
                    let coerced = field.ty.coerce(default);
                    field.default = Some(coerced.expect("a replaced default has the field's type"));
                }
                field
            }));
        for (name, _) in defaults {
            assert!(
                inner.field(name).is_some(),
                "no field {name:?} to replace the default of"
            );
        }
        self.blocks.extend(inner.blocks.iter().cloned());
    }
}

/// An attribute as declared.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub ty: Type,
    /// None where the field holds the zero of its type unless given.
    pub default: Option<Value>,
    pub required: bool,
    /// Smallest and largest number allowed.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub doc: &'static str,
    /// What to use in its place, where it is deprecated.
    pub deprecated: Option<&'static str>,
    /// Where it is less than the component's.
    pub stability: Option<Stability>,
    /// Listed by the component API even if it equals its default.
    pub shown: bool,
}

impl Field {
    /// An optional field without default; the derive sets what differs.
    pub fn new(name: &'static str, ty: Type) -> Field {
        Field {
            name,
            ty,
            default: None,
            required: false,
            min: None,
            max: None,
            doc: "",
            deprecated: None,
            stability: None,
            shown: false,
        }
    }

    pub fn type_name(&self) -> String {
        self.ty.to_string()
    }
}

/// A block as declared inside another body.
#[derive(Clone, Debug)]
pub struct BlockSchema {
    pub name: &'static str,
    pub required: bool,
    pub repeatable: bool,
    /// Absent means its struct with all defaults, so that an empty one says nothing.
    pub by_value: bool,
    /// A function, because blocks may nest in themselves.
    pub body: fn() -> &'static BodySchema,
    pub doc: &'static str,
    pub deprecated: Option<&'static str>,
}

impl BlockSchema {
    pub fn new(name: &'static str, body: fn() -> &'static BodySchema) -> BlockSchema {
        BlockSchema {
            name,
            required: false,
            repeatable: false,
            by_value: false,
            body,
            doc: "",
            deprecated: None,
        }
    }

    pub fn labelled(&self) -> bool {
        (self.body)().labelled
    }
}

/// An export as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportField {
    pub name: &'static str,
    pub type_name: &'static str,
}

/// A metric that a component's instances keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricDecl {
    pub name: &'static str,
    pub kind: MetricKind,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// Arguments whose type only their component knows.
pub type ErasedArguments = Arc<dyn Any + Send + Sync>;

/// A component without its code: what validation, documentation and the API need.
#[derive(Clone, Copy)]
pub struct Descriptor {
    pub name: &'static str,
    pub stability: Stability,
    pub arguments: fn() -> &'static BodySchema,
    pub decode: fn(&Body, &mut Vec<DecodeError>) -> Option<ErasedArguments>,
    pub exports: &'static [ExportField],
    pub metrics: &'static [MetricDecl],
}

impl Descriptor {
    pub const fn of<A: Arguments>(
        name: &'static str,
        stability: Stability,
        exports: &'static [ExportField],
        metrics: &'static [MetricDecl],
    ) -> Descriptor {
        Descriptor {
            name,
            stability,
            arguments: A::schema,
            decode: |body, errors| {
                let arguments: ErasedArguments = Arc::new(A::decode(body, errors)?);
                Some(arguments)
            },
            exports,
            metrics,
        }
    }
}
