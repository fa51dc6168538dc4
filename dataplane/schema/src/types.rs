//! The types that fields are declared with.

use std::fmt;

use crate::value::PortKind;

/// Which values a field takes. `Display` gives the name that declarations and messages use.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Any,
    Bool,
    Int,
    Uint,
    Float,
    String,
    /// One of the given texts.
    Choice(&'static [&'static str]),
    Secret,
    /// A string, a secret, or what may be either.
    OptionalSecret,
    /// A string such as `1m30s`.
    Duration,
    /// A string such as `512KiB`.
    Size,
    /// A string with a regular expression; whether it is valid is the component's to check.
    Regex,
    List(Box<Type>),
    Map(Box<Type>),
    Targets,
    /// A port of the signal, or of any.
    Port(Option<PortKind>),
    /// A capsule of the kind.
    Capsule(&'static str),
}

impl Type {
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    pub fn map(element: Type) -> Type {
        Type::Map(Box::new(element))
    }

    /// The same type, taking ports of this signal only.
    pub fn with_port(self, kind: PortKind) -> Type {
        match self {
            Type::Port(_) => Type::Port(Some(kind)),
            Type::List(element) => Type::list(element.with_port(kind)),
            Type::Map(element) => Type::map(element.with_port(kind)),
            other => other,
        }
    }

    /// The same type with texts limited to `choices`.
    pub fn with_choices(self, choices: &'static [&'static str]) -> Type {
        match self {
            Type::String => Type::Choice(choices),
            Type::List(element) => Type::list(element.with_choices(choices)),
            Type::Map(element) => Type::map(element.with_choices(choices)),
            other => other,
        }
    }

    /// Whether the API leaves a value out when it equals the default.
    ///
    /// Compat: Alloy compares Go values, and lists, maps and regular expressions are never equal
    /// there (conformance case `language/arguments_shown`).
    pub(crate) fn hides_default(&self) -> bool {
        !matches!(
            self,
            Type::Regex | Type::List(_) | Type::Map(_) | Type::Targets | Type::Any
        )
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Uint => f.write_str("uint"),
            Type::Float => f.write_str("float64"),
            Type::String | Type::Choice(_) | Type::Regex => f.write_str("string"),
            Type::Secret => f.write_str("secret"),
            Type::OptionalSecret => f.write_str("string|secret"),
            Type::Duration => f.write_str("duration"),
            Type::Size => f.write_str("size"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Targets => f.write_str("list(map(string))"),
            Type::Port(Some(kind)) => f.write_str(kind.type_name()),
            Type::Port(None) => f.write_str("receiver"),
            Type::Capsule(kind) => f.write_str(kind),
        }
    }
}
