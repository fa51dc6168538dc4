//! What components share that gather and send every so often: the timer, the last flush when they
//! leave, and what becomes of what nobody takes.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{
    Lazy, Metric, OtlpBatch, OtlpSignal, Resource, ResourceGroup, Scope, ScopeGroup, Text, Tree,
};
use engine::{Built, Ledger};

use crate::settings::Forward;

/// Limit: how long a flush is offered before it is dropped, at most: the next one is due.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Makes what is due.
pub trait Gather: 'static {
    fn gather(&self) -> OtlpBatch;
}

/// Flushes every so often, and when the instance leaves.
pub fn flushed<G: Gather>(
    built: Built,
    gatherer: Rc<G>,
    period: Duration,
    way: (Forward, Ledger),
) -> Built {
    let way = Rc::new(way);
    let last = (gatherer.clone(), way.clone());
    built
        .run(async move {
            loop {
                runtime::sleep(period).await;
                flush(&*gatherer, &way, period.min(PATIENCE_MAX)).await;
            }
        })
        .drain(move |_| -> Pin<Box<dyn Future<Output = ()>>> {
            let (gatherer, way) = last.clone();
            Box::pin(async move { flush(&*gatherer, &way, LAST_PATIENCE).await })
        })
}

/// Limit: as above for the last flush, within the time that the engine gives.
const LAST_PATIENCE: Duration = Duration::from_secs(4);

async fn flush(gatherer: &impl Gather, way: &(Forward, Ledger), patience: Duration) {
    let (forward, ledger) = way;
    let batch = gatherer.gather();
    let items = batch.items() as u64;
    if items == 0 {
        return;
    }
    ledger.take(items);
    match forward.deliver(batch, patience).await {
        Ok(()) => ledger.pass(items),
        Err(nack) => {
            tracing::error!(items, "what was gathered is dropped: {}", nack.message);
            ledger.drop(nack.reason, items);
        }
    }
}

/// Metrics of one resource and scope.
pub fn one_scope<'a>(
    resource: Resource<'a>,
    scope: &'static str,
    metrics: Vec<Lazy<'a, Metric<'a>>>,
) -> OtlpBatch {
    if metrics.is_empty() {
        return OtlpBatch::empty(OtlpSignal::Metrics);
    }
    let tree = Tree {
        client: None,
        resources: vec![ResourceGroup {
            resource: Lazy::new(resource),
            scopes: vec![scope_named(scope, metrics)],
            schema_url: Text::default(),
        }],
    };
    tree.encode()
}

/// A scope of this name with these metrics.
pub fn scope_named<'a>(
    name: &'static str,
    items: Vec<Lazy<'a, Metric<'a>>>,
) -> ScopeGroup<'a, Metric<'a>> {
    ScopeGroup {
        scope: Lazy::new(Scope {
            name: Text::from(name),
            ..Scope::default()
        }),
        items,
        schema_url: Text::default(),
    }
}
