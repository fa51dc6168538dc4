//! What is gathered for one page: families by name, written as they come.
//!
//! Samples go to the text of their family at once, so that gathering costs one look-up a sample
//! and no structure of labels is kept.

use std::collections::BTreeMap;

use formats::exposition::Writer;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Untyped,
    Summary,
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Untyped => "untyped",
            Kind::Summary => "summary",
            Kind::Histogram => "histogram",
        }
    }
}

/// Labels of a sample, values without escapes.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page under construction.
#[derive(Default)]
pub struct Families {
    families: BTreeMap<String, Writer>,
}

impl Families {
    pub fn new() -> Families {
        Families::default()
    }

    pub fn gauge(&mut self, name: &str, help: &str, labels: Labels<'_>, value: f64) {
        self.family(name, Kind::Gauge, help).add("", labels, value);
    }

    pub fn counter(&mut self, name: &str, help: &str, labels: Labels<'_>, value: f64) {
        self.family(name, Kind::Counter, help)
            .add("", labels, value);
    }

    pub fn untyped(&mut self, name: &str, help: &str, labels: Labels<'_>, value: f64) {
        self.family(name, Kind::Untyped, help)
            .add("", labels, value);
    }

    /// The family of a name. Type and help are those of its first mention.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> FamilyText<'a> {
        if !self.families.contains_key(name) {
            let mut writer = Writer::new();
            writer.family(name, kind.word(), help);
            self.families.insert(name.to_owned(), writer);
        }
        let writer = self.families.get_mut(name);
        FamilyText {
            name,
            writer: writer.expect("the family was made above"),
        }
    }

    /// The page, families in the order of their names.
    pub fn finish(self) -> String {
        let mut page = String::new();
        for writer in self.families.into_values() {
            page.push_str(&writer.finish());
        }
        page
    }
}

/// A family that takes samples.
pub struct FamilyText<'a> {
    name: &'a str,
    writer: &'a mut Writer,
}

impl FamilyText<'_> {
    /// Writes a sample; `suffix` stands behind the family's name, such as `_count`.
    pub fn add(&mut self, suffix: &str, labels: Labels<'_>, value: f64) {
        if suffix.is_empty() {
            return self.writer.sample(self.name, labels.iter().copied(), value);
        }
        let name = format!("{}{suffix}", self.name);
        self.writer.sample(&name, labels.iter().copied(), value);
    }

    /// Writes a sample of a time of its own.
    pub fn add_at(&mut self, suffix: &str, labels: Labels<'_>, value: f64, at_ms: Option<i64>) {
        match at_ms {
            None => self.add(suffix, labels, value),
            Some(at_ms) => {
                let name = format!("{}{suffix}", self.name);
                self.writer
                    .sample_at(&name, labels.iter().copied(), value, at_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_stand_together_in_the_order_of_their_names() {
        let mut families = Families::new();
        families.gauge("b", "B.", &[("x", "1")], 1.5);
        families.counter("a_total", "A.", &[], 2.0);
        families.gauge("b", "B.", &[("x", "2")], f64::NAN);
        let expected = concat!(
            "# HELP a_total A.\n# TYPE a_total counter\na_total 2\n",
            "# HELP b B.\n# TYPE b gauge\nb{x=\"1\"} 1.5\nb{x=\"2\"} NaN\n",
        );
        assert_eq!(families.finish(), expected);
    }
}
