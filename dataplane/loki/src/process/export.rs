//! What stages have counted, as metrics.

use ops::stages::{Action, Counters, CustomMetric, Program, Reading};
use runtime::metrics::{Buckets, Family, Kind, Labels, Sample, Value};
use schema::{MetricDecl, MetricKind};

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    MetricDecl {
        name,
        kind: MetricKind::Counter,
        help,
    }
}

const DROPPED: MetricDecl = counter(
    "loki_process_dropped_lines_total",
    "A count of all log lines dropped as a result of a pipeline stage",
);
const DROPPED_BY_LABEL: MetricDecl = counter(
    "loki_process_dropped_lines_by_label_total",
    "A count of all log lines dropped as a result of a pipeline stage",
);
const TRUNCATED: MetricDecl = counter(
    "loki_process_truncated_fields_total",
    "A count of all log lines, labels, extracted values, or structured_metadata truncated as a \
     result of a pipeline stage",
);
const FLUSHED: MetricDecl = counter(
    "loki_process_cri_partial_lines_flushed_total",
    "A count of partial lines that were flushed prematurely due to the max_partial_lines limit \
     being exceeded",
);
const CUT: MetricDecl = counter(
    "loki_process_cri_lines_truncated_total",
    "A count of lines that were truncated due to the max_partial_line_size limit",
);

pub(super) const DECLARED: &[MetricDecl] = &[DROPPED, DROPPED_BY_LABEL, TRUNCATED, FLUSHED, CUT];

/// Adds the families of a program.
pub(super) fn collect(node: &str, program: &mut Program, now_ns: i64, families: &mut Vec<Family>) {
    collect_counters(node, program.counters(), families);
    for metrics in program.metrics() {
        for metric in &mut metrics.metrics {
            families.push(custom(node, metric));
            // Compat: what was idle is still in the reading that finds it so.
            metric.prune(now_ns);
        }
    }
}

fn collect_counters(node: &str, counters: &Counters, families: &mut Vec<Family>) {
    let mut add = |decl: &MetricDecl, samples: Vec<(Vec<(&str, &str)>, u64)>| {
        if samples.is_empty() {
            return;
        }
        let sample = |(pairs, count): (Vec<(&str, &str)>, u64)| Sample {
            labels: labels(node, pairs.into_iter()),
            value: Value::Number(count as f64),
        };
        families.push(Family {
            name: decl.name.to_owned(),
            help: decl.help.to_owned(),
            kind: Kind::Counter,
            samples: sorted(samples.into_iter().map(sample).collect()),
        });
    };
    let dropped = counters.dropped.iter();
    let by_reason = dropped.map(|(reason, count)| (vec![("reason", &**reason)], *count));
    add(&DROPPED, by_reason.collect());
    let by_label = counters
        .dropped_by_label
        .iter()
        .map(|((name, value), count)| {
            (
                vec![("label_name", &**name), ("label_value", &**value)],
                *count,
            )
        });
    add(&DROPPED_BY_LABEL, by_label.collect());
    let truncated = counters.truncated.iter().filter(|(_, count)| **count > 0);
    add(
        &TRUNCATED,
        truncated
            .map(|(field, count)| (vec![("field", *field)], *count))
            .collect(),
    );
    for (decl, count) in [
        (&FLUSHED, counters.partial_lines_flushed),
        (&CUT, counters.lines_truncated),
    ] {
        if count > 0 {
            add(decl, vec![(Vec::new(), count)]);
        }
    }
}

fn custom(node: &str, metric: &CustomMetric) -> Family {
    let samples = metric.series.iter().map(|(own, series)| Sample {
        labels: labels(node, own.iter()),
        value: match (&series.reading, &metric.action) {
            (Reading::Number(value), Action::GaugeSet) => Value::Latest {
                value: *value,
                set_ns: series.touched_ns,
            },
            (Reading::Number(value), _) => Value::Number(*value),
            (Reading::Buckets { counts, sum }, action) => buckets(action, counts, *sum),
        },
    });
    Family {
        name: metric.name.clone(),
        help: metric.help.clone(),
        kind: match metric.action {
            Action::CounterInc | Action::CounterAdd => Kind::Counter,
            Action::Observe(_) => Kind::Histogram,
            _ => Kind::Gauge,
        },
        samples: sorted(samples.collect()),
    }
}

fn buckets(action: &Action, counts: &[u64], sum: f64) -> Value {
    let bounds = match action {
        Action::Observe(bounds) => bounds.clone(),
        _ => Vec::new(),
    };
    let mut total = 0;
    let mut cumulative = Vec::with_capacity(counts.len());
    for count in counts {
        total += count;
        cumulative.push(total);
    }
    cumulative.truncate(bounds.len());
    Value::Buckets(Buckets {
        bounds,
        counts: cumulative,
        count: total,
        sum,
    })
}

/// The labels of a series, names made legal for the page.
fn labels<'a>(node: &str, own: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    let legal = |name: &str| {
        let legal = |(at, c): (usize, char)| match c {
            'a'..='z' | 'A'..='Z' | '_' => c,
            '0'..='9' if at > 0 => c,
            _ => '_',
        };
        name.char_indices().map(legal).collect::<String>()
    };
    let mut labels: Labels = own
        .map(|(name, value)| (legal(name), value.to_owned()))
        .collect();
    // The part of an id up to the last slash is its module.
    let (path, id) = node.rsplit_once('/').unwrap_or(("", node));
    labels.retain(|(name, _)| name != "component_id" && name != "component_path");
    labels.push(("component_id".to_owned(), id.to_owned()));
    labels.push(("component_path".to_owned(), format!("/{path}")));
    labels.sort();
    labels.dedup_by(|later, first| later.0 == first.0);
    labels
}

fn sorted(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_by(|left, right| left.labels.cmp(&right.labels));
    samples
}
