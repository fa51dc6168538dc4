//! The rig of this crate's tests: one resolver on a control thread.

use std::rc::Rc;

use eval::{Component, Environment, Instance, ResolverError};
use schema::{Attribute, Body, Span, Value, ValueSpan};

/// Runs a test on a control thread.
pub fn on_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Starts an instance as `plan` would.
pub async fn start<const N: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
    environment: Rc<Environment>,
) -> Result<Instance, ResolverError> {
    let attribute = |(name, value): (&str, Value)| Attribute {
        name: name.to_owned(),
        value,
        span: Span::default(),
        value_span: ValueSpan::default(),
    };
    let body = Body {
        attributes: arguments.into_iter().map(attribute).collect(),
        ..Body::default()
    };
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(&body, &mut errors);
    let decoded = decoded.unwrap_or_else(|| panic!("{errors:?}"));
    component
        .start("test.node", decoded, environment, Rc::new(|_| {}))
        .await
}
