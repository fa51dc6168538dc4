//! Points of histograms with explicit bounds.

use batch::otlp::{Attributes, HistogramPoint};

use super::{Point, Since, State, times};

impl<'a> Point<'a> for HistogramPoint<'a> {
    type State = HistogramPoint<'static>;

    fn attributes(&self) -> &Attributes<'a> {
        &self.attributes
    }

    fn state(&self) -> HistogramPoint<'static> {
        HistogramPoint {
            start_unix_nano: self.start_unix_nano,
            time_unix_nano: self.time_unix_nano,
            count: self.count,
            sum: self.sum,
            bucket_counts: self.bucket_counts.clone(),
            explicit_bounds: self.explicit_bounds.clone(),
            min: self.min,
            max: self.max,
            ..HistogramPoint::default()
        }
    }

    fn set_state(&mut self, state: &HistogramPoint<'static>) {
        self.start_unix_nano = state.start_unix_nano;
        self.time_unix_nano = state.time_unix_nano;
        self.count = state.count;
        self.sum = state.sum;
        self.bucket_counts.clone_from(&state.bucket_counts);
        self.explicit_bounds.clone_from(&state.explicit_bounds);
        self.min = state.min;
        self.max = state.max;
    }
}

impl State for HistogramPoint<'static> {
    times!();

    /// Where bounds differ there is no sum: what came last is taken.
    fn add(&mut self, other: &Self) {
        if self.explicit_bounds != other.explicit_bounds {
            let (start, time) = (self.start_unix_nano, self.time_unix_nano);
            *self = HistogramPoint {
                start_unix_nano: start,
                time_unix_nano: time,
                ..other.clone()
            };
            return;
        }
        for (count, more) in self.bucket_counts.iter_mut().zip(&other.bucket_counts) {
            *count = count.saturating_add(*more);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = both(self.sum, other.sum, |left, right| left + right);
        self.min = both(self.min, other.min, f64::min);
        self.max = both(self.max, other.max, f64::max);
    }

    fn since(&self, before: &Self) -> Since<Self> {
        if self.explicit_bounds != before.explicit_bounds
            || self.bucket_counts.len() != before.bucket_counts.len()
        {
            return Since::Mismatch;
        }
        let pairs = || self.bucket_counts.iter().zip(&before.bucket_counts);
        if self.count < before.count || pairs().any(|(now, before)| now < before) {
            return Since::Reset;
        }
        Since::Delta(HistogramPoint {
            count: self.count - before.count,
            sum: both(self.sum, before.sum, |now, before| now - before),
            bucket_counts: pairs().map(|(now, before)| now - before).collect(),
            // Of the whole time, and unknown since then.
            min: None,
            max: None,
            ..self.clone()
        })
    }
}

/// Something of two values, if both are there.
pub(super) fn both(
    left: Option<f64>,
    right: Option<f64>,
    of: impl FnOnce(f64, f64) -> f64,
) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(of(left, right)),
        _ => None,
    }
}
