//! prometheus.exporter.self: this process as a target to scrape.
//!
//! The target's address is the internal one; scrapes of it reach the admin server of this process,
//! which serves `/metrics` under the component's path too.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.self.md

use std::sync::Arc;

use eval::{Component, Page, ResolverCx, ResolverError};

use crate::exporter::{Exporter, Exporting};

pub static COMPONENT: Component = Component::of::<Exporting<ExporterSelf>>();

/// Nothing to set.
#[derive(schema::Arguments)]
pub struct Arguments {}

struct ExporterSelf;

impl Exporter for ExporterSelf {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.self";
    const JOB: &'static str = "self";

    async fn start(_: Arc<Arguments>, _: ResolverCx) -> Result<ExporterSelf, ResolverError> {
        Ok(ExporterSelf)
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        None
    }

    fn instance(_: &Arguments, cx: &ResolverCx) -> String {
        cx.environment().hostname.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use schema::Value;

    use super::*;
    use crate::tests::{on_control, start};

    #[test]
    fn the_target_leads_to_this_process() {
        on_control(async || {
            let environment = eval::Environment {
                http_address: "alloy.internal:12345".to_owned(),
                hostname: "h1".to_owned(),
                ..eval::Environment::default()
            };
            let started = start(&COMPONENT, [], Rc::new(environment)).await;
            let instance = started.expect("there is nothing to go wrong");
            let Value::Object(exports) = instance.exports() else {
                panic!("exports are an object")
            };
            let Some(Value::Targets(targets)) = exports.get("targets") else {
                panic!("targets are exported")
            };
            let labels: Vec<String> = targets[0]
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(
                labels,
                [
                    "__address__=alloy.internal:12345",
                    "__meta_component_id=test.node",
                    "__meta_component_name=prometheus.exporter.self",
                    "__metrics_path__=/api/v0/component/test.node/metrics",
                    "__scheme__=http",
                    "instance=h1",
                    "job=integrations/self",
                ]
            );
        });
    }
}
