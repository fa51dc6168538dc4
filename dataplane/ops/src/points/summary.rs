//! Points of summaries: quantiles stay as they are, count and sum are of a stretch of time.

use batch::otlp::{Attributes, SummaryPoint};

use super::{Point, Since, State, times};

impl<'a> Point<'a> for SummaryPoint<'a> {
    type State = SummaryPoint<'static>;

    fn attributes(&self) -> &Attributes<'a> {
        &self.attributes
    }

    /// Without quantiles, which nothing is made of.
    fn state(&self) -> SummaryPoint<'static> {
        SummaryPoint {
            start_unix_nano: self.start_unix_nano,
            time_unix_nano: self.time_unix_nano,
            count: self.count,
            sum: self.sum,
            ..SummaryPoint::default()
        }
    }

    fn set_state(&mut self, state: &SummaryPoint<'static>) {
        self.start_unix_nano = state.start_unix_nano;
        self.time_unix_nano = state.time_unix_nano;
        self.count = state.count;
        self.sum = state.sum;
    }
}

impl State for SummaryPoint<'static> {
    times!();

    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
    }

    fn since(&self, before: &Self) -> Since<Self> {
        if self.count < before.count || self.sum < before.sum {
            return Since::Reset;
        }
        Since::Delta(SummaryPoint {
            count: self.count - before.count,
            sum: self.sum - before.sum,
            ..self.clone()
        })
    }
}
