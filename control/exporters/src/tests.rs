//! The rig of this crate's tests: one resolver on a control thread.

use std::rc::Rc;

use eval::{Component, Environment, Instance, PageAnswer, PageRequest, ResolverError};
use schema::{Attribute, Block, Body, Span, Value, ValueSpan};

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

/// Starts an instance whose arguments have a block.
pub async fn start_with_block<const N: usize, const M: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
    block: (&str, [(&str, Value); M]),
) -> Result<Instance, ResolverError> {
    let mut all = body(arguments);
    all.blocks.push(Block {
        name: block.0.to_owned(),
        label: None,
        body: body(block.1),
        span: Span::default(),
    });
    let mut errors = Vec::new();
    let decoded = (component.descriptor.decode)(&all, &mut errors);
    let Some(decoded) = decoded else {
        return Err(ResolverError::new(format!("{errors:?}")));
    };
    component
        .start("test.node", decoded, Rc::default(), Rc::new(|_| {}))
        .await
}

/// A list of texts.
pub fn texts(list: &[&str]) -> Value {
    Value::array(list.iter().map(|text| Value::from(*text)))
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

/// What a scrape of an instance gets.
pub async fn scrape(instance: &Instance, query: &[(&str, &str)]) -> String {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = PageRequest {
        query: query.iter().map(owned).collect(),
        ..PageRequest::default()
    };
    let answer = scrape_with(instance, request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

pub async fn scrape_with(instance: &Instance, request: PageRequest) -> PageAnswer {
    let page = instance.page().expect("the component serves a page");
    page.answer(request).await
}
