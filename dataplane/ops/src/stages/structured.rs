//! `stage.structured_metadata` and `stage.structured_metadata_drop`.

use crate::regex::GoRegex;

use super::labels::names;
use super::program::{Cx, Flow};
use super::{Entry, Value};

/// `stage.structured_metadata`: moves values and labels to structured metadata.
#[derive(Debug)]
pub struct MakeMetadata {
    /// Name of the metadata, name of the value or label.
    values: Vec<(String, String)>,
    names: Option<GoRegex>,
}

impl MakeMetadata {
    /// `keys` says which values and labels else are taken under their own name.
    #[must_use]
    pub fn new<'a>(
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
        keys: Option<GoRegex>,
    ) -> MakeMetadata {
        MakeMetadata {
            values: names(values),
            names: keys,
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let Entry {
            labels,
            extracted,
            metadata,
            ..
        } = entry;
        let mut take = |name: &str, value: Value<'_>| {
            cx.scratch.clear();
            if value.write(cx.scratch) {
                metadata.set(name.as_bytes(), cx.scratch.as_bytes());
            }
        };
        for (name, source) in &self.values {
            if let Some(value) = extracted.get(source) {
                take(name, value);
            }
        }
        if let Some(names) = &self.names {
            for (name, value) in extracted.iter() {
                if names.is_match(name) {
                    take(name, value);
                }
            }
        }
        // Labels come last, so that they win over values, and are labels no more.
        for (name, source) in &self.values {
            if let Some(value) = labels.get(source) {
                take(name, Value::Text(value));
            }
        }
        for (_, source) in &self.values {
            labels.remove(source);
        }
        if let Some(names) = &self.names {
            labels.retain(|name, value| {
                let matches = names.is_match(name);
                if matches {
                    take(name, Value::Text(value));
                }
                !matches
            });
        }
        Flow::Pass
    }
}

/// `stage.structured_metadata_drop`.
#[derive(Debug)]
pub struct MetadataDrop {
    pub names: Vec<String>,
}

impl MetadataDrop {
    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        for name in &self.names {
            entry.metadata.remove(name.as_bytes());
        }
        Flow::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, labels};

    fn pairs(rig: &Rig) -> Vec<String> {
        let pair = |(name, value)| {
            let text = String::from_utf8_lossy;
            format!("{}={}", text(name), text(value))
        };
        rig.out[0].metadata.iter().map(pair).collect()
    }

    #[test]
    fn values_and_labels_move_and_labels_win() {
        let mut rig = Rig::of(MakeMetadata::new(
            [("trace_id", "trace"), ("app", "")],
            None,
        ));
        rig.entry(|entry| {
            entry.metadata.push(b"app", b"old");
            entry.extracted.set_text("trace", "7");
            entry.labels.set("app", "web");
            entry.labels.set("pod", "p");
        });
        assert_eq!(pairs(&rig), ["app=web", "trace_id=7"]);
        assert_eq!(labels(&rig.out[0]), r#"{pod="p"}"#);
    }

    #[test]
    fn names_may_be_given_by_a_pattern() {
        let names = GoRegex::new("^t_").expect("a pattern");
        let mut rig = Rig::of(MakeMetadata::new([], Some(names)));
        rig.entry(|entry| {
            entry.extracted.set_text("t_a", "1");
            entry.extracted.set("t_null", Value::Opaque);
            entry.labels.set("t_b", "2");
            entry.labels.set("c", "3");
        });
        assert_eq!(pairs(&rig), ["t_a=1", "t_b=2"]);
        assert_eq!(labels(&rig.out[0]), r#"{c="3"}"#);
    }

    #[test]
    fn metadata_are_dropped_by_name() {
        let mut rig = Rig::of(MetadataDrop {
            names: vec!["a".into()],
        });
        rig.entry(|entry| {
            entry.metadata.push(b"a", b"1");
            entry.metadata.push(b"b", b"2");
            entry.metadata.push(b"a", b"3");
        });
        assert_eq!(pairs(&rig), ["b=2"]);
    }
}
