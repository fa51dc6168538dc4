//! Panics in components are bugs of ours that must not take the shard along: they are caught at
//! batch grain. The batch is dropped and counted, the node turns unhealthy, the shard goes on, so
//! that no batch can make a crash loop.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use runtime::LocalBoxFuture;

use crate::build::Build;
use crate::flow::{Batch, Consume, Nack};
use crate::health::Health;

const PANICS: &str = "invar_component_panics_total";
const PANICS_HELP: &str = "Panics of a component that were caught; each is a bug.";

/// A port whose panics become permanent nacks.
pub struct Guard {
    pub port: Rc<dyn Consume>,
    pub cx: Build,
}

impl Consume for Guard {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let call = async { self.port.consume(batch).await };
            match CatchPanic::new(call).await {
                Ok(result) => result,
                Err(text) => {
                    report(&self.cx, &text);
                    Err(Nack::permanent("panic", text))
                }
            }
        })
    }
}

/// Counts and logs a panic that was caught, and turns the node unhealthy.
pub fn report(cx: &Build, text: &str) {
    let node = &*cx.node;
    cx.registry
        .counter(PANICS, PANICS_HELP, &[("component_id", node)])
        .inc();
    tracing::error!(
        component_id = node,
        "component panicked: {text}; please report this"
    );
    cx.health
        .set(Health::Unhealthy, format!("panicked: {text}"));
}

/// Ends with the panic's text when a poll of the future panics.
pub struct CatchPanic<'a, T> {
    /// `None` after the end, for a future that panicked must not be polled again.
    future: Option<LocalBoxFuture<'a, T>>,
}

impl<'a, T> CatchPanic<'a, T> {
    pub fn new(future: impl Future<Output = T> + 'a) -> CatchPanic<'a, T> {
        CatchPanic {
            future: Some(Box::pin(future)),
        }
    }
}

impl<T> Future for CatchPanic<'_, T> {
    type Output = Result<T, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.future.as_mut().expect("not polled after its end");
        // The component's state may be half changed after a panic; that it is dropped or rebuilt,
        // and shared parts (series table, ledgers) hold no borrow across a poll, is what makes
        // going on sound.
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let output = match poll {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(text(&*panic)),
        };
        self.future = None;
        Poll::Ready(output)
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => "no text".to_owned(),
    }
}
