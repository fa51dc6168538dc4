//! A gate as the API shows it.

use schema::{Attribute, Block, Body, Span, Value, ValueSpan};

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
            let attributes = vec![
                attribute("name", Value::string(tenant)),
                attribute("series", Value::from(series)),
            ];
            inner.push(block("tenant", attributes, Vec::new()));
        }
    }
    for offender in offenders {
        let attributes = vec![
            attribute("metric", Value::string(offender.metric.as_str())),
            attribute("tenant", Value::string(offender.tenant.as_str())),
            attribute("refused", Value::from(offender.count)),
        ];
        inner.push(block("offender", attributes, Vec::new()));
    }
    let attributes = vec![
        attribute("series", Value::from(state.shares.series())),
        attribute("limit", Value::from(state.limits.series_max)),
        attribute("overflow_series", Value::from(state.overflow.len() as u64)),
    ];
    vec![block("series_budget", attributes, inner)]
}

fn block(name: &str, attributes: Vec<Attribute>, blocks: Vec<Block>) -> Block {
    Block {
        name: name.to_owned(),
        label: None,
        body: Body {
            attributes,
            blocks,
            span: Span::default(),
        },
        span: Span::default(),
    }
}

fn attribute(name: &str, value: Value) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value,
        span: Span::default(),
        value_span: ValueSpan::at(Span::default()),
    }
}
