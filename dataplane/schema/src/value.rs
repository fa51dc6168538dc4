//! The value model: what an expression evaluates to.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::secret::{OptionalSecret, Secret};
use crate::target::Targets;

/// A value. Cheap to clone: everything large is shared.
#[derive(Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(Arc<Vec<Value>>),
    Object(Arc<Object>),
    /// An array of objects to expressions, in the form that discovery and scrapes use.
    Targets(Targets),
    Function(&'static Function),
    Capsule(Capsule),
}

impl Value {
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    pub fn array(values: impl IntoIterator<Item = Value>) -> Value {
        Value::Array(Arc::new(values.into_iter().collect()))
    }

    pub fn object<K: Into<Arc<str>>>(fields: impl IntoIterator<Item = (K, Value)>) -> Value {
        let fields = fields.into_iter().map(|(key, value)| (key.into(), value));
        Value::Object(Arc::new(fields.collect()))
    }

    pub fn secret(text: impl Into<Arc<str>>) -> Value {
        Value::Capsule(Capsule::Secret(Secret::new(text)))
    }

    pub fn port(port: Port) -> Value {
        Value::Capsule(Capsule::Port(port))
    }

    /// A capsule with a value that only components understand; `kind` is its type's name in
    /// declarations, such as `RelabelRules`.
    pub fn opaque<T: PartialEq + Any + Send + Sync>(kind: &'static str, value: T) -> Value {
        Value::Capsule(Capsule::Opaque {
            kind,
            value: Arc::new(value),
        })
    }

    /// The name of the value's type as messages show it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) | Value::Targets(_) => "array",
            Value::Object(_) => "object",
            Value::Function(_) => "function",
            Value::Capsule(_) => "capsule",
        }
    }

    /// As `type_name`, but says what a capsule holds.
    pub fn describe(&self) -> String {
        match self {
            Value::Capsule(capsule) => format!("capsule({:?})", capsule.kind_name()),
            other => other.type_name().to_owned(),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array; targets are turned into objects.
    pub fn elements(&self) -> Option<Arc<Vec<Value>>> {
        match self {
            Value::Array(values) => Some(values.clone()),
            Value::Targets(targets) => {
                let objects = targets
                    .iter()
                    .map(|target| Value::Object(Arc::new(target.to_object())));
                Some(Arc::new(objects.collect()))
            }
            _ => None,
        }
    }

    /// Whether a secret is anywhere inside.
    pub fn has_secret(&self) -> bool {
        match self {
            Value::Capsule(Capsule::Secret(_)) => true,
            Value::Capsule(Capsule::OptionalSecret(secret)) => secret.is_secret(),
            Value::Array(values) => values.iter().any(Value::has_secret),
            Value::Object(object) => object.iter().any(|(_, value)| value.has_secret()),
            _ => false,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::string(text)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::from(i64::from(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Number(Number::Int(value))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Number(Number::Uint(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Number(Number::Float(value))
    }
}

/// For tests and logs: shows structure and never a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::String(text) => write!(f, "{text:?}"),
            Value::Array(values) => f.debug_list().entries(values.iter()).finish(),
            Value::Targets(targets) => write!(f, "targets({})", targets.len()),
            Value::Object(object) => f.debug_map().entries(object.iter()).finish(),
            Value::Function(function) => write!(f, "function({})", function.name),
            Value::Capsule(capsule) => f.write_str(&capsule.shown()),
        }
    }
}

/// A number keeps the kind in which it was written or computed.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Int(i64),
    Uint(u64),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Uint(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// As a whole number; None if there is a fraction or it does not fit.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Number::Int(value) => Some(value),
            Number::Uint(value) => i64::try_from(value).ok(),
            // 2^63 is exact as a float, i64::MAX is not.
            Number::Float(value)
                if value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0 =>
            {
                Some(value as i64)
            }
            Number::Float(_) => None,
        }
    }

    pub fn as_u64(self) -> Option<u64> {
        match self {
            Number::Int(value) => u64::try_from(value).ok(),
            Number::Uint(value) => Some(value),
            Number::Float(value)
                if value.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&value) =>
            {
                Some(value as u64)
            }
            Number::Float(_) => None,
        }
    }
}

/// Whole numbers compare exactly, whatever their kinds; with a float both are floats.
impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (*self, *other) {
            (Number::Float(_), _) | (_, Number::Float(_)) => self.as_f64() == other.as_f64(),
            (Number::Int(a), Number::Int(b)) => a == b,
            (Number::Uint(a), Number::Uint(b)) => a == b,
            (Number::Int(a), Number::Uint(b)) | (Number::Uint(b), Number::Int(a)) => {
                u64::try_from(a) == Ok(b)
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(value) => write!(f, "{value}"),
            Number::Uint(value) => write!(f, "{value}"),
            Number::Float(value) => write!(f, "{value}"),
        }
    }
}

/// Values by key, sorted by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(Arc<str>, Value)>);

impl Object {
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self
            .0
            .binary_search_by(|(other, _)| (**other).cmp(key))
            .ok()?;
        Some(&self.0[at].1)
    }

    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: Value) {
        let key = key.into();
        match self.0.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of equal keys the last wins.
impl FromIterator<(Arc<str>, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(fields: I) -> Object {
        let mut fields: Vec<(Arc<str>, Value)> = fields.into_iter().collect();
        // Stable, so the last of equal keys stands last; reversed, `dedup` keeps it.
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.reverse();
        fields.dedup_by(|later, earlier| later.0 == earlier.0);
        fields.reverse();
        Object(fields)
    }
}

/// A value that only a component can make.
#[derive(Clone)]
pub enum Capsule {
    Secret(Secret),
    OptionalSecret(OptionalSecret),
    Port(Port),
    /// Anything else; `kind` names its type, `value` is read with `downcast`.
    Opaque {
        kind: &'static str,
        value: Arc<dyn Opaque>,
    },
}

impl Capsule {
    /// The name of what is inside, as declarations and messages show it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Capsule::Secret(_) => "alloytypes.Secret",
            Capsule::OptionalSecret(_) => "alloytypes.OptionalSecret",
            Capsule::Port(port) => port.kind.type_name(),
            // Compat: Alloy shows the name of its Go type (case modules/config_directory).
            Capsule::Opaque {
                kind: "RelabelRules",
                ..
            } => "relabel.Rules",
            Capsule::Opaque { kind, .. } => kind,
        }
    }

    /// What the component API and logs show in place of the content.
    pub fn shown(&self) -> String {
        match self {
            Capsule::Secret(_) => "(secret)".to_owned(),
            Capsule::OptionalSecret(secret) if secret.is_secret() => "(secret)".to_owned(),
            Capsule::OptionalSecret(secret) => stdx::quote(secret.expose()),
            Capsule::Port(port) => format!("{}.{}", port.node, port.name),
            Capsule::Opaque { .. } => format!("capsule({:?})", self.kind_name()),
        }
    }

    /// The content of an opaque capsule, if it is a `T`.
    pub fn downcast<T: Any>(&self) -> Option<&T> {
        match self {
            Capsule::Opaque { value, .. } => value.as_any().downcast_ref(),
            _ => None,
        }
    }
}

impl PartialEq for Capsule {
    fn eq(&self, other: &Capsule) -> bool {
        match (self, other) {
            (Capsule::Secret(a), Capsule::Secret(b)) => a == b,
            (Capsule::OptionalSecret(a), Capsule::OptionalSecret(b)) => a == b,
            (Capsule::Port(a), Capsule::Port(b)) => a == b,
            (Capsule::Opaque { value: a, .. }, Capsule::Opaque { value: b, .. }) => {
                Arc::ptr_eq(a, b) || a.equals(&**b)
            }
            _ => false,
        }
    }
}

/// What an opaque capsule may hold: anything that can be compared, so that an equal value made anew
/// (rules after a reload) does not look like a change.
pub trait Opaque: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Opaque) -> bool;
}

impl<T: PartialEq + Any + Send + Sync> Opaque for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other
            .as_any()
            .downcast_ref::<T>()
            .is_some_and(|other| self == other)
    }
}

/// A place that takes batches: `node`'s export `name`. Symbolic, so that control can hand it around
/// without asking a shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    pub node: String,
    pub name: String,
    pub kind: PortKind,
}

/// The signal that a port takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortKind {
    Metrics,
    Logs,
    Profiles,
    Otlp,
}

impl PortKind {
    pub const ALL: [PortKind; 4] = [
        PortKind::Metrics,
        PortKind::Logs,
        PortKind::Profiles,
        PortKind::Otlp,
    ];

    /// The name of the type in declarations.
    pub const fn type_name(self) -> &'static str {
        match self {
            PortKind::Metrics => "MetricsReceiver",
            PortKind::Logs => "LogsReceiver",
            PortKind::Profiles => "ProfilesReceiver",
            PortKind::Otlp => "otelcol.Consumer",
        }
    }

    pub fn from_type_name(name: &str) -> Option<PortKind> {
        PortKind::ALL
            .into_iter()
            .find(|kind| kind.type_name() == name)
    }
}

/// A function of the standard library.
pub struct Function {
    pub name: &'static str,
    /// The current name of a deprecated function.
    pub replaced_by: Option<&'static str>,
    pub stability: crate::Stability,
    pub call: fn(&[Value]) -> Result<Value, FunctionError>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Why a call failed; `argument` is the index of the one to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    pub argument: Option<usize>,
    pub message: String,
}
