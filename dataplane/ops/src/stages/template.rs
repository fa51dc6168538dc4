//! `stage.template`: sets a value to what a template writes.

use crate::template::{Environment, Template, Val};

use super::program::{Cx, Flow};
use super::{Entry, Extracted};

/// `stage.template`.
#[derive(Debug)]
pub struct SetTemplate {
    source: String,
    template: Template,
    environment: Environment,
    out: String,
}

impl SetTemplate {
    #[must_use]
    pub fn new(source: &str, template: Template, seed: u64) -> SetTemplate {
        SetTemplate {
            source: source.to_owned(),
            template,
            environment: Environment::new(seed),
            out: String::new(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        self.environment.now_ns = cx.now_ns;
        let source = &self.source;
        let line = &entry.line;
        let extracted = &entry.extracted;
        let data = |name: &str| match name {
            "Entry" => Some(Val::text(&String::from_utf8_lossy(line))),
            "Value" => value(extracted, source).or_else(|| value(extracted, name)),
            name => value(extracted, name),
        };
        let names = || names(extracted, source);
        self.out.clear();
        let done = self
            .template
            .write(&data, &names, &mut self.environment, &mut self.out);
        // Compat: a template that fails leaves the value as it is, one that writes nothing
        // removes it.
        match done {
            Err(_) => {}
            Ok(()) if self.out.is_empty() => entry.extracted.remove(source),
            Ok(()) => entry.extracted.set_text(source, &self.out),
        }
        Flow::Pass
    }
}

/// A value with a text, for a template.
pub(super) fn value(extracted: &Extracted, name: &str) -> Option<Val> {
    extracted.get(name)?.text().map(|text| Val::text(&text))
}

/// What `range` over all data goes over, sorted as Go does.
fn names(extracted: &Extracted, source: &str) -> Vec<String> {
    let texts = extracted.iter().filter(|(_, value)| value.text().is_some());
    let mut names: Vec<String> = texts.map(|(name, _)| name.to_owned()).collect();
    names.push("Entry".to_owned());
    if extracted.contains(source) {
        names.push("Value".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Value;
    use crate::stages::tests::{Rig, extracted};

    fn after(template: &str, fill: impl FnOnce(&mut Entry)) -> Vec<String> {
        let template = Template::parse(template).expect("a template");
        let mut rig = Rig::of(SetTemplate::new("out", template, 1));
        rig.entry(fill);
        extracted(&rig.out[0])
    }

    #[test]
    fn a_template_sees_values_the_line_and_its_own_value() {
        let seen = after(
            "{{ .Value }}|{{ .Entry }}|{{ .n }}|{{ .null }}|{{ .gone }}",
            |entry| {
                entry.line.extend_from_slice(b"line");
                entry.extracted.set_text("out", "old");
                entry.extracted.set("n", Value::Float(2.0));
                entry.extracted.set("null", Value::Opaque);
            },
        );
        assert_eq!(seen[0], "out=old|line|2|<no value>|<no value>");
    }

    #[test]
    fn nothing_written_removes_and_a_failure_leaves_the_value() {
        let old = |entry: &mut Entry| entry.extracted.set_text("out", "old");
        assert_eq!(after("{{ if .gone }}x{{ end }}", old), [""; 0]);
        assert_eq!(after("{{ ToUpper .gone }}", old), ["out=old"]);
        assert_eq!(
            after("{{ regexReplaceAll \"(\" .out \"\" }}", old),
            ["out=old"]
        );
    }

    #[test]
    fn all_values_can_be_gone_over() {
        let seen = after(
            "{{ range $k, $v := . }}{{ $k }}={{ $v }} {{ end }}",
            |entry| {
                entry.extracted.set_text("b", "2");
                entry.extracted.set_text("a", "1");
            },
        );
        assert_eq!(seen[2], "out=Entry= a=1 b=2 ");
    }
}
