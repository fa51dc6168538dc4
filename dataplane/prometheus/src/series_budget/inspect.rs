//! A gate as the API shows it.

use schema::{Block, Body, Value};

use super::Gate;

/// One block `series_budget`; none as long as nothing is limited and nothing was refused.
pub fn blocks(gate: &Gate) -> Vec<Block> {
    let state = gate.state.borrow();
    let offenders = state.offenders.list();
    if !state.limits.is_limited() && offenders.is_empty() {
        return Vec::new();
    }
    let mut inner = Vec::new();
    if !state.limits.tenant_label.is_empty() {
        for (tenant, series) in state.largest_tenants() {
            let body = Body::of([
                ("name", Value::string(tenant)),
                ("series", Value::from(series)),
            ]);
            inner.push(Block::new("tenant", body));
        }
    }
    for offender in offenders {
        let body = Body::of([
            ("metric", Value::string(offender.metric.as_str())),
            ("tenant", Value::string(offender.tenant.as_str())),
            ("refused", Value::from(offender.count)),
        ]);
        inner.push(Block::new("offender", body));
    }
    let mut body = Body::of([
        ("series", Value::from(state.shares.series())),
        ("limit", Value::from(state.limits.series_max)),
        ("overflow_series", Value::from(state.overflow.len() as u64)),
    ]);
    body.blocks = inner;
    vec![Block::new("series_budget", body)]
}
