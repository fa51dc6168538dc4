//! Points with one number.

use batch::otlp::{Attributes, Number, NumberPoint};

use super::{Point, Since, State, times};

/// A number as a float; none is zero.
#[must_use]
pub fn double(number: Number) -> f64 {
    match number {
        Number::Empty => 0.0,
        Number::Double(value) => value,
        Number::Int(value) => value as f64,
    }
}

impl<'a> Point<'a> for NumberPoint<'a> {
    type State = NumberPoint<'static>;

    fn attributes(&self) -> &Attributes<'a> {
        &self.attributes
    }

    fn state(&self) -> NumberPoint<'static> {
        NumberPoint {
            start_unix_nano: self.start_unix_nano,
            time_unix_nano: self.time_unix_nano,
            value: self.value,
            ..NumberPoint::default()
        }
    }

    fn set_state(&mut self, state: &NumberPoint<'static>) {
        self.start_unix_nano = state.start_unix_nano;
        self.time_unix_nano = state.time_unix_nano;
        self.value = state.value;
    }
}

impl State for NumberPoint<'static> {
    times!();

    fn add(&mut self, other: &Self) {
        self.value = match (self.value, other.value) {
            (Number::Int(left), Number::Int(right)) => Number::Int(left.wrapping_add(right)),
            (left, Number::Empty) => left,
            (Number::Empty, right) => right,
            (left, right) => Number::Double(double(left) + double(right)),
        };
    }

    fn since(&self, before: &Self) -> Since<Self> {
        let value = match (self.value, before.value) {
            (Number::Int(now), Number::Int(before)) if now < before => return Since::Reset,
            (Number::Int(now), Number::Int(before)) => Number::Int(now.wrapping_sub(before)),
            (now, before) if double(now) < double(before) => return Since::Reset,
            (now, before) => Number::Double(double(now) - double(before)),
        };
        Since::Delta(NumberPoint {
            value,
            ..self.clone()
        })
    }
}
