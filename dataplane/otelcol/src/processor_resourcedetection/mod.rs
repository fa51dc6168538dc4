//! otelcol.processor.resourcedetection: adds what is known of the machine to resources.
//!
//! Attributes are looked for once, when the node is built; it is not built without them where a
//! detector fails, as in Alloy. Only resources are decoded, what is in them is passed on as it
//! arrived. An answer is that of the nodes behind.
//!
//! Compatible with otelcol.processor.resourcedetection of Alloy for the detectors `env`, `system`,
//! `docker`, `heroku` and `lambda`. The others are known with all their settings, and refused when
//! one is to run.

mod arguments;
mod attributes;
mod docker;
mod environment;
mod system;

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{AnyValue, Attributes, Item, OtlpBatch, OtlpSignal, Text, Tree};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{ExportField, Stability};

use crate::settings::Forward;
use arguments::ResourceDetectionArguments;

pub static COMPONENT: Component = Component::of::<ProcessorResourceDetection>();

/// The component.
pub struct ProcessorResourceDetection;

/// What detectors speak of: the schema of their attributes.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.40.0";

/// What one detector or all of them have found.
#[derive(Default, Debug, PartialEq)]
struct Detected {
    attributes: Attributes<'static>,
    schema_url: &'static str,
}

impl Detected {
    fn new(attributes: Attributes<'static>) -> Detected {
        Detected {
            attributes,
            schema_url: SCHEMA_URL,
        }
    }

    /// Adds what another one found; what is there already stays.
    fn merge(&mut self, other: Detected) {
        for attribute in other.attributes.into_vec() {
            if !self.attributes.contains(&attribute.key.to_str()) {
                self.attributes.push(attribute);
            }
        }
        if self.schema_url.is_empty() {
            self.schema_url = other.schema_url;
        }
    }
}

impl DataComponent for ProcessorResourceDetection {
    type Arguments = ResourceDetectionArguments;
    const NAME: &'static str = "otelcol.processor.resourcedetection";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<ResourceDetectionArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        if let Some(name) = arguments.refused() {
            return Err(BuildError::new(format!(
                "detector \"{name}\" cannot run yet; take it out of detectors, or set its \
                 attributes by OTEL_RESOURCE_ATTRIBUTES and the detector \"env\""
            )));
        }
        let mut detected = Detected::default();
        for name in &arguments.detectors {
            let found = detect(name, &arguments).await;
            detected.merge(found.map_err(|error| {
                BuildError::new(format!("detector \"{name}\" failed: {error}"))
            })?);
        }
        let found = detected.attributes.iter().map(|it| it.key.to_string());
        let found = found.collect::<Vec<_>>().join(", ");
        let node = &*cx.node;
        tracing::info!(component_id = node, found, "detected resource information");
        let processor = Processor {
            addition: Addition {
                detected,
                replaces: arguments.r#override,
            },
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

/// Asks one detector for as long as the settings allow.
async fn detect(name: &str, arguments: &ResourceDetectionArguments) -> Result<Detected, String> {
    let variable = environment::variable;
    let asking = async {
        match name {
            "env" => environment::resource(variable),
            "heroku" => {
                let wanted = &arguments.heroku.resource_attributes.0;
                Ok(environment::heroku(variable, wanted))
            }
            "lambda" => {
                let wanted = &arguments.lambda.resource_attributes.0;
                Ok(environment::lambda(variable, wanted))
            }
            "system" => system::detect(&arguments.system).await,
            _ => docker::detect(&arguments.docker.resource_attributes.0, arguments.timeout).await,
        }
    };
    match runtime::timeout(arguments.timeout, asking).await {
        Ok(found) => found,
        Err(_) => {
            let timeout = stdx::format_duration(arguments.timeout);
            Err(format!("no answer within {timeout}; raise timeout"))
        }
    }
}

struct Processor {
    addition: Addition,
    forward: Forward,
}

/// What each resource gets.
struct Addition {
    detected: Detected,
    /// What was found replaces what a resource has.
    replaces: bool,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let addition = &self.addition;
            if addition.detected == Detected::default() {
                return self.forward.consume(batch).await;
            }
            let edited = match batch.signal() {
                OtlpSignal::Traces => addition.add_to(batch.spans()),
                OtlpSignal::Metrics => addition.add_to(batch.metrics()),
                OtlpSignal::Logs => addition.add_to(batch.log_records()),
            };
            self.forward.consume(edited).await
        })
    }
}

impl Addition {
    fn add_to<'a, I: Item<'a>>(&self, mut tree: Tree<'a, I>) -> OtlpBatch {
        for group in &mut tree.resources {
            if group.schema_url.is_empty() {
                group.schema_url = Text::from(self.detected.schema_url);
            }
            let attributes = &mut group.resource.get_mut().attributes;
            for found in self.detected.attributes.iter() {
                if self.replaces || !attributes.contains(&found.key.to_str()) {
                    attributes.set(found.key.clone(), found.value.clone());
                }
            }
        }
        tree.encode()
    }
}

/// An attribute that is text.
fn text(value: impl Into<String>) -> AnyValue<'static> {
    AnyValue::from(value.into())
}

/// Those of `found` whose names are wanted, in the order of `wanted`.
fn only(
    wanted: &[&'static str],
    mut found: impl FnMut(&str) -> Option<AnyValue<'static>>,
) -> Attributes<'static> {
    let mut attributes = Attributes::default();
    for name in wanted {
        if let Some(value) = found(name) {
            attributes.set(*name, value);
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::spans;

    fn after(replaces: bool) -> OtlpBatch {
        let mut attributes = Attributes::default();
        attributes.set("service.name", text("found"));
        attributes.set("host.name", text("h1"));
        let addition = Addition {
            detected: Detected::new(attributes),
            replaces,
        };
        addition.add_to(spans(&["a"]).spans())
    }

    fn service(batch: &OtlpBatch) -> (Option<String>, Option<String>, String) {
        let tree = batch.spans();
        let group = &tree.resources[0];
        let attributes = &group.resource.get().attributes;
        let text = |key| attributes.get(key).map(crate::any_text::any_text);
        let schema_url = group.schema_url.to_string();
        (text("service.name"), text("host.name"), schema_url)
    }

    #[test]
    fn what_a_resource_has_is_replaced_or_stays() {
        let some = |text: &str| Some(text.to_owned());
        let url = SCHEMA_URL.to_owned();
        let replaced = (some("found"), some("h1"), url.clone());
        assert_eq!(service(&after(true)), replaced);
        assert_eq!(service(&after(false)), (some("shop"), some("h1"), url));
    }

    #[test]
    fn the_first_detector_that_finds_an_attribute_counts() {
        let one = |key: &'static str, value: &str| {
            let mut attributes = Attributes::default();
            attributes.set(key, text(value));
            Detected::new(attributes)
        };
        let mut all = Detected::default();
        for found in [one("a", "1"), one("a", "2"), one("b", "3")] {
            all.merge(found);
        }
        let values = all
            .attributes
            .iter()
            .map(|it| crate::any_text::any_text(&it.value));
        assert_eq!(values.collect::<Vec<_>>(), ["1", "3"]);
    }
}
