//! The rig of this crate's tests: one resolver on a control thread.

use std::rc::Rc;

use eval::rig::{block, body, start_body};
pub use eval::rig::{refusals, start, update};
use eval::{Component, Instance, PageAnswer, PageRequest, ResolverError};
use schema::Value;

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

/// Runs a test on a control thread with sockets and a clock that goes as clocks do.
pub fn on_real_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Starts an instance whose arguments have a block.
pub async fn start_with_block<const N: usize, const M: usize>(
    component: &'static Component,
    arguments: [(&str, Value); N],
    (name, content): (&str, [(&str, Value); M]),
) -> Result<Instance, ResolverError> {
    let mut all = body(arguments);
    all.blocks.push(block(name, content));
    start_body(component, all, Rc::default()).await
}

/// A list of texts.
pub fn texts(list: &[&str]) -> Value {
    Value::array(list.iter().map(|text| Value::from(*text)))
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
