//! For tests of crates that have resolvers: one is decoded, started and updated as `plan` would.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use schema::{Block, Body, Value};

use crate::resolver::{Component, Environment, Instance, ResolverError};

/// A body of these arguments.
pub fn body<const N: usize>(arguments: [(&str, Value); N]) -> Body {
    Body::of(arguments)
}

/// A block of these arguments.
pub fn block<const N: usize>(name: &str, arguments: [(&str, Value); N]) -> Block {
    Block::new(name, body(arguments))
}

fn decode(component: &Component, body: &Body) -> Result<Arc<dyn Any + Send + Sync>, Vec<String>> {
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(body, &mut errors);
    assert_eq!(decoded.is_none(), !errors.is_empty());
    decoded.ok_or_else(|| errors.iter().map(|error| format!("{error:?}")).collect())
}

/// What is wrong with arguments.
pub fn refusals<const N: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
) -> Vec<String> {
    refusals_of(component, &body(arguments))
}

/// What is wrong with a body that has blocks.
pub fn refusals_of(component: &'static Component, body: &Body) -> Vec<String> {
    decode(component, body).err().unwrap_or_default()
}

/// Starts an instance.
pub async fn start<const N: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
    environment: Rc<Environment>,
) -> Result<Instance, ResolverError> {
    start_body(component, body(arguments), environment).await
}

/// Starts an instance of a body with blocks.
pub async fn start_body(
    component: &'static Component,
    body: Body,
    environment: Rc<Environment>,
) -> Result<Instance, ResolverError> {
    let decoded = decode(component, &body).unwrap_or_else(|errors| panic!("{errors:?}"));
    component
        .start("test.node", decoded, environment, Rc::new(|_| {}))
        .await
}

/// Gives new arguments to an instance.
pub async fn update<const N: usize>(
    instance: &mut Instance,
    component: &'static Component,
    arguments: [(&str, Value); N],
) -> Result<(), ResolverError> {
    let decoded = decode(component, &body(arguments)).unwrap_or_else(|errors| panic!("{errors:?}"));
    instance.update(decoded).await
}
