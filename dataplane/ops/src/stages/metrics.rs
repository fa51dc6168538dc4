//! `stage.metrics`: counts, measures and sorts values into buckets, by the labels of entries.

use std::borrow::Cow;

use batch::LabelsBuf;
use hashbrown::HashMap;

use crate::gotime;

use super::program::{Cx, Flow};
use super::{Entry, Value};

/// Limit: label sets of one metric, some 200 bytes each; entries of others are not counted. Alloy
/// has no bound, which is an open door for labels that change with each line.
const SERIES_MAX: usize = 100_000;

/// `stage.metrics`.
#[derive(Debug)]
pub struct Metrics {
    pub metrics: Vec<CustomMetric>,
}

/// What an entry does to a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A counter: one more, or the value more.
    CounterInc,
    CounterAdd,
    GaugeSet,
    GaugeInc,
    GaugeDec,
    GaugeAdd,
    GaugeSub,
    /// A histogram with these upper bounds.
    Observe(Vec<f64>),
}

/// A metric, and its series.
#[derive(Debug)]
pub struct CustomMetric {
    pub name: String,
    pub help: String,
    pub source: String,
    /// Only this text counts.
    pub value: Option<String>,
    pub action: Action,
    /// Every entry counts, whatever was extracted.
    pub match_all: bool,
    /// The value is the length of the line.
    pub count_bytes: bool,
    /// A series that was not touched for so long is forgotten after it was read once more.
    pub idle_ns: i64,
    pub series: HashMap<LabelsBuf, CustomSeries>,
}

#[derive(Debug)]
pub struct CustomSeries {
    pub reading: Reading,
    pub touched_ns: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Number(f64),
    /// Counts by bound, not added up; the last is beyond all bounds.
    Buckets {
        counts: Vec<u64>,
        sum: f64,
    },
}

impl Metrics {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        for metric in &mut self.metrics {
            metric.count(entry, cx.now_ns);
        }
        Flow::Pass
    }
}

impl CustomMetric {
    fn count(&mut self, entry: &Entry, now_ns: i64) {
        let value = match (self.match_all, self.count_bytes) {
            (true, true) => Value::Int(entry.line.len() as i64),
            (true, false) => Value::Opaque,
            (false, _) => match entry.extracted.get(&self.source) {
                Some(value) => value,
                None => return,
            },
        };
        if let Some(wanted) = &self.value
            && value.text().as_deref() != Some(wanted)
        {
            return;
        }
        let amount = match self.action {
            Action::CounterInc | Action::GaugeInc => Some(1.0),
            Action::GaugeDec => Some(-1.0),
            Action::GaugeSub => number(value).map(|value| -value),
            // Alloy's process ends here in a panic.
            Action::CounterAdd => number(value).filter(|value| *value >= 0.0),
            Action::GaugeSet | Action::GaugeAdd | Action::Observe(_) => number(value),
        };
        let Some(amount) = amount else {
            return;
        };
        let labels = counted_labels(entry.labels.buf());
        let full = self.series.len() == SERIES_MAX;
        let series = match self.series.get_mut(&*labels) {
            Some(series) => series,
            None if full => return,
            None => {
                let reading = match &self.action {
                    Action::Observe(bounds) => Reading::Buckets {
                        counts: vec![0; bounds.len() + 1],
                        sum: 0.0,
                    },
                    _ => Reading::Number(0.0),
                };
                let touched_ns = now_ns;
                let series = CustomSeries {
                    reading,
                    touched_ns,
                };
                self.series.entry(labels.into_owned()).or_insert(series)
            }
        };
        series.touched_ns = now_ns;
        match (&mut series.reading, &self.action) {
            (Reading::Number(number), Action::GaugeSet) => *number = amount,
            (Reading::Number(number), _) => *number += amount,
            (Reading::Buckets { counts, sum }, Action::Observe(bounds)) => {
                let bucket = bounds.iter().position(|bound| amount <= *bound);
                counts[bucket.unwrap_or(bounds.len())] += 1;
                *sum += amount;
            }
            (Reading::Buckets { .. }, _) => unreachable!("only histograms have buckets"),
        }
    }

    /// Forgets what was not touched for too long.
    pub fn prune(&mut self, now_ns: i64) {
        let idle = self.idle_ns;
        self.series
            .retain(|_, series| now_ns.saturating_sub(series.touched_ns) < idle);
    }
}

/// All but the labels that are reserved.
fn counted_labels(labels: &LabelsBuf) -> Cow<'_, LabelsBuf> {
    if !labels.iter().any(|(name, _)| name.starts_with("__")) {
        return Cow::Borrowed(labels);
    }
    let mut counted = labels.clone();
    counted.retain(|name, _| !name.starts_with("__"));
    Cow::Owned(counted)
}

/// A number as it is, a text as a number or a duration in seconds.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Opaque => None,
        Value::Bool(value) => Some(f64::from(u8::from(value))),
        Value::Float(value) => Some(value),
        Value::Int(value) => Some(value as f64),
        Value::Text(text) => match text.parse() {
            Ok(value) => Some(value),
            Err(_) => gotime::parse_duration(text).map(|ns| ns as f64 / 1e9),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::Rig;

    fn metric(action: Action) -> CustomMetric {
        CustomMetric {
            name: "m".into(),
            help: String::new(),
            source: "v".into(),
            value: None,
            action,
            match_all: false,
            count_bytes: false,
            idle_ns: 100,
            series: HashMap::new(),
        }
    }

    /// The series after entries with these values, by label `app`.
    fn readings(metric: CustomMetric, entries: &[(&str, &str)]) -> Vec<(String, Reading)> {
        let mut rig = Rig::of(Metrics {
            metrics: vec![metric],
        });
        for (app, value) in entries {
            rig.entry(|entry| {
                entry.labels.set("app", app);
                entry.labels.set("__hidden", value);
                entry.extracted.set_text("v", value);
                entry.line.extend_from_slice(value.as_bytes());
            });
        }
        let metrics = rig.program().metrics().next().expect("a stage of metrics");
        let series = metrics.metrics[0].series.iter();
        let mut all: Vec<_> = series
            .map(|(labels, series)| (format!("{labels:?}"), series.reading.clone()))
            .collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    fn numbers(metric: CustomMetric, entries: &[(&str, &str)]) -> Vec<f64> {
        let number = |(_, reading)| match reading {
            Reading::Number(number) => number,
            Reading::Buckets { .. } => panic!("no histogram was asked for"),
        };
        readings(metric, entries).into_iter().map(number).collect()
    }

    const ENTRIES: &[(&str, &str)] = &[("a", "2"), ("a", "500ms"), ("b", "x"), ("a", "-1")];

    #[test]
    fn actions_change_the_number_of_their_labels() {
        for (action, expected) in [
            (Action::CounterInc, vec![3.0, 1.0]),
            (Action::CounterAdd, vec![2.5]),
            (Action::GaugeSet, vec![-1.0]),
            (Action::GaugeAdd, vec![1.5]),
            (Action::GaugeSub, vec![-1.5]),
            (Action::GaugeDec, vec![-3.0, -1.0]),
        ] {
            assert_eq!(
                numbers(metric(action.clone()), ENTRIES),
                expected,
                "{action:?}"
            );
        }
    }

    #[test]
    fn only_the_wanted_value_counts() {
        let wanted = CustomMetric {
            value: Some("x".into()),
            ..metric(Action::CounterInc)
        };
        assert_eq!(
            readings(wanted, ENTRIES),
            [(r#"{app="b"}"#.into(), Reading::Number(1.0))]
        );
    }

    #[test]
    fn every_line_or_its_bytes_may_be_counted() {
        let all = CustomMetric {
            match_all: true,
            source: "gone".into(),
            ..metric(Action::CounterInc)
        };
        assert_eq!(numbers(all, ENTRIES), [3.0, 1.0]);
        let bytes = CustomMetric {
            match_all: true,
            count_bytes: true,
            ..metric(Action::CounterAdd)
        };
        assert_eq!(numbers(bytes, ENTRIES), [8.0, 1.0]);
    }

    #[test]
    fn values_fall_into_buckets() {
        let histogram = metric(Action::Observe(vec![0.1, 0.5, 1.0]));
        let counts = vec![1, 1, 0, 1];
        let expected = Reading::Buckets { counts, sum: 1.5 };
        assert_eq!(
            readings(histogram, ENTRIES),
            [(r#"{app="a"}"#.into(), expected)]
        );
    }

    #[test]
    fn idle_series_are_forgotten() {
        let mut own = metric(Action::CounterInc);
        let mut entry = Entry::default();
        entry.extracted.set_text("v", "1");
        own.count(&entry, 0);
        own.prune(99);
        assert_eq!(own.series.len(), 1);
        own.prune(100);
        assert_eq!(own.series.len(), 0);
    }
}
