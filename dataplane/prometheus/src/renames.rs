//! Metrics that rules give another name: what is known about them goes along under the new one.

use std::collections::{BTreeMap, HashMap};

use batch::Metadata;
use ops::names;

/// New names by old ones.
#[derive(Default)]
pub struct Renames {
    by_name: BTreeMap<String, String>,
}

/// Limit: renamed metrics that are remembered; those beyond go on without metadata. Rules rename
/// whole metrics, of which a host has some thousands.
const RENAMES_MAX: usize = 10_000;

impl Renames {
    pub fn note(&mut self, from: &str, to: &str) {
        if from != to && self.by_name.len() < RENAMES_MAX && !self.by_name.contains_key(from) {
            self.by_name.insert(from.to_owned(), to.to_owned());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn clear(&mut self) {
        self.by_name.clear();
    }

    /// Adds what is known about renamed metrics under their new names. The old ones stay: other
    /// series may bear them still.
    pub fn describe(&self, metadata: &mut Vec<Metadata>) {
        if self.by_name.is_empty() || metadata.is_empty() {
            return;
        }
        let mut renamed: BTreeMap<String, Metadata> = BTreeMap::new();
        let known: HashMap<&str, &Metadata> = metadata
            .iter()
            .map(|family| (family.name.as_str(), family))
            .collect();
        for (from, to) in &self.by_name {
            let own = known.get(from.as_str()).map(|found| (*found, ""));
            let family = own.or_else(|| {
                let mut families = names::families(from).filter_map(|(stem, kind)| {
                    let found = known.get(stem).filter(|found| found.kind == kind)?;
                    Some((*found, &from[stem.len()..]))
                });
                families.next()
            });
            let Some((found, suffix)) = family else {
                continue;
            };
            let name = to.strip_suffix(suffix).unwrap_or(to);
            if !known.contains_key(name) {
                let name = name.to_owned();
                let found = Metadata {
                    name: name.clone(),
                    ..found.clone()
                };
                renamed.insert(name, found);
            }
        }
        metadata.extend(renamed.into_values());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::MetricKind;

    fn family(name: &str, kind: MetricKind) -> Metadata {
        Metadata {
            name: name.to_owned(),
            kind,
            help: format!("about {name}"),
            unit: String::new(),
        }
    }

    fn described(renames: &[(&str, &str)], mut metadata: Vec<Metadata>) -> Vec<String> {
        let mut all = Renames::default();
        for (from, to) in renames {
            all.note(from, to);
        }
        let before = metadata.len();
        all.describe(&mut metadata);
        let added = metadata.split_off(before).into_iter();
        added
            .map(|it| format!("{}: {}", it.name, it.help))
            .collect()
    }

    #[test]
    fn a_renamed_metric_takes_what_is_known_about_it_along() {
        let known = vec![
            family("a", MetricKind::Gauge),
            family("h", MetricKind::Histogram),
        ];
        let renames = [
            ("a", "site_a"),
            ("h_bucket", "site_h_bucket"),
            ("h_sum", "site_h_sum"),
            ("unknown", "site_unknown"),
        ];
        assert_eq!(
            described(&renames, known),
            ["site_a: about a", "site_h: about h"]
        );
    }

    #[test]
    fn what_is_known_under_a_name_is_not_replaced() {
        let known = vec![
            family("a", MetricKind::Gauge),
            family("b", MetricKind::Gauge),
        ];
        assert!(described(&[("a", "b"), ("b", "b")], known).is_empty());
    }
}
