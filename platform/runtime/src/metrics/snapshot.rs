//! What is read from registries, as plain data.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Label pairs, sorted by name.
pub type Labels = Vec<(String, String)>;

/// The kind of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// All metrics of one or more shards at one time, families sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The families, sorted by name.
    pub families: Vec<Family>,
}

/// All series of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The metric's name.
    pub name: String,
    /// One sentence about it.
    pub help: String,
    /// Its kind; the samples' values fit it.
    pub kind: Kind,
    /// The series, sorted by labels.
    pub samples: Vec<Sample>,
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: Value,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a gauge that was set, with the time of that: of several shards the latest one counts.
    Latest {
        /// The number.
        value: f64,
        /// Nanoseconds since 1970.
        set_ns: i64,
    },
    /// Of a histogram.
    Buckets(Buckets),
}

/// A histogram as Prometheus exposes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Upper bounds, ascending, without the infinite one.
    pub bounds: Vec<f64>,
    /// For each bound, how many values were at most that (cumulative).
    pub counts: Vec<u64>,
    /// How many values there were: the infinite bucket.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// Adds snapshots up: numbers and buckets of equal name and labels become their sum. Where two
/// shards disagree about a family's kind or a histogram's bounds, the first one's stand.
pub fn merge(snapshots: Vec<Snapshot>) -> Snapshot {
    let mut families: BTreeMap<String, (Family, BTreeMap<Labels, Value>)> = BTreeMap::new();
    for mut family in snapshots.into_iter().flat_map(|snapshot| snapshot.families) {
        let samples = std::mem::take(&mut family.samples);
        let (merged, values) = families
            .entry(family.name.clone())
            .or_insert_with(|| (family.clone(), BTreeMap::new()));
        if merged.kind != family.kind {
            continue;
        }
        for sample in samples {
            match values.entry(sample.labels) {
                Entry::Vacant(entry) => drop(entry.insert(sample.value)),
                Entry::Occupied(mut entry) => entry.get_mut().add(sample.value),
            }
        }
    }
    let families = families.into_values().map(|(mut family, values)| {
        let samples = values.into_iter().map(|(labels, value)| Sample {
            labels,
            value: value.settled(),
        });
        family.samples = samples.collect();
        family
    });
    Snapshot {
        families: families.collect(),
    }
}

impl Value {
    fn add(&mut self, other: Value) {
        match (self, other) {
            (Value::Number(sum), Value::Number(value)) => *sum += value,
            (Value::Buckets(sum), Value::Buckets(value)) if sum.bounds == value.bounds => {
                sum.count += value.count;
                sum.sum += value.sum;
                for (count, more) in sum.counts.iter_mut().zip(value.counts) {
                    *count += more;
                }
            }
            (first @ Value::Latest { .. }, other @ Value::Latest { .. })
                if first.set_ns() < other.set_ns() =>
            {
                *first = other;
            }
            // While a reload is under way shards may disagree about what a user configures.
            _ => {}
        }
    }

    fn set_ns(&self) -> Option<i64> {
        match self {
            Value::Latest { set_ns, .. } => Some(*set_ns),
            Value::Number(_) | Value::Buckets(_) => None,
        }
    }

    /// As it is shown.
    fn settled(self) -> Value {
        match self {
            Value::Latest { value, .. } => Value::Number(value),
            other => other,
        }
    }
}

impl Snapshot {
    /// The family of this name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The number of the series with exactly these labels (sorted by name).
    pub fn number(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let family = self.family(name)?;
        let equal = |sample: &&Sample| {
            let pairs = sample
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            pairs.eq(labels.iter().copied())
        };
        match family.samples.iter().find(equal)?.value {
            Value::Number(number) | Value::Latest { value: number, .. } => Some(number),
            Value::Buckets(_) => None,
        }
    }
}
