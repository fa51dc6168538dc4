//! Metric and label names: which are legal, and which series belong to a family.

use batch::MetricKind;

/// How names are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, with colons in metric names: what Alloy takes as default.
    #[default]
    Legacy,
    /// Any text that is not empty.
    Utf8,
}

impl NameScheme {
    #[must_use]
    pub fn is_metric_name(self, name: &str) -> bool {
        match self {
            NameScheme::Legacy => is_legacy(name, true),
            NameScheme::Utf8 => !name.is_empty(),
        }
    }

    #[must_use]
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            NameScheme::Legacy => is_legacy(name, false),
            NameScheme::Utf8 => !name.is_empty(),
        }
    }
}

fn is_legacy(name: &str, colons: bool) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
    !name.is_empty() && name.bytes().all(legal) && !name.as_bytes()[0].is_ascii_digit()
}

/// Suffixes of the series of a family, by its kind. The series may also have the family's own name.
fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Histogram => &["_bucket", "_sum", "_count"],
        MetricKind::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
        MetricKind::Summary => &["_sum", "_count"],
        MetricKind::Counter => &["_total"],
        MetricKind::Info => &["_info"],
        MetricKind::Gauge | MetricKind::Unknown | MetricKind::StateSet => &[],
    }
}

/// The family that a series of this kind belongs to. A counter's name is kept: the text format
/// names the family like the series.
#[must_use]
pub fn family(name: &str, kind: MetricKind) -> &str {
    if matches!(kind, MetricKind::Counter | MetricKind::Info) {
        return name;
    }
    let mut stems = suffixes(kind).iter();
    stems
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|stem| !stem.is_empty())
        .unwrap_or(name)
}

/// The families of other names that a series may belong to; each counts only if the family is of
/// the kind that comes with it.
pub fn families(name: &str) -> impl Iterator<Item = (&str, MetricKind)> {
    const KINDS: [MetricKind; 5] = [
        MetricKind::Histogram,
        MetricKind::Summary,
        MetricKind::Counter,
        MetricKind::GaugeHistogram,
        MetricKind::Info,
    ];
    KINDS.into_iter().flat_map(move |kind| {
        let stems = suffixes(kind)
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix));
        stems.map(move |stem| (stem, kind))
    })
}

#[cfg(test)]
mod tests {
    use super::NameScheme::{Legacy, Utf8};
    use super::*;

    #[test]
    fn a_series_names_the_families_that_it_may_belong_to() {
        let all: Vec<_> = families("a_sum").collect();
        let expected = [("a", MetricKind::Histogram), ("a", MetricKind::Summary)];
        assert_eq!(all, expected);
        let all: Vec<_> = families("a_total").collect();
        assert_eq!(all, [("a", MetricKind::Counter)]);
        assert_eq!(families("a").count(), 0);
    }

    #[test]
    fn the_family_of_a_series_depends_on_its_kind() {
        let cases = [
            ("h_bucket", MetricKind::Histogram, "h"),
            ("h_sum", MetricKind::Summary, "h"),
            ("h_bucket", MetricKind::Summary, "h_bucket"),
            ("h_gcount", MetricKind::GaugeHistogram, "h"),
            ("a_total", MetricKind::Counter, "a_total"),
            ("a_sum", MetricKind::Gauge, "a_sum"),
            ("_sum", MetricKind::Histogram, "_sum"),
        ];
        for (name, kind, expected) in cases {
            assert_eq!(family(name, kind), expected, "{name}");
        }
    }

    #[test]
    fn legacy_names_are_ascii_and_start_without_a_digit() {
        for name in ["a", "_", "A1", "__name__"] {
            assert!(
                Legacy.is_label_name(name) && Legacy.is_metric_name(name),
                "{name}"
            );
        }
        for name in ["", "1a", "a-b", "a.b", "é", " a", "a b"] {
            assert!(
                !Legacy.is_label_name(name) && !Legacy.is_metric_name(name),
                "{name}"
            );
        }
        assert!(Legacy.is_metric_name("a:b:c") && !Legacy.is_label_name("a:b"));
    }

    #[test]
    fn utf8_names_are_anything_but_empty() {
        assert!(Utf8.is_metric_name("a.b é") && Utf8.is_label_name(" "));
        assert!(!Utf8.is_metric_name("") && !Utf8.is_label_name(""));
    }
}
