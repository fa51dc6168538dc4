//! otelcol.processor.discovery: adds the labels of discovered targets to resources of traces.
//!
//! A resource belongs to the target whose host is the resource's address; addresses are looked for
//! in the order of `pod_associations`. Labels that start with `__` are not added. Only resources
//! that change are encoded anew. An answer is that of the nodes behind.
//!
//! Compatible with otelcol.processor.discovery of Alloy, but for the association `connection`,
//! which finds nothing: batches do not tell who sent them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{AnyValue, Attributes, OtlpBatch, OtlpSignal};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability, Target, Targets};

use crate::settings::{Forward, Outputs};

pub static COMPONENT: Component = Component::of::<ProcessorDiscovery>();

/// The component.
pub struct ProcessorDiscovery;

#[derive(Arguments)]
#[arg(check = DiscoveryArguments::check)]
pub struct DiscoveryArguments {
    /// What a label does to an attribute of its name: `insert`, `update` or `upsert`.
    #[arg(default = "upsert")]
    pub operation_type: String,
    /// Where the address of a resource is looked for: `ip`, `net.host.ip`, `k8s.pod.ip`,
    /// `hostname` or `connection`.
    #[arg(default = ASSOCIATIONS.map(str::to_owned).to_vec())]
    pub pod_associations: Vec<String>,
    /// Targets whose labels are added.
    #[arg(required)]
    pub targets: Targets,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

const ASSOCIATIONS: [&str; 5] = ["ip", "net.host.ip", "k8s.pod.ip", "hostname", "connection"];

impl DiscoveryArguments {
    fn check(&self, check: &mut Check<'_>) {
        if Operation::named(&self.operation_type).is_none() {
            let text = format!("unknown operation type {}", self.operation_type);
            check.attribute("operation_type", text);
        }
        let known = |it: &&String| !ASSOCIATIONS.contains(&it.as_str());
        if let Some(unknown) = self.pod_associations.iter().find(known) {
            check.attribute(
                "pod_associations",
                format!("unknown pod association {unknown}"),
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Insert,
    Update,
    Upsert,
}

impl Operation {
    fn named(name: &str) -> Option<Operation> {
        match name {
            "insert" => Some(Operation::Insert),
            "update" => Some(Operation::Update),
            "upsert" => Some(Operation::Upsert),
            _ => None,
        }
    }
}

impl DataComponent for ProcessorDiscovery {
    type Arguments = DiscoveryArguments;
    const NAME: &'static str = "otelcol.processor.discovery";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<DiscoveryArguments>, cx: &Build) -> Result<Built, BuildError> {
        let operation = Operation::named(&arguments.operation_type);
        let processor = Processor {
            hosts: hosts(&arguments.targets, &cx.node),
            operation: operation.unwrap_or(Operation::Upsert),
            associations: arguments.pod_associations.clone(),
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

/// Targets by their host; of several the last one counts.
fn hosts(targets: &Targets, node: &str) -> HashMap<String, Target> {
    let mut hosts = HashMap::new();
    for target in targets.iter() {
        match target.get("__address__").and_then(host) {
            Some(host) => {
                hosts.insert(host.to_owned(), target.clone());
            }
            None => tracing::warn!(
                component = %node,
                address = target.get("__address__").unwrap_or_default(),
                "a target is left out: it has no __address__ with a host",
            ),
        }
    }
    hosts
}

/// The host of an address, which may have a port.
fn host(address: &str) -> Option<&str> {
    if !address.contains(':') {
        return Some(address);
    }
    let (host, _port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']'),
        None => (!host.contains(':')).then_some(host),
    }
}

struct Processor {
    hosts: HashMap<String, Target>,
    operation: Operation,
    associations: Vec<String>,
    forward: Forward,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            match batch.signal() {
                OtlpSignal::Traces => self.forward.consume(self.label(&batch)).await,
                // Only traces are changed.
                OtlpSignal::Metrics | OtlpSignal::Logs => self.forward.consume(batch).await,
            }
        })
    }
}

impl Processor {
    fn label(&self, batch: &OtlpBatch) -> OtlpBatch {
        let mut tree = batch.spans();
        for group in &mut tree.resources {
            let found = self.address(&group.resource.get().attributes);
            if let Some(target) = found.and_then(|address| self.hosts.get(&address)) {
                add(
                    target,
                    self.operation,
                    &mut group.resource.get_mut().attributes,
                );
            }
        }
        tree.encode()
    }

    /// The address of a resource, from the first association that has one.
    fn address(&self, attributes: &Attributes<'_>) -> Option<String> {
        let text = |key: &str| match attributes.get(key) {
            Some(AnyValue::String(text)) if !text.is_empty() => Some(text.to_string()),
            _ => None,
        };
        let mut associations = self.associations.iter();
        associations.find_map(|association| match association.as_str() {
            "hostname" => text("host.name").filter(|name| name.parse::<IpAddr>().is_ok()),
            "connection" => None,
            key => text(key),
        })
    }
}

fn add(target: &Target, operation: Operation, attributes: &mut Attributes<'_>) {
    for (name, value) in target.iter().filter(|(name, _)| !name.starts_with("__")) {
        let wanted = match attributes.contains(name) {
            true => operation != Operation::Insert,
            false => operation != Operation::Update,
        };
        if wanted {
            attributes.set(name.to_owned(), AnyValue::from(value.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_what_is_before_its_port() {
        let cases = [
            ("10.0.0.1", Some("10.0.0.1")),
            ("10.0.0.1:80", Some("10.0.0.1")),
            ("[::1]:80", Some("::1")),
            ("::1", None),
        ];
        for (address, expected) in cases {
            assert_eq!(host(address), expected, "{address}");
        }
    }

    #[test]
    fn labels_are_inserted_updated_or_both() {
        let target = Target::new([("__x", "no"), ("new", "1"), ("old", "2")]);
        let after = |operation| {
            let mut attributes = Attributes::default();
            attributes.set("old", AnyValue::from("0"));
            add(&target, operation, &mut attributes);
            attributes.get("__x").is_none().then(|| {
                let text = |key| attributes.get(key).map(crate::any_text::any_text);
                (text("new"), text("old"))
            })
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(after(Operation::Insert), Some((text("1"), text("0"))));
        assert_eq!(after(Operation::Update), Some((None, text("2"))));
        assert_eq!(after(Operation::Upsert), Some((text("1"), text("2"))));
    }
}
