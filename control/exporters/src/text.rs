//! Metrics that users hand in as text: read once into families, written as Prometheus' own
//! libraries would.

use std::collections::{BTreeMap, HashSet};

use batch::{LabelsBuf, MetricKind};
use formats::exposition::{Entry, Format, Parser, read_series};

use crate::families::{Families, Kind};

/// A text as families by name.
#[derive(Debug, Default)]
pub struct Text {
    pub families: BTreeMap<String, Family>,
}

/// What a text says of one name.
#[derive(Debug, Default)]
pub struct Family {
    pub help: Option<String>,
    pub kind: MetricKind,
    pub samples: Vec<Sample>,
}

/// One line.
#[derive(Debug)]
pub struct Sample {
    /// What stands behind the family's name.
    suffix: &'static str,
    labels: Vec<(String, String)>,
    value: f64,
    pub timestamp_ms: Option<i64>,
}

impl Text {
    /// The error says what is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Text, String> {
        let mut parsed = Text::default();
        // The format wants its last line to end.
        let body = match text {
            "" => return Ok(parsed),
            text if text.ends_with('\n') => text.to_owned(),
            text => format!("{text}\n"),
        };
        let mut parser = Parser::new(body.as_bytes(), Format::Text);
        let mut labels = LabelsBuf::new();
        let mut seen = HashSet::new();
        while let Some(entry) = parser.next().map_err(|error| error.to_string())? {
            match entry {
                Entry::Help { name, help } => {
                    parsed.family(&name).help = Some(help.into_owned());
                }
                Entry::Type { name, kind } => parsed.family(&name).kind = kind,
                Entry::Unit { .. } => {}
                Entry::Sample(line) => {
                    read_series(line.text, line.kind, &mut labels)?;
                    if !seen.insert(labels.iter().map(owned).collect::<Vec<_>>()) {
                        let series = String::from_utf8_lossy(line.text);
                        return Err(format!("second sample of the series {series}"));
                    }
                    parsed.add(&mut labels, line.value, line.timestamp_ms);
                }
            }
        }
        Ok(parsed)
    }

    fn family(&mut self, name: &str) -> &mut Family {
        if !self.families.contains_key(name) {
            self.families.insert(name.to_owned(), Family::default());
        }
        let family = self.families.get_mut(name);
        family.expect("the family was made above")
    }

    fn add(&mut self, labels: &mut LabelsBuf, value: f64, timestamp_ms: Option<i64>) {
        let name = labels.get("__name__").unwrap_or_default().to_owned();
        labels.remove("__name__");
        let (family, suffix) = self.belongs_to(&name);
        let sample = Sample {
            suffix,
            labels: labels.iter().map(owned).collect(),
            value,
            timestamp_ms,
        };
        self.family(&family).samples.push(sample);
    }

    /// The family of a sample's name, and the rest of the name.
    fn belongs_to(&self, name: &str) -> (String, &'static str) {
        for suffix in ["_bucket", "_sum", "_count"] {
            let Some(base) = name.strip_suffix(suffix) else {
                continue;
            };
            let kind = self.families.get(base).map(|family| family.kind);
            match (kind, suffix) {
                (Some(MetricKind::Histogram), _) => return (base.to_owned(), suffix),
                (Some(MetricKind::Summary), "_sum" | "_count") => {
                    return (base.to_owned(), suffix);
                }
                _ => {}
            }
        }
        (name.to_owned(), "")
    }
}

impl Family {
    /// Writes the family under a name.
    pub fn write(&self, name: &str, help: &str, into: &mut Families) {
        let mut text = into.family(name, kind(self.kind), help);
        for sample in &self.samples {
            let labels: Vec<(&str, &str)> =
                sample.labels.iter().map(|(n, v)| (&**n, &**v)).collect();
            text.add_at(sample.suffix, &labels, sample.value, sample.timestamp_ms);
        }
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn kind(kind: MetricKind) -> Kind {
    match kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Histogram => Kind::Histogram,
        MetricKind::Summary => Kind::Summary,
        _ => Kind::Untyped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_histograms_and_summaries_belong_to_them() {
        let text = concat!(
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n",
            "x_count 4",
        );
        let parsed = Text::parse(text).expect("the text is valid");
        let names: Vec<(&str, usize)> = parsed
            .families
            .iter()
            .map(|(name, family)| (name.as_str(), family.samples.len()))
            .collect();
        assert_eq!(names, [("h", 3), ("s", 3), ("x_count", 1)]);
    }

    #[test]
    fn what_is_no_exposition_is_refused() {
        for text in ["a{", "a 1\na 2\n", "{} x", "a b c d"] {
            assert!(Text::parse(text).is_err(), "{text:?} is taken");
        }
        assert!(
            Text::parse("")
                .expect("nothing is valid")
                .families
                .is_empty()
        );
    }
}
