//! The small stages that move values: `stage.labels`, `stage.static_labels`, `stage.label_drop`,
//! `stage.label_keep`, `stage.tenant`, `stage.output`.

use batch::TENANT_LABEL;

use super::Entry;
use super::program::{Cx, Flow};

/// Where `stage.labels` finds its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSource {
    Extracted,
    StructuredMetadata,
}

/// `stage.labels`: makes labels of values.
#[derive(Debug)]
pub struct MakeLabels {
    from: LabelSource,
    /// Name of the label, name of the value.
    values: Vec<(String, String)>,
}

/// Pairs in which an empty second is the first.
pub(super) fn names<'a>(
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, String)> {
    let pair = |(name, source): (&str, &str)| {
        let source = if source.is_empty() { name } else { source };
        (name.to_owned(), source.to_owned())
    };
    values.into_iter().map(pair).collect()
}

impl MakeLabels {
    #[must_use]
    pub fn new<'a>(
        from: LabelSource,
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> MakeLabels {
        MakeLabels {
            from,
            values: names(values),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        for (label, source) in &self.values {
            match self.from {
                LabelSource::Extracted => {
                    cx.scratch.clear();
                    match entry.extracted.get(source) {
                        Some(super::Value::Text(text)) => entry.labels.set(label, text),
                        Some(value) if value.write(cx.scratch) => {
                            entry.labels.set(label, cx.scratch);
                        }
                        // Compat: no value, or one without a text, leaves the label as it is.
                        _ => {}
                    }
                }
                LabelSource::StructuredMetadata => {
                    let value = entry.metadata.get(source.as_bytes());
                    if let Some(Ok(value)) = value.map(std::str::from_utf8) {
                        entry.labels.set(label, value);
                    }
                }
            }
        }
        Flow::Pass
    }
}

/// `stage.static_labels`.
#[derive(Debug)]
pub struct StaticLabels {
    values: Vec<(String, String)>,
}

impl StaticLabels {
    /// Empty values are skipped.
    #[must_use]
    pub fn new<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> StaticLabels {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let values = values.into_iter().filter(|(_, value)| !value.is_empty());
        StaticLabels {
            values: values.map(owned).collect(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        for (name, value) in &self.values {
            entry.labels.set(name, value);
        }
        Flow::Pass
    }
}

/// `stage.label_drop`.
#[derive(Debug)]
pub struct LabelDrop {
    pub names: Vec<String>,
}

impl LabelDrop {
    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        for name in &self.names {
            entry.labels.remove(name);
        }
        Flow::Pass
    }
}

/// `stage.label_keep`.
#[derive(Debug)]
pub struct LabelKeep {
    pub names: Vec<String>,
}

impl LabelKeep {
    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        let names = &self.names;
        entry
            .labels
            .retain(|name, _| names.iter().any(|kept| kept == name));
        Flow::Pass
    }
}

/// `stage.tenant`: sets the label that names the tenant.
#[derive(Debug)]
pub enum Tenant {
    Label(String),
    Extracted(String),
    Fixed(String),
}

impl Tenant {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        cx.scratch.clear();
        match self {
            Tenant::Label(label) => cx
                .scratch
                .push_str(entry.labels.get(label).unwrap_or_default()),
            Tenant::Extracted(source) => {
                if let Some(value) = entry.extracted.get(source) {
                    value.write(cx.scratch);
                }
            }
            Tenant::Fixed(value) => cx.scratch.push_str(value),
        }
        if !cx.scratch.is_empty() {
            entry.labels.set(TENANT_LABEL, cx.scratch);
        }
        Flow::Pass
    }
}

/// `stage.output`: makes a value the line.
#[derive(Debug)]
pub struct Output {
    source: String,
}

impl Output {
    #[must_use]
    pub fn new(source: &str) -> Output {
        Output {
            source: source.to_owned(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        cx.scratch.clear();
        let value = entry.extracted.get(&self.source);
        if value.is_some_and(|value| value.write(cx.scratch)) {
            entry.line.clear();
            entry.line.extend_from_slice(cx.scratch.as_bytes());
        }
        Flow::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, labels};
    use crate::stages::{Pairs, Value};

    #[test]
    fn values_become_labels_and_those_without_a_text_do_not() {
        let values = [("a", ""), ("b", "x"), ("null", ""), ("gone", ""), ("n", "")];
        let mut rig = Rig::of(MakeLabels::new(LabelSource::Extracted, values));
        rig.entry(|entry| {
            entry.labels.set("null", "stays");
            entry.extracted.set_text("a", "");
            entry.extracted.set_text("x", "1");
            entry.extracted.set("n", Value::Float(2.5));
        });
        assert_eq!(
            labels(&rig.out[0]),
            r#"{a="", b="1", n="2.5", null="stays"}"#
        );
    }

    #[test]
    fn structured_metadata_become_labels_when_asked() {
        let mut rig = Rig::of(MakeLabels::new(
            LabelSource::StructuredMetadata,
            [("a", ""), ("b", "")],
        ));
        rig.entry(|entry| {
            entry.metadata = Pairs::default();
            entry.metadata.push(b"a", b"first");
            entry.metadata.push(b"a", b"second");
            entry.metadata.push(b"b", b"\xff");
        });
        assert_eq!(labels(&rig.out[0]), r#"{a="first"}"#);
    }

    #[test]
    fn labels_are_dropped_and_kept_by_name() {
        let mut rig = Rig::build(|builder| {
            builder.push(StaticLabels::new([
                ("a", "1"),
                ("b", "2"),
                ("c", ""),
                ("d", "4"),
            ]));
            builder.push(LabelDrop {
                names: vec!["a".into(), "nope".into()],
            });
            builder.push(LabelKeep {
                names: vec!["b".into()],
            });
        });
        rig.line("");
        assert_eq!(labels(&rig.out[0]), r#"{b="2"}"#);
    }

    #[test]
    fn the_tenant_comes_from_a_label_a_value_or_the_text() {
        for (tenant, expected) in [
            (Tenant::Label("team".into()), Some("blue")),
            (Tenant::Extracted("t".into()), Some("7")),
            (Tenant::Fixed("f".into()), Some("f")),
            (Tenant::Label("gone".into()), None),
        ] {
            let mut rig = Rig::of(tenant);
            rig.entry(|entry| {
                entry.labels.set("team", "blue");
                entry.extracted.set("t", Value::Int(7));
            });
            assert_eq!(rig.out[0].labels.get(TENANT_LABEL), expected);
        }
    }

    #[test]
    fn a_missing_output_leaves_the_line() {
        let mut rig = Rig::of(Output::new("m"));
        rig.line("line")
            .entry(|entry| entry.extracted.set("m", Value::Opaque));
        rig.entry(|entry| entry.extracted.set("m", Value::Bool(true)));
        assert_eq!(rig.lines(), ["line", "", "true"]);
    }
}
