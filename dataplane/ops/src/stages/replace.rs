//! `stage.replace`: replaces what the groups of a regular expression have captured.

use std::ops::Range;

use crate::regex::GoRegex;
use crate::template::{Environment, Template, Val};

use super::program::{Cx, Flow};
use super::template::value;
use super::{Entry, Extracted, Source};

/// `stage.replace`.
#[derive(Debug)]
pub struct Replace {
    source: Source,
    expression: GoRegex,
    template: Template,
    environment: Environment,
}

impl Replace {
    #[must_use]
    pub fn new(
        source: Option<&str>,
        expression: GoRegex,
        template: Template,
        seed: u64,
    ) -> Replace {
        Replace {
            source: Source::new(source),
            expression,
            template,
            environment: Environment::new(seed),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read.filter(|text| self.expression.is_match(text)) else {
            return Flow::Pass;
        };
        self.environment.now_ns = cx.now_ns;
        let mut replacing = Replacing {
            text,
            out: String::with_capacity(text.len()),
            copied: 0,
            captured: Vec::new(),
            first: None,
            named: Vec::new(),
        };
        let (template, environment) = (&self.template, &mut self.environment);
        let mut failed = false;
        self.expression.all_groups(text, |groups| {
            failed = failed || !replacing.groups(groups, template, environment, &entry.extracted);
        });
        // Compat: a template that fails leaves everything as it is.
        if failed {
            return Flow::Pass;
        }
        replacing.out.push_str(&text[replacing.copied..]);
        for (index, name) in self.expression.names().iter().enumerate().skip(1) {
            let range = replacing
                .first
                .as_ref()
                .and_then(|first| first[index].clone());
            let own = range.map_or("", |range| &text[range]);
            let new = replacing.captured.iter().rfind(|(old, _)| old == own);
            if let Some((_, new)) = new.filter(|_| !name.is_empty()) {
                replacing.named.push((name.clone(), new.clone()));
            }
        }
        let Replacing { out, named, .. } = replacing;
        match &self.source {
            Source::Line => {
                entry.line.clear();
                entry.line.extend_from_slice(out.as_bytes());
            }
            Source::Key(key) => entry.extracted.set_text(key, &out),
        }
        for (name, new) in named {
            entry.extracted.set_text(&name, &new);
        }
        Flow::Pass
    }
}

/// A text on its way to being replaced.
struct Replacing<'a> {
    text: &'a str,
    out: String,
    /// Up to here the text is in `out`, replaced or not.
    copied: usize,
    /// Captured texts and what they become, for named groups. Compat: by text, so that equal texts
    /// of different groups share it.
    captured: Vec<(String, String)>,
    first: Option<Vec<Option<Range<usize>>>>,
    named: Vec<(String, String)>,
}

impl Replacing<'_> {
    /// The groups of a match; false if the template fails.
    fn groups(
        &mut self,
        groups: &[Option<Range<usize>>],
        template: &Template,
        environment: &mut Environment,
        extracted: &Extracted,
    ) -> bool {
        self.first.get_or_insert_with(|| groups.to_vec());
        for group in groups[1..].iter().flatten() {
            let own = &self.text[group.clone()];
            let data = |name: &str| match name {
                "Value" => Some(Val::text(own)),
                name => value(extracted, name),
            };
            let names = || vec!["Value".to_owned()];
            let mut new = String::new();
            if template
                .write(&data, &names, environment, &mut new)
                .is_err()
            {
                return false;
            }
            // A group inside one that was replaced already is not looked at again.
            if self.copied <= group.start {
                self.out.push_str(&self.text[self.copied..group.start]);
                self.out.push_str(&new);
                self.copied = group.end;
            }
            self.captured.push((own.to_owned(), new));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, after, extracted, line_after};

    fn stage(expression: &str, replace: &str) -> Replace {
        let expression = GoRegex::new(expression).expect("a pattern");
        let template = Template::parse(replace).expect("a template");
        Replace::new(None, expression, template, 1)
    }

    #[test]
    fn groups_are_replaced_and_all_else_stays() {
        for (expression, replace, line, expected) in [
            (
                r"password=(\S+)",
                "***",
                "a password=x b password=yz",
                "a password=*** b password=***",
            ),
            (
                r"user=(\S+) id=(\d+)",
                "<{{ .Value | ToUpper }}>",
                "user=bob id=7",
                "user=<BOB> id=<7>",
            ),
            (r"(a(b)c)", "[{{ .Value }}]", "xabcx", "x[abc]x"),
            ("abc", "x", "abc", "abc"),
            ("(a)(b)?", "", "ac", "c"),
            ("(.*)", "dev: {{ .Value }}", "an err", "dev: an err"),
        ] {
            assert_eq!(
                line_after(stage(expression, replace), line),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn named_groups_of_the_first_match_are_extracted() {
        let entry = after(stage(r"(?P<a>\d)-(?P<b>\d)", "<{{ .Value }}>"), "1-2 3-4");
        assert_eq!(extracted(&entry), ["a=<1>", "b=<2>"]);
        assert_eq!(entry.line, b"<1>-<2> <3>-<4>");
    }

    #[test]
    fn a_value_may_be_replaced() {
        let expression = GoRegex::new("(x)").expect("a pattern");
        let template = Template::parse("{{ .app }}").expect("a template");
        let mut rig = Rig::of(Replace::new(Some("v"), expression, template, 1));
        rig.entry(|entry| {
            entry.labels.set("app", "web");
            entry.extracted.set_text("v", "axb");
        });
        assert_eq!(extracted(&rig.out[0]), ["v=awebb", "app=web"]);
    }

    #[test]
    fn a_template_that_fails_changes_nothing() {
        let entry = after(stage("(?P<n>x)", "{{ fail \"no\" }}"), "axb");
        assert_eq!(entry.line, b"axb");
        assert_eq!(extracted(&entry), [""; 0]);
    }
}
