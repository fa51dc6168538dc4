//! One node's copy on this shard: built, swapped in, drained, stopped.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use runtime::sync::{Notify, oneshot};
use schema::Body;

use crate::build::{Build, BuildError};
use crate::component::{Built, Leave, Update};
use crate::fanout::Slot;
use crate::guard::{self, CatchPanic, Guard};
use crate::health::{Health, HealthHandle};
use crate::limits::DRAIN_MAX;
use crate::plan::PlanNode;

/// A running instance.
pub struct Instance {
    node: RefCell<Arc<PlanNode>>,
    cx: Build,
    slots: Vec<Slot>,
    built: Built,
    running: Cell<Option<Running>>,
}

struct Running {
    stop: Rc<Notify>,
    stopped: oneshot::Receiver<()>,
}

impl Instance {
    /// Builds without touching what runs. A panic while building is an error like others.
    pub async fn build(node: &Arc<PlanNode>, cx: Build) -> Result<Instance, BuildError> {
        let result = CatchPanic::new((node.component.build)(&node.arguments, &cx)).await;
        let built = match result {
            Ok(built) => built?,
            Err(text) => {
                let text = format!("component panicked: {text}; please report this");
                return Err(BuildError::new(text));
            }
        };
        Ok(Instance {
            node: RefCell::new(node.clone()),
            cx,
            slots: Vec::new(),
            built,
            running: Cell::new(None),
        })
    }

    /// Puts this instance's ports where its neighbours look for them.
    pub fn open_ports(&mut self) {
        for (name, port) in &self.built.ports {
            let guard = Guard {
                port: port.clone(),
                cx: self.cx.clone(),
            };
            let slot = self.cx.slots().slot(&self.cx.node, name);
            slot.fill(Some(Rc::new(guard)));
            self.slots.push(slot);
        }
        self.cx.health.set(Health::Healthy, "");
    }

    /// Starts the instance's own work; `panicked` is called when it ends that way.
    pub fn start(&mut self, panicked: impl FnOnce() + 'static) {
        let Some(run) = self.built.run.take() else {
            return;
        };
        let stop = Rc::new(Notify::new());
        let (done, stopped) = oneshot::channel();
        self.running.set(Some(Running {
            stop: stop.clone(),
            stopped,
        }));
        let cx = self.cx.clone();
        runtime::spawn(async move {
            if let Some(Err(text)) = unless(stop.notified(), CatchPanic::new(run)).await {
                guard::report(&cx, &text);
                panicked();
            }
            // Nobody may wait for the end: a removal does, a panic does not.
            let _ = done.send(());
        });
    }

    pub fn node(&self) -> Arc<PlanNode> {
        self.node.borrow().clone()
    }

    pub fn health(&self) -> &HealthHandle {
        &self.cx.health
    }

    /// Takes new arguments in place, if the component can and the kind is the same.
    pub fn update(&self, node: &Arc<PlanNode>) -> Result<Update, BuildError> {
        let Some(update) = &self.built.update else {
            return Ok(Update::Rebuild);
        };
        if !std::ptr::eq(self.node.borrow().component, node.component) {
            return Ok(Update::Rebuild);
        }
        let update = update(node.arguments.clone())?;
        if matches!(update, Update::Done) {
            *self.node.borrow_mut() = node.clone();
        }
        Ok(update)
    }

    /// Finishes what was accepted, within bounds, and stops.
    pub async fn leave(&self, why: Leave) {
        if let Some(drain) = &self.built.drain
            && runtime::timeout(DRAIN_MAX, CatchPanic::new(drain(why)))
                .await
                .is_err()
        {
            let limit = stdx::format_duration(DRAIN_MAX);
            let node = &*self.cx.node;
            tracing::warn!(
                component_id = node,
                "not drained within {limit}, stopping it anyway"
            );
        }
        if let Some(Running { stop, stopped }) = self.running.take() {
            stop.notify_one();
            // An error means that the task has gone already.
            let _ = stopped.await;
        }
    }

    /// Takes the ports away. What is offered from now on is refused, retryable.
    pub fn close_ports(&self) {
        for slot in &self.slots {
            slot.fill(None);
        }
    }

    /// Closes the node's lanes and removes its metrics: no part of it may count any more.
    pub async fn forget(&self) {
        self.cx.close_lanes().await;
        self.cx.registry.remove(&[("component_id", &self.cx.node)]);
    }

    pub fn inspect(&self) -> Option<Body> {
        self.built.inspect.as_ref().map(|inspect| inspect())
    }
}

/// Runs `work` until `stop`; `None` when stopped first.
async fn unless<T>(stop: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let mut stop = pin!(stop);
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}
