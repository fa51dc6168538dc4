//! The settings of `stage.metrics`.

use std::time::Duration;

use schema::{Arguments, Check};

#[derive(Arguments, Debug, PartialEq)]
pub struct MetricsStage {
    /// The metrics.
    #[arg(variants)]
    pub metrics: Vec<Metric>,
}

/// A metric.
#[derive(Arguments, Debug, PartialEq)]
pub enum Metric {
    /// A number that only grows.
    #[arg(name = "metric.counter")]
    Counter(CounterBlock),
    /// A number that goes up and down.
    #[arg(name = "metric.gauge")]
    Gauge(GaugeBlock),
    /// A distribution.
    #[arg(name = "metric.histogram")]
    Histogram(HistogramBlock),
}

const IDLE: Duration = Duration::from_secs(300);

/// Limit: the shortest time after which a series may be forgotten, as in Alloy.
const IDLE_MIN: Duration = Duration::from_secs(1);

fn check_idle(idle: Duration, check: &mut Check<'_>) {
    if idle < IDLE_MIN {
        check.body("max_idle_duration must be greater or equal than 1s");
    }
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct CounterBlock {
    /// The metric's name, behind the prefix.
    #[arg(required)]
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// The value that is counted; the name's, if not given.
    pub source: String,
    /// Stands before the name.
    #[arg(default = "loki_process_custom_")]
    pub prefix: String,
    /// A series that is not touched for so long is forgotten.
    #[arg(default = IDLE)]
    pub max_idle_duration: Duration,
    /// Only this text counts.
    pub value: String,
    /// `inc` adds one, `add` the value.
    #[arg(required)]
    pub action: String,
    /// Counts every entry, whatever was extracted.
    #[arg(default = false)]
    pub match_all: bool,
    /// Adds the length of the line; needs `match_all` and `add`.
    #[arg(default = false)]
    pub count_entry_bytes: bool,
}

impl CounterBlock {
    fn validate(&self, check: &mut Check<'_>) {
        check_idle(self.max_idle_duration, check);
        if self.action != "inc" && self.action != "add" {
            check.body("the 'action' counter field must be either 'inc' or 'add'");
        }
        if self.match_all && !self.value.is_empty() {
            check.body("a counter takes either 'match_all' or a 'value', but not both");
        }
        if self.count_entry_bytes && (!self.match_all || self.action != "add") {
            check.body("'count_entry_bytes' needs 'match_all' and the action 'add'");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct GaugeBlock {
    /// The metric's name, behind the prefix.
    #[arg(required)]
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// The value that is taken; the name's, if not given.
    pub source: String,
    /// Stands before the name.
    #[arg(default = "loki_process_custom_")]
    pub prefix: String,
    /// A series that is not touched for so long is forgotten.
    #[arg(default = IDLE)]
    pub max_idle_duration: Duration,
    /// Only this text counts.
    pub value: String,
    /// What the value does: `set`, `inc`, `dec`, `add` or `sub`.
    #[arg(required)]
    pub action: String,
}

impl GaugeBlock {
    fn validate(&self, check: &mut Check<'_>) {
        check_idle(self.max_idle_duration, check);
        if !["set", "inc", "dec", "add", "sub"].contains(&self.action.as_str()) {
            check.body("the 'action' gauge field must be set, inc, dec, add or sub");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct HistogramBlock {
    /// The metric's name, behind the prefix.
    #[arg(required)]
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// The value that is measured; the name's, if not given.
    pub source: String,
    /// Stands before the name.
    #[arg(default = "loki_process_custom_")]
    pub prefix: String,
    /// A series that is not touched for so long is forgotten.
    #[arg(default = IDLE)]
    pub max_idle_duration: Duration,
    /// Only this text counts.
    pub value: String,
    /// Upper bounds.
    #[arg(required)]
    pub buckets: Vec<f64>,
}

impl HistogramBlock {
    fn validate(&self, check: &mut Check<'_>) {
        check_idle(self.max_idle_duration, check);
        if self.buckets.windows(2).any(|pair| pair[0] >= pair[1]) {
            check.body("the 'buckets' of a histogram have to ascend");
        }
    }
}
