//! Arithmetic: ints wrap, an int with a float is a float, times and durations add up.

use super::error::Error;
use super::tree::Operator;
use super::value::Value;

pub(super) fn negate(value: &Value<'_>) -> Result<Value<'static>, Error> {
    match value {
        Value::Int(value) => Ok(Value::Int(value.wrapping_neg())),
        Value::Float(value) => Ok(Value::Float(-value)),
        other => Err(Error::new(format!(
            "unsupported unary minus operation on type {}",
            other.type_name()
        ))),
    }
}

pub(super) fn calculate(
    left: &Value<'_>,
    operator: Operator,
    right: &Value<'_>,
) -> Result<Value<'static>, Error> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => ints(*a, operator, *b),
        (Value::Int(a), Value::Float(b)) => floats(*a as f64, operator, *b),
        (Value::Float(a), Value::Int(b)) => floats(*a, operator, *b as f64),
        (Value::Float(a), Value::Float(b)) => floats(*a, operator, *b),
        (Value::Time(a), Value::Duration(b)) => match operator {
            Operator::Add => Ok(Value::Time(a.later(*b))),
            Operator::Subtract => Ok(Value::Time(a.later(b.wrapping_neg()))),
            _ => Err(unsupported(left, right)),
        },
        (Value::Time(a), Value::Time(b)) if operator == Operator::Subtract => {
            Ok(Value::Duration(a.since(*b)))
        }
        (Value::Duration(a), Value::Time(b)) if operator == Operator::Add => {
            Ok(Value::Time(b.later(*a)))
        }
        (Value::Duration(a), Value::Duration(b)) => match operator {
            Operator::Add => Ok(Value::Duration(a.wrapping_add(*b))),
            Operator::Subtract => Ok(Value::Duration(a.wrapping_sub(*b))),
            _ => Err(unsupported(left, right)),
        },
        _ => Err(unsupported(left, right)),
    }
}

fn ints(a: i64, operator: Operator, b: i64) -> Result<Value<'static>, Error> {
    Ok(Value::Int(match operator {
        Operator::Add => a.wrapping_add(b),
        Operator::Subtract => a.wrapping_sub(b),
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide if b == 0 => return Err(by_zero()),
        Operator::Divide => a.wrapping_div(b),
    }))
}

fn floats(a: f64, operator: Operator, b: f64) -> Result<Value<'static>, Error> {
    Ok(Value::Float(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => return Err(by_zero()),
        Operator::Divide => a / b,
    }))
}

fn by_zero() -> Error {
    Error::new("attempted to divide by 0")
}

fn unsupported(left: &Value<'_>, right: &Value<'_>) -> Error {
    Error::new(format!(
        "cannot calculate with {} and {}",
        left.type_name(),
        right.type_name()
    ))
}
