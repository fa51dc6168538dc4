//! prometheus.exporter.self: this process as a target to scrape.
//!
//! The target's address is the internal one; scrapes of it reach the admin server of this process,
//! which serves `/metrics` under the component's path too.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.self.md

use std::sync::Arc;

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{ExportField, Stability, Target, Targets, Value};

pub static COMPONENT: Component = Component::of::<ExporterSelf>();

/// Nothing to set.
#[derive(schema::Arguments)]
pub struct Arguments {}

struct ExporterSelf;

impl ResolverComponent for ExporterSelf {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.self";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "targets",
        type_name: "list(map(string))",
    }];

    async fn start(_: Arc<Arguments>, cx: ResolverCx) -> Result<ExporterSelf, ResolverError> {
        let environment = cx.environment();
        let path = format!("/api/v0/component/{}/metrics", cx.id());
        let target = Target::new([
            ("__address__", environment.http_address.as_str()),
            ("__metrics_path__", &path),
            ("__scheme__", "http"),
            ("__meta_component_id", cx.id()),
            ("__meta_component_name", ExporterSelf::NAME),
            ("instance", &environment.hostname),
            ("job", "integrations/self"),
        ]);
        cx.export([("targets", Value::Targets(Targets::new(vec![target])))]);
        cx.health(HealthState::Healthy, "serving metrics");
        Ok(ExporterSelf)
    }

    async fn update(&mut self, _: Arc<Arguments>) -> Result<(), ResolverError> {
        Ok(())
    }
}
