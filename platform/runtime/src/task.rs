//! Tasks of a thread: spawn, abort, yield, and what a panic does.
//!
//! A task wraps its future so that all backends treat abort and panic alike: an aborted future is
//! dropped at the task's next turn; a panic is kept and ends the shard, which reports it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::backend::Backend;
use crate::current;

/// A spawned task. Dropping the handle lets the task run on.
pub struct Task {
    state: Rc<TaskState>,
}

impl Task {
    /// Ends the task: its future is dropped at its next turn, which is soon.
    pub fn abort(&self) {
        self.state.abort();
    }

    /// Whether the future has ended or was dropped.
    pub fn is_finished(&self) -> bool {
        self.state.finished.get()
    }

    /// Waits until the future has ended or was dropped.
    pub async fn join(self) {
        poll_fn(|cx| {
            if self.state.finished.get() {
                return Poll::Ready(());
            }
            self.state.joiner.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

#[derive(Default)]
pub(crate) struct TaskState {
    aborted: Cell<bool>,
    finished: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    joiner: RefCell<Option<Waker>>,
}

impl TaskState {
    fn abort(&self) {
        self.aborted.set(true);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn finish(&self) {
        self.finished.set(true);
        // The waker keeps the task's memory, the task keeps this state: break the circle.
        self.waker.take();
        let joiner = self.joiner.take();
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }
}

/// Starts `future` on this thread. It first runs when the running task has to wait. On a thread
/// without a backend of its own, its tokio runtime must be inside of a `LocalSet`.
pub fn spawn(future: impl Future<Output = ()> + 'static) -> Task {
    let state = Rc::new(TaskState::default());
    let context = current::context();
    let slot = context
        .as_ref()
        .map(|context| context.tasks.insert(state.clone()));
    let running = Running {
        state: state.clone(),
        context,
        slot,
        future: Some(future),
    };
    match running
        .context
        .as_ref()
        .map_or(Backend::Tokio, |context| context.backend)
    {
        #[cfg(target_os = "linux")]
        Backend::Monoio => drop(::monoio::spawn(running)),
        #[cfg(not(target_os = "linux"))]
        Backend::Monoio => unreachable!("monoio shards start on Linux only"),
        Backend::Tokio => drop(::tokio::task::spawn_local(running)),
        Backend::Sim => current::world().spawn(Box::pin(running)),
    }
    Task { state }
}

/// Lets the other tasks that are ready run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        wake_later(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

/// Wakes from the end of the run queue. monoio runs a task that wakes itself again at once, so the
/// wake comes from a task of its own there.
fn wake_later(waker: Waker) {
    #[cfg(target_os = "linux")]
    if current::backend() == Backend::Monoio {
        drop(::monoio::spawn(async move { waker.wake() }));
        return;
    }
    waker.wake();
}

/// The unfinished tasks of a context, and the first panic among them.
#[derive(Default)]
pub(crate) struct TaskSet {
    slots: RefCell<Vec<Option<Rc<TaskState>>>>,
    free: RefCell<Vec<usize>>,
    panic: RefCell<Option<Box<dyn Any + Send>>>,
    watcher: RefCell<Option<Waker>>,
}

impl TaskSet {
    fn insert(&self, state: Rc<TaskState>) -> usize {
        let mut slots = self.slots.borrow_mut();
        match self.free.borrow_mut().pop() {
            Some(slot) => {
                slots[slot] = Some(state);
                slot
            }
            None => {
                slots.push(Some(state));
                slots.len() - 1
            }
        }
    }

    fn remove(&self, slot: usize) {
        let removed = self.slots.borrow_mut()[slot].take();
        debug_assert!(removed.is_some(), "a task is removed once");
        self.free.borrow_mut().push(slot);
    }

    /// Unfinished tasks.
    pub(crate) fn len(&self) -> usize {
        self.slots.borrow().len() - self.free.borrow().len()
    }

    pub(crate) fn abort_all(&self) {
        let states: Vec<_> = self.slots.borrow().iter().flatten().cloned().collect();
        for state in states {
            state.abort();
        }
    }

    fn panicked(&self, payload: Box<dyn Any + Send>) {
        let mut panic = self.panic.borrow_mut();
        if panic.is_none() {
            *panic = Some(payload);
        }
        drop(panic);
        let watcher = self.watcher.take();
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }

    /// Ends with the first panic of a task.
    pub(crate) fn poll_panic(&self, cx: &mut Context<'_>) -> Poll<Box<dyn Any + Send>> {
        match self.panic.take() {
            Some(payload) => Poll::Ready(payload),
            None => {
                self.watcher.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// What a backend runs for a spawned future.
    struct Running<F> {
        state: Rc<TaskState>,
        context: Option<Rc<current::Context>>,
        slot: Option<usize>,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Running<F> {
        fn drop(this: Pin<&mut Self>) {
            if !this.state.finished.get() {
                this.finish();
            }
        }
    }
}

impl<F> Running<F> {
    fn finish(self: Pin<&mut Self>) {
        let mut this = self.project();
        // The future may own handles whose drop spawns or wakes: it goes first.
        this.future.set(None);
        if let (Some(context), Some(slot)) = (&this.context, this.slot.take()) {
            context.tasks.remove(slot);
        }
        this.state.finish();
    }
}

impl<F: Future<Output = ()>> Future for Running<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.as_mut().project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Ready(());
        };
        if this.state.aborted.get() {
            self.finish();
            return Poll::Ready(());
        }
        {
            let mut waker = this.state.waker.borrow_mut();
            match &mut *waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
        }
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let Ok(Poll::Pending) = polled else {
            self.as_mut().finish();
            if let Err(payload) = polled {
                match &self.context {
                    Some(context) => context.tasks.panicked(payload),
                    // Outside of a shard the thread's own tokio runtime deals with it.
                    None => std::panic::resume_unwind(payload),
                }
            }
            return Poll::Ready(());
        };
        Poll::Pending
    }
}
