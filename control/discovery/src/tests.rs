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
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(&body(arguments), &mut errors);
    let decoded = decoded.unwrap_or_else(|| panic!("{errors:?}"));
    component
        .start("test.node", decoded, environment, Rc::new(|_| {}))
        .await
}

/// Runs a test on a control thread with a clock that jumps over waiting.
pub fn on_paused_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
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

/// What an instance exports as its targets.
pub fn targets(instance: &Instance) -> schema::Targets {
    match instance.exports() {
        Value::Object(exports) => match exports.get("targets") {
            Some(Value::Targets(targets)) => targets.clone(),
            other => panic!("{other:?} are no targets"),
        },
        other => panic!("{other:?} are no exports"),
    }
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

/// Waits until `done`, at most 20 seconds.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let result = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
    assert!(result.is_ok(), "{what} did not come");
}
