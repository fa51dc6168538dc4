//! otelcol.processor.span: makes span names from attributes and back, and sets statuses.
//!
//! Spans that stay as they are pass as they arrived; metrics and logs pass untouched. An answer is
//! that of the nodes behind. Compatible with otelcol.processor.span of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{AnyValue, OtlpBatch, OtlpSignal, Span};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::regex::GoRegex;
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::matching::{MatchBlock, Matcher};
use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<ProcessorSpan>();

/// The component.
pub struct ProcessorSpan;

#[derive(Arguments)]
#[arg(check = SpanArguments::check)]
pub struct SpanArguments {
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// What is left alone.
    #[arg(block)]
    pub exclude: Option<MatchBlock>,
    /// What is changed; everything without it.
    #[arg(block)]
    pub include: Option<MatchBlock>,
    /// How the span is named.
    #[arg(block)]
    pub name: Option<NameBlock>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// How the span has ended.
    #[arg(block)]
    pub status: Option<StatusBlock>,
}

/// How the span is named.
#[derive(Arguments, Clone)]
pub struct NameBlock {
    /// Attributes whose values make the name; all of them have to be there.
    pub from_attributes: Vec<String>,
    /// What stands between two values.
    #[arg(default = "")]
    pub separator: String,
    /// What of the name becomes attributes.
    #[arg(block)]
    pub to_attributes: Option<ToAttributes>,
}

/// What of the name becomes attributes.
#[derive(Arguments, Clone)]
#[arg(check = ToAttributes::check)]
pub struct ToAttributes {
    /// Stop at the first rule that fits.
    #[arg(default = false)]
    pub break_after_match: bool,
    /// Leave the name as it is.
    #[arg(default = false)]
    pub keep_original_name: bool,
    /// Regular expressions with named groups: each becomes an attribute.
    #[arg(required)]
    pub rules: Vec<String>,
}

/// How the span has ended.
#[derive(Arguments, Clone)]
#[arg(check = StatusBlock::check)]
pub struct StatusBlock {
    /// `Ok`, `Error` or `Unset`.
    #[arg(required)]
    pub code: String,
    /// What went wrong, for `Error`.
    #[arg(default = "")]
    pub description: String,
}

impl ToAttributes {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(message) = self.regexes() {
            check.attribute("rules", message);
        }
    }

    fn regexes(&self) -> Result<Vec<GoRegex>, String> {
        let regexes: Result<Vec<_>, _> = self.rules.iter().map(|it| GoRegex::new(it)).collect();
        let regexes = regexes?;
        match regexes.iter().position(|regex| regex.names().len() < 2) {
            Some(index) => Err(format!("rule \"{}\" has no group", self.rules[index])),
            None => Ok(regexes),
        }
    }
}

impl StatusBlock {
    fn check(&self, check: &mut Check<'_>) {
        if self.number().is_none() {
            check.attribute("code", "code must be one of \"Ok\", \"Error\" or \"Unset\"");
        }
        if !self.description.is_empty() && self.code != "Error" {
            let text = "description can only be specified for code \"Error\"";
            check.attribute("description", text);
        }
    }

    fn number(&self) -> Option<i32> {
        let known = ["Unset", "Ok", "Error"];
        let index = known.iter().position(|known| *known == self.code)?;
        i32::try_from(index).ok()
    }
}

impl SpanArguments {
    fn check(&self, check: &mut Check<'_>) {
        let names = self
            .name
            .as_ref()
            .is_some_and(|name| !name.from_attributes.is_empty() || name.to_attributes.is_some());
        if !names && self.status.is_none() {
            check.body(
                "either from_attributes or to_attributes must be specified in name, or status \
                 must be set",
            );
        }
    }
}

impl DataComponent for ProcessorSpan {
    type Arguments = SpanArguments;
    const NAME: &'static str = "otelcol.processor.span";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<SpanArguments>, cx: &Build) -> Result<Built, BuildError> {
        let matcher = |block: &Option<MatchBlock>| block.as_ref().map(Matcher::new).transpose();
        let name = arguments.name.clone();
        let rules = name.as_ref().and_then(|name| name.to_attributes.as_ref());
        let rules = rules.map(ToAttributes::regexes).transpose();
        let status = arguments.status.as_ref();
        let changes = Changes {
            rules: rules.map_err(BuildError::new)?.unwrap_or_default(),
            name,
            status: status.and_then(|status| Some((status.number()?, status.description.clone()))),
        };
        let processor = Processor {
            changes,
            include: matcher(&arguments.include).map_err(BuildError::new)?,
            exclude: matcher(&arguments.exclude).map_err(BuildError::new)?,
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

struct Processor {
    changes: Changes,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    forward: Forward,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            match batch.signal() {
                OtlpSignal::Traces => self.forward.consume(self.edit(&batch)).await,
                OtlpSignal::Metrics | OtlpSignal::Logs => self.forward.consume(batch).await,
            }
        })
    }
}

impl Processor {
    fn edit(&self, batch: &OtlpBatch) -> OtlpBatch {
        let mut tree = batch.spans();
        tree.for_each(|resource, scope, span| {
            let fits = |it: &Matcher| it.span(resource.get(), scope.get(), span.get());
            if self.include.as_ref().is_none_or(fits) && !self.exclude.as_ref().is_some_and(fits) {
                self.changes.change(span.get_mut());
            }
        });
        tree.encode()
    }
}

/// What is done to a span.
struct Changes {
    name: Option<NameBlock>,
    rules: Vec<GoRegex>,
    status: Option<(i32, String)>,
}

impl Changes {
    fn change(&self, span: &mut Span<'_>) {
        if let Some(name) = &self.name {
            if !name.from_attributes.is_empty()
                && let Some(made) = name.make(span)
            {
                span.name = made.into();
            }
            if let Some(to) = &name.to_attributes {
                self.take_apart(to, span);
            }
        }
        if let Some((code, description)) = &self.status {
            span.status.code = *code;
            span.status.message = description.clone().into();
        }
    }

    fn take_apart(&self, to: &ToAttributes, span: &mut Span<'_>) {
        for regex in &self.rules {
            let name = span.name.to_str().into_owned();
            let Some(captures) = regex.captures(&name) else {
                continue;
            };
            let (mut short, mut end) = (String::new(), 0);
            for (index, key) in regex.names().iter().enumerate().skip(1) {
                let group = captures.get(index);
                let value = group.map_or("", |group| group.as_str());
                span.attributes
                    .set(key.clone(), AnyValue::from(value.to_owned()));
                // Groups within groups lie before the end of the last one.
                if let Some(group) = group.filter(|group| end <= group.start()) {
                    short.push_str(&name[end..group.start()]);
                    short.push('{');
                    short.push_str(key);
                    short.push('}');
                    end = group.end();
                }
            }
            if !to.keep_original_name {
                short.push_str(&name[end..]);
                span.name = short.into();
            }
            if to.break_after_match {
                break;
            }
        }
    }
}

impl NameBlock {
    /// None when an attribute is missing.
    fn make(&self, span: &Span<'_>) -> Option<String> {
        let mut values = Vec::new();
        for key in &self.from_attributes {
            values.push(match span.attributes.get(key)? {
                AnyValue::String(text) => text.to_string(),
                AnyValue::Bool(value) => value.to_string(),
                AnyValue::Int(value) => value.to_string(),
                AnyValue::Double(value) => value.to_string(),
                _ => "<unknown-attribute-type>".to_owned(),
            });
        }
        Some(values.join(&self.separator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(name: NameBlock) -> Changes {
        let rules = name.to_attributes.as_ref().map(ToAttributes::regexes);
        Changes {
            rules: rules.transpose().expect("valid rules").unwrap_or_default(),
            name: Some(name),
            status: Some((2, "bad".to_owned())),
        }
    }

    #[test]
    fn a_name_is_made_of_all_attributes_or_stays() {
        let changes = changes(NameBlock {
            from_attributes: vec!["a".to_owned(), "b".to_owned()],
            separator: "::".to_owned(),
            to_attributes: None,
        });
        let mut span = Span::default();
        span.attributes.set("a", AnyValue::Double(1.5));
        changes.change(&mut span);
        assert_eq!(span.name, "");
        span.attributes.set("b", AnyValue::Int(2));
        changes.change(&mut span);
        assert_eq!(span.name, "1.5::2");
        assert_eq!((span.status.code, span.status.message), (2, "bad".into()));
    }

    #[test]
    fn parts_of_a_name_become_attributes() {
        let changes = changes(NameBlock {
            from_attributes: Vec::new(),
            separator: String::new(),
            to_attributes: Some(ToAttributes {
                break_after_match: true,
                keep_original_name: false,
                rules: vec![r"^/api/(?P<id>\d+)/(?P<verb>\w+)$".to_owned()],
            }),
        });
        let mut span = Span {
            name: "/api/12/get".into(),
            ..Span::default()
        };
        changes.change(&mut span);
        assert_eq!(span.name, "/api/{id}/{verb}");
        assert_eq!(span.attributes.get("id"), Some(&AnyValue::from("12")));
    }
}
