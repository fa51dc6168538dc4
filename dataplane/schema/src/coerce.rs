//! Whether a value fits a type, and the value in that type's form.
//!
//! Compat: the conversions are Alloy's. Numbers and strings turn into each other, strings turn into
//! secrets, secrets never into strings, null is the zero of every type.

use std::sync::Arc;

use crate::secret::{OptionalSecret, Secret};
use crate::target::{Target, Targets};
use crate::types::Type;
use crate::value::{Capsule, Number, Object, Value};

/// Why a value does not fit. `path` leads to the element to blame: indexes into arrays, and into
/// the sorted keys of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    pub path: Vec<usize>,
    /// The path as text: `[2].name`.
    pub place: String,
    pub message: String,
    pub expected: String,
    pub found: String,
    pub nearest: Option<String>,
}

/// The error is boxed, so that the common case stays small.
type Coerced<T = Value> = Result<T, Box<TypeError>>;

impl TypeError {
    fn new(ty: &Type, found: String, message: String) -> Box<TypeError> {
        Box::new(TypeError {
            path: Vec::new(),
            place: String::new(),
            message,
            expected: ty.to_string(),
            found,
            nearest: None,
        })
    }

    fn mismatch(ty: &Type, value: &Value) -> Box<TypeError> {
        let found = value.describe();
        let message = format!("expected {ty}, got {found}");
        TypeError::new(ty, found, message)
    }

    fn invalid(ty: &Type, text: &str, message: String) -> Box<TypeError> {
        TypeError::new(ty, format!("{text:?}"), message)
    }

    fn within(mut self: Box<Self>, index: usize, place: &str) -> Box<TypeError> {
        self.path.insert(0, index);
        self.place.insert_str(0, place);
        self
    }
}

impl Type {
    /// The value in the form of this type: what `Argument::from_value` of a Rust type with this
    /// type understands.
    pub fn coerce(&self, value: &Value) -> Result<Value, Box<TypeError>> {
        if matches!(value, Value::Null) {
            return Ok(Value::Null);
        }
        match self {
            Type::Any => Ok(value.clone()),
            Type::Bool if matches!(value, Value::Bool(_)) => Ok(value.clone()),
            Type::Int | Type::Uint | Type::Float => self.coerce_number(value),
            Type::String | Type::Regex => Ok(Value::String(self.text(value)?)),
            Type::Choice(choices) => self.coerce_choice(value, choices),
            Type::Duration => {
                let text = self.text(value)?;
                match stdx::parse_duration(&text) {
                    Ok(_) => Ok(Value::String(text)),
                    Err(error) => Err(TypeError::invalid(self, &text, error.to_string())),
                }
            }
            Type::Size => self.coerce_size(value),
            Type::Secret => match value {
                Value::Capsule(Capsule::Secret(_)) => Ok(value.clone()),
                Value::Capsule(Capsule::OptionalSecret(text)) => {
                    Ok(Value::secret(text.shared().clone()))
                }
                _ => Ok(Value::secret(self.text(value)?)),
            },
            Type::OptionalSecret => self.coerce_optional_secret(value),
            Type::List(element) => self.coerce_list(value, element),
            Type::Map(element) => self.coerce_map(value, element),
            Type::Targets => self.coerce_targets(value),
            Type::Port(wanted) => match value {
                Value::Capsule(Capsule::Port(port))
                    if wanted.is_none_or(|kind| kind == port.kind) =>
                {
                    Ok(value.clone())
                }
                _ => Err(TypeError::mismatch(self, value)),
            },
            Type::Capsule(kind) => match value {
                Value::Capsule(Capsule::Opaque { kind: found, .. }) if found == kind => {
                    Ok(value.clone())
                }
                _ => Err(TypeError::mismatch(self, value)),
            },
            Type::Bool => Err(TypeError::mismatch(self, value)),
        }
    }

    /// The text of what turns into a string.
    fn text(&self, value: &Value) -> Coerced<Arc<str>> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string().into()),
            Value::Capsule(Capsule::OptionalSecret(text)) if !text.is_secret() => {
                Ok(text.shared().clone())
            }
            Value::Capsule(Capsule::Secret(_) | Capsule::OptionalSecret(_)) => {
                let mut error = TypeError::mismatch(self, value);
                error.message = "secrets may not be converted into strings".to_owned();
                error.found = "secret".to_owned();
                Err(error)
            }
            // Bytes, as encoding.from_base64 gives them.
            Value::Array(values) => {
                bytes_text(values).ok_or_else(|| TypeError::mismatch(self, value))
            }
            _ => Err(TypeError::mismatch(self, value)),
        }
    }

    fn coerce_number(&self, value: &Value) -> Coerced {
        let mismatch = || TypeError::mismatch(self, value);
        let number = match value {
            Value::Number(number) => *number,
            Value::String(text) => parse_number(text).ok_or_else(mismatch)?,
            Value::Capsule(Capsule::OptionalSecret(text)) if !text.is_secret() => {
                parse_number(text.expose()).ok_or_else(mismatch)?
            }
            _ => return Err(mismatch()),
        };
        let out_of_range = || {
            let message = format!("{number} is out of the range of {self}");
            let mut error = mismatch();
            (error.message, error.found) = (message, number.to_string());
            error
        };
        // Compat: a fraction is cut off where a whole number is wanted.
        let whole = match number {
            Number::Float(value) => Number::Float(value.trunc()),
            other => other,
        };
        match self {
            Type::Int => whole.as_i64().map(Value::from).ok_or_else(out_of_range),
            Type::Uint => whole.as_u64().map(Value::from).ok_or_else(out_of_range),
            _ => Ok(Value::Number(number)),
        }
    }

    fn coerce_choice(&self, value: &Value, choices: &[&str]) -> Coerced {
        let text = self.text(value)?;
        if choices.contains(&&*text) {
            return Ok(Value::String(text));
        }
        let listed: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
        let expected = format!("one of {}", listed.join(", "));
        let mut error =
            TypeError::invalid(self, &text, format!("expected {expected}, got {text:?}"));
        error.expected = expected;
        error.nearest = stdx::nearest(&text, choices.iter().copied()).map(str::to_owned);
        Err(error)
    }

    /// A size is a text with a unit or a number of bytes; the number stays a number.
    fn coerce_size(&self, value: &Value) -> Coerced {
        if let Value::Number(number) = value
            && number.as_u64().is_some()
        {
            return Ok(value.clone());
        }
        let text = self.text(value)?;
        match stdx::parse_bytes(&text) {
            Ok(_) => Ok(Value::String(text)),
            Err(error) => Err(TypeError::invalid(self, &text, error.to_string())),
        }
    }

    fn coerce_optional_secret(&self, value: &Value) -> Coerced {
        let secret = match value {
            Value::Capsule(Capsule::OptionalSecret(_)) => return Ok(value.clone()),
            Value::Capsule(Capsule::Secret(secret)) => OptionalSecret::secret(secret.expose()),
            _ => OptionalSecret::plain(self.text(value)?),
        };
        Ok(Value::Capsule(Capsule::OptionalSecret(secret)))
    }

    fn coerce_list(&self, value: &Value, element: &Type) -> Coerced {
        let values = value
            .elements()
            .ok_or_else(|| TypeError::mismatch(self, value))?;
        let coerced: Coerced<Vec<Value>> = values
            .iter()
            .enumerate()
            .map(|(at, value)| {
                element
                    .coerce(value)
                    .map_err(|e| e.within(at, &format!("[{at}]")))
            })
            .collect();
        Ok(Value::Array(Arc::new(coerced?)))
    }

    fn coerce_map(&self, value: &Value, element: &Type) -> Coerced {
        let Value::Object(object) = value else {
            return Err(TypeError::mismatch(self, value));
        };
        let coerced: Coerced<Object> = object
            .iter()
            .enumerate()
            .map(|(at, (key, value))| match element.coerce(value) {
                Ok(value) => Ok((key.clone(), value)),
                Err(error) => Err(error.within(at, &format!(".{key}"))),
            })
            .collect();
        Ok(Value::Object(Arc::new(coerced?)))
    }

    fn coerce_targets(&self, value: &Value) -> Coerced {
        let values = match value {
            Value::Targets(_) => return Ok(value.clone()),
            Value::Array(values) => values,
            _ => return Err(TypeError::mismatch(self, value)),
        };
        let mut targets = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            let target = target_of(value).map_err(|e| e.within(at, &format!("[{at}]")))?;
            targets.push(target);
        }
        Ok(Value::Targets(Targets::new(targets)))
    }
}

/// Compat: the label values of a target may be strings and numbers; null is empty.
fn target_of(value: &Value) -> Coerced<Target> {
    let Value::Object(object) = value else {
        return Err(TypeError::mismatch(&Type::map(Type::String), value));
    };
    let mut labels = Vec::with_capacity(object.len());
    for (at, (name, value)) in object.iter().enumerate() {
        let text = match value {
            Value::Null => Arc::from(""),
            _ => Type::String
                .text(value)
                .map_err(|e| e.within(at, &format!(".{name}")))?,
        };
        labels.push((name.clone(), text));
    }
    Ok(labels.into_iter().collect())
}

/// Bytes as text, invalid UTF-8 replaced. Only arrays of byte-sized unsigned numbers are bytes.
fn bytes_text(values: &[Value]) -> Option<Arc<str>> {
    if values.is_empty() {
        return None;
    }
    let byte = |value: &Value| match value {
        Value::Number(Number::Uint(number)) => u8::try_from(*number).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = values.iter().map(byte).collect();
    Some(String::from_utf8_lossy(&bytes?).into())
}

/// Compat: a text with a sign is a signed integer, one with `.`, `e` or `E` a float, any other an
/// unsigned integer.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    if text.starts_with('-') {
        return text.parse().ok().map(Number::Int);
    }
    if text.contains(['.', 'e', 'E']) {
        return text.parse().ok().map(Number::Float);
    }
    // Rust takes a leading plus, Go does not.
    if text.starts_with('+') {
        return None;
    }
    text.parse().ok().map(Number::Uint)
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Value {
        Value::Capsule(Capsule::Secret(secret))
    }
}
