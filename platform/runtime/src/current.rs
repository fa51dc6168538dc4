//! The backend of the running thread.
//!
//! A shard, a simulation and [`crate::block_on`] enter a [`Context`]; everything else finds none
//! and counts as tokio.

use std::cell::RefCell;
use std::rc::Rc;

use crate::backend::Backend;
use crate::sim::World;
use crate::task::TaskSet;

/// What belongs to one running backend.
pub(crate) struct Context {
    pub(crate) backend: Backend,
    pub(crate) tasks: TaskSet,
    /// Set for [`Backend::Sim`] only.
    pub(crate) sim: Option<Rc<World>>,
    /// Cloned into each buffer that the kernel holds, so that the thread can wait for the last one
    /// before its rings go away.
    pub(crate) in_flight: Rc<()>,
    /// The ring for files; made at the first use, `None` inside when the kernel refuses one.
    #[cfg(target_os = "linux")]
    pub(crate) ring: std::cell::OnceCell<Option<Rc<crate::ring::Ring>>>,
}

impl Context {
    pub(crate) fn new(backend: Backend, sim: Option<Rc<World>>) -> Rc<Context> {
        assert_eq!(
            backend == Backend::Sim,
            sim.is_some(),
            "a simulated world, and only it, is given"
        );
        Rc::new(Context {
            backend,
            tasks: TaskSet::default(),
            sim,
            in_flight: Rc::new(()),
            #[cfg(target_os = "linux")]
            ring: std::cell::OnceCell::new(),
        })
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Context>>> = const { RefCell::new(None) };
}

/// Makes `context` the thread's own until the guard is dropped. Panics if the thread has one.
pub(crate) fn enter(context: &Rc<Context>) -> Entered {
    CURRENT.with(|current| {
        let previous = current.replace(Some(context.clone()));
        assert!(previous.is_none(), "a runtime was started inside a runtime");
    });
    Entered
}

pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        let context = CURRENT.with(RefCell::take);
        drop(context);
    }
}

/// The backend of this thread.
#[inline]
pub fn backend() -> Backend {
    CURRENT.with(|current| {
        current
            .borrow()
            .as_ref()
            .map_or(Backend::Tokio, |context| context.backend)
    })
}

/// The context of this thread, if it entered one.
pub(crate) fn context() -> Option<Rc<Context>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// The simulated world of this thread. Panics outside of a simulation.
pub(crate) fn world() -> Rc<World> {
    context()
        .and_then(|context| context.sim.clone())
        .expect("this type lives inside a simulation")
}
