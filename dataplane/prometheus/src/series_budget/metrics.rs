//! What a gate tells: how full it is, and a bounded list of who fills it.

use engine::Build;
use runtime::metrics::{Counter, Family, Kind, Sample, Value};

use super::offenders::KEPT;
use super::{Refusal, State};

pub struct Metrics {
    memory: Counter,
    budget: Counter,
}

impl Metrics {
    pub fn new(cx: &Build) -> Metrics {
        let counter = |refusal: Refusal| {
            cx.registry.counter(
                "invar_series_refused_total",
                "New series that were not let in, counted each time that they come.",
                &[("component_id", &*cx.node), ("reason", refusal.reason())],
            )
        };
        Metrics {
            memory: counter(Refusal::Memory),
            budget: counter(Refusal::Budget),
        }
    }

    pub fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Memory => self.memory.inc(),
            Refusal::Budget => self.budget.inc(),
        }
    }
}

const SERIES: &str = "invar_series_budget_series";
const TENANT_SERIES: &str = "invar_series_budget_tenant_series";
const OFFENDERS: &str = "invar_series_budget_offenders";

/// Adds what has labels of users; at most `KEPT` series of each.
pub fn collect(state: &State, families: &mut Vec<Family>) {
    let node = &*state.cx.node;
    let family = |name: &str, help: &str, mut samples: Vec<Sample>| {
        samples.sort_by(|left, right| left.labels.cmp(&right.labels));
        Family {
            name: name.to_owned(),
            help: help.to_owned(),
            kind: Kind::Gauge,
            samples,
        }
    };
    if state.limits.is_limited() {
        let series: u64 = state.tenants.iter().map(|tenant| tenant.series).sum();
        let samples = vec![sample(&[("component_id", node)], series)];
        let help = "Series that count against the component's series_budget.";
        families.push(family(SERIES, help, samples));
    }
    if !state.limits.tenant_label.is_empty() {
        let largest = state.largest_tenants().into_iter();
        let samples = largest
            .map(|(tenant, series)| sample(&[("component_id", node), ("tenant", tenant)], series));
        let help = "Series of the largest tenants of a series_budget.";
        families.push(family(TENANT_SERIES, help, samples.collect()));
    }
    let offenders = state.offenders.list().iter();
    let samples: Vec<Sample> = offenders
        .map(|offender| {
            let (metric, tenant) = (&*offender.metric, &*offender.tenant);
            let labels = [
                ("component_id", node),
                ("metric", metric),
                ("tenant", tenant),
            ];
            sample(&labels, offender.count)
        })
        .collect();
    if !samples.is_empty() {
        let help = "How often series over a limit came, of those that came most often.";
        families.push(family(OFFENDERS, help, samples));
    }
}

impl State {
    /// Names and series of the largest tenants, the largest first.
    pub fn largest_tenants(&self) -> Vec<(&str, u64)> {
        let of = |tenant: &super::Tenant| tenant.series;
        let mut tenants: Vec<_> = self.tenants.iter().filter(|one| 0 < of(one)).collect();
        tenants.sort_by(|left, right| of(right).cmp(&of(left)).then(left.name.cmp(&right.name)));
        let largest = tenants.into_iter().take(KEPT);
        largest.map(|one| (one.name.as_str(), of(one))).collect()
    }
}

fn sample(labels: &[(&str, &str)], value: u64) -> Sample {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sample {
        labels: labels.collect(),
        value: Value::Number(value as f64),
    }
}
