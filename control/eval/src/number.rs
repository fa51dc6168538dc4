//! Arithmetic on numbers of different kinds.
//!
//! Compat: two numbers meet in the wider kind: unsigned, signed, float, in this order. Whole
//! numbers wrap around.

use std::cmp::Ordering;

use schema::Number;

/// Two numbers of one kind.
pub(crate) enum Pair {
    Int(i64, i64),
    Uint(u64, u64),
    Float(f64, f64),
}

impl Pair {
    pub fn new(a: Number, b: Number) -> Pair {
        match (a, b) {
            (Number::Uint(a), Number::Uint(b)) => Pair::Uint(a, b),
            (Number::Float(_), _) | (_, Number::Float(_)) => Pair::Float(a.as_f64(), b.as_f64()),
            _ => Pair::Int(signed(a), signed(b)),
        }
    }

    pub fn add(self) -> Number {
        match self {
            Pair::Int(a, b) => Number::Int(a.wrapping_add(b)),
            Pair::Uint(a, b) => Number::Uint(a.wrapping_add(b)),
            Pair::Float(a, b) => Number::Float(a + b),
        }
    }

    pub fn sub(self) -> Number {
        match self {
            Pair::Int(a, b) => Number::Int(a.wrapping_sub(b)),
            Pair::Uint(a, b) => Number::Uint(a.wrapping_sub(b)),
            Pair::Float(a, b) => Number::Float(a - b),
        }
    }

    pub fn mul(self) -> Number {
        match self {
            Pair::Int(a, b) => Number::Int(a.wrapping_mul(b)),
            Pair::Uint(a, b) => Number::Uint(a.wrapping_mul(b)),
            Pair::Float(a, b) => Number::Float(a * b),
        }
    }

    /// None if the second is zero.
    pub fn div(self) -> Option<Number> {
        match self {
            Pair::Int(_, 0) | Pair::Uint(_, 0) => None,
            Pair::Int(a, b) => Some(Number::Int(a.wrapping_div(b))),
            Pair::Uint(a, b) => Some(Number::Uint(a / b)),
            Pair::Float(a, b) => (b != 0.0).then_some(Number::Float(a / b)),
        }
    }

    /// None if the second is zero.
    pub fn modulo(self) -> Option<Number> {
        match self {
            Pair::Int(_, 0) | Pair::Uint(_, 0) => None,
            Pair::Int(a, b) => Some(Number::Int(a.wrapping_rem(b))),
            Pair::Uint(a, b) => Some(Number::Uint(a % b)),
            Pair::Float(a, b) => (b != 0.0).then_some(Number::Float(a % b)),
        }
    }

    /// Compat: with a negative exponent a whole number stays as it is, `2 ^ -1` is 2; only 1 and 0
    /// are told apart first.
    pub fn pow(self) -> Number {
        match self {
            Pair::Int(a, b) => Number::Int(match b {
                0 => 1,
                _ if b < 0 => a,
                _ => power(a as u64, b as u64) as i64,
            }),
            Pair::Uint(a, b) => Number::Uint(power(a, b)),
            Pair::Float(a, b) => Number::Float(a.powf(b)),
        }
    }

    pub fn compare(self) -> Option<Ordering> {
        match self {
            Pair::Int(a, b) => Some(a.cmp(&b)),
            Pair::Uint(a, b) => Some(a.cmp(&b)),
            Pair::Float(a, b) => a.partial_cmp(&b),
        }
    }
}

/// Compat: an unsigned number past the signed range becomes negative.
fn signed(number: Number) -> i64 {
    match number {
        Number::Int(value) => value,
        Number::Uint(value) => value as i64,
        Number::Float(value) => value as i64,
    }
}

pub(crate) fn negate(number: Number) -> Number {
    match number {
        Number::Float(value) => Number::Float(-value),
        whole => Number::Int(signed(whole).wrapping_neg()),
    }
}

/// By squaring, wrapping: the same as multiplying so many times, at 64 steps at most. The bits of a
/// wrapped product are the same for signed and unsigned numbers.
fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result: u64 = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}
