//! The Rust types that fields may have.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::secret::{OptionalSecret, Secret};
use crate::target::Targets;
use crate::types::Type;
use crate::value::{Capsule, Port, Value};

/// A Rust type of a field.
pub trait Argument: Sized {
    fn ty() -> Type;

    /// From a value that `Self::ty().coerce` gave, null excepted. The error is what is wrong with
    /// it beyond its type.
    fn from_value(value: &Value) -> Result<Self, String>;

    /// The value that `from_value` turns back into an equal `self`.
    fn to_value(&self) -> Value;

    /// What a field holds that is neither given nor has a default; None if there is no such thing.
    fn zero() -> Option<Self> {
        None
    }
}

/// A number of bytes, written as `512KiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// The text of a regular expression. Compiling it is left to `ops`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regex(pub String);

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn unexpected(value: &Value) -> String {
    format!("unexpected {}", value.describe())
}

impl Argument for Value {
    fn ty() -> Type {
        Type::Any
    }

    fn from_value(value: &Value) -> Result<Value, String> {
        Ok(value.clone())
    }

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn zero() -> Option<Value> {
        Some(Value::Null)
    }
}

impl Argument for bool {
    fn ty() -> Type {
        Type::Bool
    }

    fn from_value(value: &Value) -> Result<bool, String> {
        match value {
            Value::Bool(value) => Ok(*value),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn zero() -> Option<bool> {
        Some(false)
    }
}

/// Whole numbers: all widths share the code, which only std's conversions tell apart.
macro_rules! whole_number {
    ($ty:ty, $name:expr, $wide:ty, $get:ident) => {
        impl Argument for $ty {
            fn ty() -> Type {
                $name
            }

            fn from_value(value: &Value) -> Result<$ty, String> {
                let Value::Number(number) = value else {
                    return Err(unexpected(value));
                };
                number
                    .$get()
                    .and_then(|wide| <$ty>::try_from(wide).ok())
                    .ok_or_else(|| {
                        format!(
                            "{number} is out of range, from {} to {}",
                            <$ty>::MIN,
                            <$ty>::MAX
                        )
                    })
            }

            fn to_value(&self) -> Value {
                Value::from(<$wide>::try_from(*self).expect("64 bits hold every width"))
            }

            fn zero() -> Option<$ty> {
                Some(0)
            }
        }
    };
}

whole_number!(i32, Type::Int, i64, as_i64);
whole_number!(i64, Type::Int, i64, as_i64);
whole_number!(u16, Type::Uint, u64, as_u64);
whole_number!(u32, Type::Uint, u64, as_u64);
whole_number!(u64, Type::Uint, u64, as_u64);
whole_number!(usize, Type::Uint, u64, as_u64);

impl Argument for f64 {
    fn ty() -> Type {
        Type::Float
    }

    fn from_value(value: &Value) -> Result<f64, String> {
        match value {
            Value::Number(number) => Ok(number.as_f64()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn zero() -> Option<f64> {
        Some(0.0)
    }
}

impl Argument for String {
    fn ty() -> Type {
        Type::String
    }

    fn from_value(value: &Value) -> Result<String, String> {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| unexpected(value))
    }

    fn to_value(&self) -> Value {
        Value::string(self.as_str())
    }

    fn zero() -> Option<String> {
        Some(String::new())
    }
}

impl Argument for Regex {
    fn ty() -> Type {
        Type::Regex
    }

    fn from_value(value: &Value) -> Result<Regex, String> {
        String::from_value(value).map(Regex)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn zero() -> Option<Regex> {
        Some(Regex::default())
    }
}

impl Argument for Secret {
    fn ty() -> Type {
        Type::Secret
    }

    fn from_value(value: &Value) -> Result<Secret, String> {
        match value {
            Value::Capsule(Capsule::Secret(secret)) => Ok(secret.clone()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.clone())
    }

    fn zero() -> Option<Secret> {
        Some(Secret::default())
    }
}

impl Argument for OptionalSecret {
    fn ty() -> Type {
        Type::OptionalSecret
    }

    fn from_value(value: &Value) -> Result<OptionalSecret, String> {
        match value {
            Value::Capsule(Capsule::OptionalSecret(secret)) => Ok(secret.clone()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Capsule(Capsule::OptionalSecret(self.clone()))
    }

    fn zero() -> Option<OptionalSecret> {
        Some(OptionalSecret::default())
    }
}

impl Argument for Duration {
    fn ty() -> Type {
        Type::Duration
    }

    fn from_value(value: &Value) -> Result<Duration, String> {
        let text = value.as_str().ok_or_else(|| unexpected(value))?;
        stdx::parse_duration(text).map_err(|error| error.to_string())
    }

    fn to_value(&self) -> Value {
        Value::string(stdx::format_duration(*self))
    }

    fn zero() -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Argument for Bytes {
    fn ty() -> Type {
        Type::Size
    }

    fn from_value(value: &Value) -> Result<Bytes, String> {
        match value {
            Value::Number(number) => number.as_u64().map(Bytes).ok_or_else(|| unexpected(value)),
            Value::String(text) => stdx::parse_bytes(text)
                .map(Bytes)
                .map_err(|e| e.to_string()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::string(stdx::format_bytes(self.0))
    }

    fn zero() -> Option<Bytes> {
        Some(Bytes(0))
    }
}

impl Argument for Targets {
    fn ty() -> Type {
        Type::Targets
    }

    fn from_value(value: &Value) -> Result<Targets, String> {
        match value {
            Value::Targets(targets) => Ok(targets.clone()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Targets(self.clone())
    }

    fn zero() -> Option<Targets> {
        Some(Targets::default())
    }
}

/// Which signal it takes is said by the field: `#[arg(port = Metrics)]`.
impl Argument for Port {
    fn ty() -> Type {
        Type::Port(None)
    }

    fn from_value(value: &Value) -> Result<Port, String> {
        match value {
            Value::Capsule(Capsule::Port(port)) => Ok(port.clone()),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::port(self.clone())
    }
}

impl<T: Argument> Argument for Option<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn from_value(value: &Value) -> Result<Option<T>, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn zero() -> Option<Option<T>> {
        Some(None)
    }
}

/// A null element is the zero of its type.
fn element<T: Argument>(value: &Value) -> Result<T, String> {
    match value {
        Value::Null => T::zero().ok_or_else(|| unexpected(value)),
        other => T::from_value(other),
    }
}

impl<T: Argument> Argument for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }

    fn from_value(value: &Value) -> Result<Vec<T>, String> {
        match value {
            Value::Array(values) => values.iter().map(element).collect(),
            other => Err(unexpected(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::array(self.iter().map(T::to_value))
    }

    fn zero() -> Option<Vec<T>> {
        Some(Vec::new())
    }
}

impl<T: Argument> Argument for BTreeMap<String, T> {
    fn ty() -> Type {
        Type::map(T::ty())
    }

    fn from_value(value: &Value) -> Result<BTreeMap<String, T>, String> {
        let Value::Object(object) = value else {
            return Err(unexpected(value));
        };
        object
            .iter()
            .map(|(key, value)| Ok((key.to_string(), element(value)?)))
            .collect()
    }

    fn to_value(&self) -> Value {
        let fields = self
            .iter()
            .map(|(key, value)| (Arc::from(key.as_str()), value.to_value()));
        Value::Object(Arc::new(fields.collect()))
    }

    fn zero() -> Option<BTreeMap<String, T>> {
        Some(BTreeMap::new())
    }
}
