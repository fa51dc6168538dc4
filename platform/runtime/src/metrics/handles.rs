//! What is kept by who counts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::snapshot::{Buckets, Value};

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    value: Rc<Cell<u64>>,
}

impl Counter {
    /// Adds `count`.
    #[inline]
    pub fn add(&self, count: u64) {
        self.value.set(self.value.get().wrapping_add(count));
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// The number now.
    #[inline]
    pub fn get(&self) -> u64 {
        self.value.get()
    }

    /// Replaces the number, for counts that are kept elsewhere and copied when read.
    pub fn store(&self, value: u64) {
        self.value.set(value);
    }

    pub(super) fn value(&self) -> Value {
        Value::Number(self.get() as f64)
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    value: Rc<Cell<f64>>,
}

impl Gauge {
    /// Replaces the number.
    #[inline]
    pub fn set(&self, value: f64) {
        self.value.set(value);
    }

    /// Adds to the number; `-1.0` subtracts.
    #[inline]
    pub fn add(&self, value: f64) {
        self.value.set(self.value.get() + value);
    }

    /// The number now.
    #[inline]
    pub fn get(&self) -> f64 {
        self.value.get()
    }

    pub(super) fn value(&self) -> Value {
        Value::Number(self.get())
    }
}

/// A distribution, kept as an HDR histogram of two significant digits, read out by bounds.
#[derive(Clone, Debug)]
pub struct Histogram {
    state: Rc<State>,
}

#[derive(Debug)]
struct State {
    bounds: Vec<f64>,
    /// What one step of the recorded integers stands for: a thousandth of the smallest bound.
    resolution: f64,
    recorded: RefCell<hdrhistogram::Histogram<u64>>,
    sum: Cell<f64>,
}

/// Limit: the largest value told apart from larger ones, in steps. 2^40 thousandths of the smallest
/// bound; for a bound of 1 ms that is 12 days.
const STEPS_MAX: u64 = 1 << 40;

/// Steps a smallest bound. A bound is then met within a thousandth.
const STEPS_A_BOUND: f64 = 1000.0;

impl Histogram {
    /// Panics if the bounds are not positive and ascending: they are constants of the program.
    pub(super) fn new(bounds: &[f64]) -> Histogram {
        assert!(
            bounds.first().is_some_and(|first| *first > 0.0),
            "the first bound is positive"
        );
        assert!(bounds.is_sorted_by(|a, b| a < b), "bounds ascend");
        let mut recorded =
            hdrhistogram::Histogram::new_with_max(2, 2).expect("two digits from 1 up are valid");
        // Starts small: most histograms see a narrow range of values.
        recorded.auto(true);
        Histogram {
            state: Rc::new(State {
                bounds: bounds.to_vec(),
                resolution: bounds[0] / STEPS_A_BOUND,
                recorded: RefCell::new(recorded),
                sum: Cell::new(0.0),
            }),
        }
    }

    /// Counts a value, in the unit of the bounds. Negative values and NaN count as zero.
    #[inline]
    pub fn record(&self, value: f64) {
        let state = &*self.state;
        let value = value.max(0.0);
        // Rounded up, so that a value above a bound never lands in its bucket; the cast saturates.
        let steps = ((value / state.resolution).ceil() as u64).min(STEPS_MAX);
        state.sum.set(state.sum.get() + value);
        state
            .recorded
            .borrow_mut()
            .record(steps)
            .expect("the histogram grows as needed");
    }

    /// Values counted so far.
    pub fn count(&self) -> u64 {
        self.state.recorded.borrow().len()
    }

    /// The value that the given part (0 to 1) of all values does not exceed, within one per cent.
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.state.recorded.borrow().value_at_quantile(quantile) as f64 * self.state.resolution
    }

    pub(super) fn value(&self) -> Value {
        let state = &*self.state;
        let recorded = state.recorded.borrow();
        let mut counts = vec![0; state.bounds.len()];
        for step in recorded.iter_recorded() {
            // The lowest value of the cell decides: exact for values on a bound.
            let lowest = recorded.lowest_equivalent(step.value_iterated_to()) as f64;
            let bucket = state
                .bounds
                .iter()
                .position(|bound| lowest <= bound / state.resolution);
            if let Some(bucket) = bucket {
                counts[bucket] += step.count_since_last_iteration();
            }
        }
        let mut total = 0;
        for count in &mut counts {
            total += *count;
            *count = total;
        }
        Value::Buckets(Buckets {
            bounds: state.bounds.clone(),
            counts,
            count: recorded.len(),
            sum: state.sum.get(),
        })
    }
}
