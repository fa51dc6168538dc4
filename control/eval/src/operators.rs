//! Operators.
//!
//! Compat: numbers keep their kind (`7 / 2` is 3, case language/arithmetic), whole numbers wrap
//! around, values of different types are unequal, `<` and `+` take strings too, `+` keeps a secret
//! secret.

use std::cmp::Ordering;

use schema::{Capsule, Number, OptionalSecret, Value};
use syntax::{BinaryOp, UnaryOp};

use crate::limits::check_text;
use crate::number::{self, Pair};

/// Which operand is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

#[derive(Debug)]
pub(crate) struct OperandError {
    pub side: Side,
    pub message: String,
    pub expected: Option<String>,
    pub found: Option<String>,
}

impl OperandError {
    fn new(side: Side, value: &Value, expected: &str, symbol: &str) -> OperandError {
        let found = value.describe();
        OperandError {
            side,
            message: format!("\"{symbol}\" takes {expected}, got {found}"),
            expected: Some(expected.to_owned()),
            found: Some(found),
        }
    }
}

pub(crate) fn unary(op: UnaryOp, value: &Value) -> Result<Value, OperandError> {
    match (op, value) {
        (UnaryOp::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (UnaryOp::Not, other) => Err(OperandError::new(Side::Left, other, "bool", "!")),
        (UnaryOp::Negate, Value::Number(number)) => Ok(Value::Number(number::negate(*number))),
        (UnaryOp::Negate, other) => Err(OperandError::new(Side::Left, other, "number", "-")),
    }
}

pub(crate) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, OperandError> {
    let (a, b) = unwrap_secrets(left, right);
    match op {
        BinaryOp::Equal => return Ok(Value::Bool(equal(&a, &b))),
        BinaryOp::NotEqual => return Ok(Value::Bool(!equal(&a, &b))),
        _ => {}
    }
    check_operand(op, &a, Side::Left, left)?;
    check_operand(op, &b, Side::Right, right)?;
    match (&a, &b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(if op == BinaryOp::Or {
            *a || *b
        } else {
            *a && *b
        })),
        (Value::Number(a), Value::Number(b)) => numbers(op, *a, *b, right),
        (Value::String(a), Value::String(b)) => Ok(match op {
            BinaryOp::Add => Value::string(joined(a, b)?),
            _ => Value::Bool(ordered(op, a.cmp(b))),
        }),
        (Value::Capsule(Capsule::Secret(a)), Value::Capsule(Capsule::Secret(b))) => {
            Ok(Value::secret(joined(a.expose(), b.expose())?))
        }
        (
            Value::Capsule(Capsule::OptionalSecret(a)),
            Value::Capsule(Capsule::OptionalSecret(b)),
        ) => {
            let text = joined(a.expose(), b.expose())?;
            let joined = match a.is_secret() || b.is_secret() {
                true => OptionalSecret::secret(text),
                false => OptionalSecret::plain(text),
            };
            Ok(Value::Capsule(Capsule::OptionalSecret(joined)))
        }
        _ => Err(OperandError::new(
            Side::Right,
            right,
            a.type_name(),
            symbol(op),
        )),
    }
}

fn joined(a: &str, b: &str) -> Result<String, OperandError> {
    match check_text(a.len() + b.len()) {
        Ok(()) => Ok(format!("{a}{b}")),
        Err(message) => Err(OperandError {
            side: Side::Right,
            message,
            expected: None,
            found: None,
        }),
    }
}

fn numbers(op: BinaryOp, a: Number, b: Number, right: &Value) -> Result<Value, OperandError> {
    let pair = Pair::new(a, b);
    let number = match op {
        BinaryOp::Add => pair.add(),
        BinaryOp::Sub => pair.sub(),
        BinaryOp::Mul => pair.mul(),
        BinaryOp::Pow => pair.pow(),
        BinaryOp::Div | BinaryOp::Mod => {
            let result = if op == BinaryOp::Div {
                pair.div()
            } else {
                pair.modulo()
            };
            result.ok_or_else(|| OperandError {
                message: "divide by zero error".to_owned(),
                ..OperandError::new(Side::Right, right, "number other than 0", symbol(op))
            })?
        }
        // Not a number is neither less, equal nor greater.
        _ => {
            return Ok(Value::Bool(
                pair.compare().is_some_and(|order| ordered(op, order)),
            ));
        }
    };
    Ok(Value::Number(number))
}

fn ordered(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        BinaryOp::GreaterEqual => order.is_ge(),
        _ => unreachable!("{op:?} does not compare"),
    }
}

/// `value` is what the operator sees, `shown` what the text gave.
fn check_operand(
    op: BinaryOp,
    value: &Value,
    side: Side,
    shown: &Value,
) -> Result<(), OperandError> {
    use BinaryOp::{
        Add, And, Div, Equal, Greater, GreaterEqual, Less, LessEqual, Mod, Mul, NotEqual,
    };
    use BinaryOp::{Or, Pow, Sub};
    let (fits, expected) = match op {
        Or | And => (matches!(value, Value::Bool(_)), "bool"),
        Add => {
            let fits = match value {
                Value::Number(_) | Value::String(_) => true,
                Value::Capsule(capsule) => {
                    matches!(capsule, Capsule::Secret(_) | Capsule::OptionalSecret(_))
                }
                _ => false,
            };
            (fits, "number, string or secret")
        }
        Sub | Mul | Div | Mod | Pow => (matches!(value, Value::Number(_)), "number"),
        Less | LessEqual | Greater | GreaterEqual => (
            matches!(value, Value::Number(_) | Value::String(_)),
            "number or string",
        ),
        Equal | NotEqual => (true, "any"),
    };
    if fits {
        Ok(())
    } else {
        Err(OperandError::new(side, shown, expected, symbol(op)))
    }
}

/// Brings a secret and a text, or two sorts of secret, into one form; what holds a secret stays
/// one.
fn unwrap_secrets(left: &Value, right: &Value) -> (Value, Value) {
    use Capsule::{OptionalSecret as Optional, Secret as Hidden};
    let hidden = |text: &str| Value::secret(text);
    match (left, right) {
        (Value::Capsule(Optional(a)), Value::Capsule(Hidden(_))) => {
            (hidden(a.expose()), right.clone())
        }
        (Value::Capsule(Hidden(_)), Value::Capsule(Optional(b))) => {
            (left.clone(), hidden(b.expose()))
        }
        (Value::Capsule(Hidden(_)), Value::String(b)) => (left.clone(), hidden(b)),
        (Value::String(a), Value::Capsule(Hidden(_))) => (hidden(a), right.clone()),
        (Value::Capsule(Optional(a)), Value::String(b)) => match a.is_secret() {
            true => (
                left.clone(),
                Value::Capsule(Optional(OptionalSecret::secret(b.clone()))),
            ),
            false => (Value::string(a.expose()), right.clone()),
        },
        (Value::String(a), Value::Capsule(Optional(b))) => match b.is_secret() {
            true => (
                Value::Capsule(Optional(OptionalSecret::secret(a.clone()))),
                right.clone(),
            ),
            false => (left.clone(), Value::string(b.expose())),
        },
        _ => (left.clone(), right.clone()),
    }
}

/// Compat: functions are equal to nothing, not even to themselves.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Function(_), _) | (_, Value::Function(_)) => false,
        (Value::Targets(a), Value::Targets(b)) => a == b,
        (Value::Array(_) | Value::Targets(_), Value::Array(_) | Value::Targets(_)) => {
            let (a, b) = (
                a.elements().unwrap_or_default(),
                b.elements().unwrap_or_default(),
            );
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same =
                |((a_key, a), (b_key, b)): ((&_, &_), (&_, &_))| a_key == b_key && equal(a, b);
            a.len() == b.len() && a.iter().zip(b.iter()).all(same)
        }
        _ => a == b,
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "||",
        BinaryOp::And => "&&",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
    }
}
