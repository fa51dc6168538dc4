//! Lines of StatsD, with the tags of four dialects.

use std::collections::BTreeMap;

/// Labels of an event.
pub type EventLabels = BTreeMap<String, String>;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    pub name: String,
    pub value: f64,
    pub labels: EventLabels,
    /// How often it happened, for observations of which only a share was sent.
    pub times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Counter,
    Gauge,
    /// A gauge that changes by the value.
    GaugeChange,
    Observer,
}

/// Which dialects of tags are read.
#[derive(Clone, Copy, Debug)]
pub struct Dialects {
    pub dogstatsd: bool,
    pub influxdb: bool,
    pub librato: bool,
    pub signalfx: bool,
}

/// What was seen in lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineCounts {
    pub samples: u64,
    pub tags: u64,
    pub tag_errors: u64,
    pub errors: BTreeMap<&'static str, u64>,
}

impl LineCounts {
    fn error(&mut self, reason: &'static str) {
        *self.errors.entry(reason).or_default() += 1;
    }
}

/// Limit: how many events one sample of a share may stand for. At a rate of 1 in 100,000 clients
/// sample too rarely to tell anything.
const TIMES_MAX: u32 = 100_000;

/// The events of a line; what is not understood is counted.
pub fn parse(line: &[u8], dialects: Dialects, counts: &mut LineCounts) -> Vec<Event> {
    let mut events = Vec::new();
    if line.is_empty() {
        return events;
    }
    let split = std::str::from_utf8(line)
        .ok()
        .and_then(|it| it.split_once(':'));
    let Some((name, rest)) = split.filter(|(name, _)| !name.is_empty()) else {
        counts.error("malformed_line");
        return events;
    };
    let mut labels = EventLabels::new();
    let name = name_and_tags(name, dialects, &mut labels, counts);
    let dogstatsd = rest.contains("|#");
    if dogstatsd && !labels.is_empty() {
        counts.error("mixed_tagging_styles");
        return events;
    }
    let samples = match samples(rest, dogstatsd) {
        Ok(samples) => samples,
        Err(reason) => {
            counts.error(reason);
            return events;
        }
    };
    for sample in samples {
        counts.samples += 1;
        match event(&sample, &name, dialects, &mut labels, counts) {
            Ok(event) => events.push(event),
            Err(reason) => counts.error(reason),
        }
    }
    events
}

/// The samples of a line behind its name.
fn samples(rest: &str, dogstatsd: bool) -> Result<Vec<String>, &'static str> {
    let Some((values, suffix)) = rest.split_once('|') else {
        return Err("not_enough_parts_after_colon");
    };
    if values.contains(':') {
        // Several values of one metric: `1:2:3|ms`.
        let kind = suffix.split('|').next().unwrap_or_default();
        if !matches!(kind, "ms" | "h" | "d") {
            return Err("invalid_extended_aggregate_type");
        }
        return Ok(values
            .split(':')
            .map(|value| format!("{value}|{suffix}"))
            .collect());
    }
    if dogstatsd {
        return Ok(vec![rest.to_owned()]);
    }
    Ok(rest.split(':').map(str::to_owned).collect())
}

fn event(
    sample: &str,
    name: &str,
    dialects: Dialects,
    labels: &mut EventLabels,
    counts: &mut LineCounts,
) -> Result<Event, &'static str> {
    let parts: Vec<&str> = sample.split('|').collect();
    let [number, kind, further @ ..] = &parts[..] else {
        return Err("malformed_component");
    };
    if parts.len() > 6 || further.iter().any(|part| part.is_empty()) {
        return Err("malformed_component");
    }
    let mut value: f64 = number.parse().map_err(|_| "malformed_value")?;
    let mut times = 1;
    for part in further {
        match part.as_bytes()[0] {
            b'@' => {
                let share: Option<f64> = part[1..].parse().ok();
                if share.is_none() {
                    counts.error("invalid_sample_factor");
                }
                let share = share.filter(|it| *it != 0.0).unwrap_or(1.0);
                match *kind {
                    "c" => value /= share,
                    "ms" | "h" | "d" => times = ((1.0 / share) as u32).min(TIMES_MAX),
                    _ => {}
                }
            }
            b'#' if dialects.dogstatsd => {
                for tag in part[1..].split(',') {
                    add_tag(tag.trim_start_matches('#'), ':', labels, counts);
                }
            }
            b'#' => {}
            b'c' if part.len() > 2 && part.starts_with("c:") => {
                labels.insert("container_id".to_owned(), part[2..].to_owned());
            }
            b'c' => return Err("malformed_container_id"),
            // A time of its own, which a page cannot show.
            b'T' => {}
            _ => return Err("invalid_sample_factor"),
        }
    }
    if !labels.is_empty() {
        counts.tags += 1;
    }
    let signed = number.starts_with(['+', '-']);
    let kind = match *kind {
        "c" => EventKind::Counter,
        "g" if signed => EventKind::GaugeChange,
        "g" => EventKind::Gauge,
        "ms" => {
            value /= 1000.0;
            EventKind::Observer
        }
        "h" | "d" => EventKind::Observer,
        // Sets among them, which Prometheus has nothing for.
        _ => return Err("illegal_event"),
    };
    Ok(Event {
        kind,
        name: name.to_owned(),
        value,
        labels: labels.clone(),
        times,
    })
}

/// The name without the tags that stand in it.
fn name_and_tags(
    name: &str,
    dialects: Dialects,
    labels: &mut EventLabels,
    counts: &mut LineCounts,
) -> String {
    if dialects.signalfx {
        match (name.find('['), name.find(']')) {
            (Some(from), Some(to)) if from < to => {
                add_tags(&name[from + 1..to], labels, counts);
                return format!("{}{}", &name[..from], &name[to + 1..]);
            }
            (None, None) => {}
            _ => {
                counts.tag_errors += 1;
                return name.to_owned();
            }
        }
    }
    let begins = |it: char| it == '#' && dialects.librato || it == ',' && dialects.influxdb;
    match name.find(begins) {
        Some(at) => {
            add_tags(&name[at + 1..], labels, counts);
            name[..at].to_owned()
        }
        None => name.to_owned(),
    }
}

fn add_tags(tags: &str, labels: &mut EventLabels, counts: &mut LineCounts) {
    // A comma at the end is no further tag.
    for tag in tags.strip_suffix(',').unwrap_or(tags).split(',') {
        add_tag(tag, '=', labels, counts);
    }
}

fn add_tag(tag: &str, separator: char, labels: &mut EventLabels, counts: &mut LineCounts) {
    match tag.split_once(separator) {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            labels.insert(escape(name), value.to_owned());
        }
        _ => counts.tag_errors += 1,
    }
}

/// A name that Prometheus takes.
///
/// Compat: a digit in front gets `_` before it, other characters become `_`, two dashes one.
pub fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() + 1);
    if name.starts_with(|it: char| it.is_ascii_digit()) {
        escaped.push('_');
    }
    let mut previous = ' ';
    for letter in name.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => escaped.push(letter),
            '-' if previous == '-' => {}
            _ => escaped.push('_'),
        }
        previous = letter;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Dialects = Dialects {
        dogstatsd: true,
        influxdb: true,
        librato: true,
        signalfx: true,
    };

    /// Events as `name{labels} kind value xtimes`, then reasons of errors.
    fn check(line: &str, expect: &[&str]) {
        let mut counts = LineCounts::default();
        let events = parse(line.as_bytes(), ALL, &mut counts);
        let events = events.iter().map(|it| {
            let labels: Vec<String> = it.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let labels = labels.join(",");
            format!(
                "{}{{{labels}}} {:?} {} x{}",
                it.name, it.kind, it.value, it.times
            )
        });
        let errors = counts.errors.keys().map(|it| (*it).to_owned());
        assert_eq!(events.chain(errors).collect::<Vec<_>>(), expect, "{line}");
    }

    #[test]
    fn each_kind_has_its_value() {
        check("a:3|c", &["a{} Counter 3 x1"]);
        check("a:2|c|@0.5", &["a{} Counter 4 x1"]);
        check("a:21.5|g", &["a{} Gauge 21.5 x1"]);
        check("a:-2|g", &["a{} GaugeChange -2 x1"]);
        check("a:250|ms|@0.1", &["a{} Observer 0.25 x10"]);
        check("a:1:2|h", &["a{} Observer 1 x1", "a{} Observer 2 x1"]);
        check("a:1|c:2|c", &["a{} Counter 1 x1", "a{} Counter 2 x1"]);
        check("a:5|s", &["illegal_event"]);
    }

    #[test]
    fn tags_of_each_dialect_become_labels() {
        check(
            "a:1|c|#env:prod,zone:a",
            &["a{env=prod,zone=a} Counter 1 x1"],
        );
        check("a,env=prod:1|c", &["a{env=prod} Counter 1 x1"]);
        check("a#env=prod:1|c", &["a{env=prod} Counter 1 x1"]);
        check("a[env=prod].b:1|c", &["a.b{env=prod} Counter 1 x1"]);
        check(
            "a:1|c|#e:f|c:xyz|T12",
            &["a{container_id=xyz,e=f} Counter 1 x1"],
        );
        check("a#b=c:1|c|#d:e", &["mixed_tagging_styles"]);
    }

    #[test]
    fn what_is_not_understood_is_counted_by_its_reason() {
        check("nonsense", &["malformed_line"]);
        check(":1|c", &["malformed_line"]);
        check("a:1", &["not_enough_parts_after_colon"]);
        check("a:x|c", &["malformed_value"]);
        check("a:1|c|", &["malformed_component"]);
        check("a:1|c|z", &["invalid_sample_factor"]);
        check("a:1:2|c", &["invalid_extended_aggregate_type"]);
    }

    #[test]
    fn names_are_escaped() {
        for (name, expect) in [
            ("a.b-c", "a_b_c"),
            ("9a", "_9a"),
            ("a--b", "a_b"),
            ("é", "_"),
        ] {
            assert_eq!(escape(name), expect);
        }
    }
}
