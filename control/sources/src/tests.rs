//! The rig of this crate's tests: one resolver on a control thread.

use std::rc::Rc;

use eval::{Component, Environment, Instance, ResolverError};
use schema::{Attribute, Body, Span, Value, ValueSpan};

/// Runs a test on a control thread with a clock that jumps over waiting.
pub fn on_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Starts an instance as `plan` would.
pub async fn start<const N: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
    environment: Rc<Environment>,
) -> Result<Instance, ResolverError> {
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(&body(arguments), &mut errors);
    let decoded = decoded.unwrap_or_else(|| panic!("{errors:?}"));
    component
        .start("test.node", decoded, environment, Rc::new(|_| {}))
        .await
}

/// Runs a test on a control thread with sockets and a clock that goes as clocks do.
pub fn on_real_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Gives new arguments to an instance as `plan` would.
pub async fn update<const N: usize>(
    instance: &mut Instance,
    component: &'static Component,
    arguments: [(&str, Value); N],
) -> Result<(), ResolverError> {
    let decoded = (component.descriptor.decode)(&body(arguments), &mut Vec::new());
    let decoded = decoded.expect("the arguments are valid");
    instance.update(decoded).await
}

/// What is wrong with arguments.
pub fn refusals<const N: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
) -> Vec<String> {
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(&body(arguments), &mut errors);
    assert_eq!(decoded.is_none(), !errors.is_empty());
    errors.iter().map(|error| format!("{error:?}")).collect()
}

fn body<const N: usize>(arguments: [(&str, Value); N]) -> Body {
    let attribute = |(name, value): (&str, Value)| Attribute {
        name: name.to_owned(),
        value,
        span: Span::default(),
        value_span: ValueSpan::default(),
    };
    Body {
        attributes: arguments.into_iter().map(attribute).collect(),
        ..Body::default()
    }
}
