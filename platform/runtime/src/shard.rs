//! Threads with a runtime: the pinned shards, and [`block_on`] for what runs on the calling thread.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::LocalBoxFuture;
use crate::backend::Backend;
use crate::current::{self, Context};

/// How a shard is started.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// Its number, from zero; part of the thread's name.
    pub index: usize,
    /// The core to pin to; `None` leaves the placing to the system.
    pub core: Option<usize>,
    /// The backend, as [`crate::probe`] chose it.
    pub backend: Backend,
}

/// The shard that the running thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from zero.
    pub index: usize,
    /// The core that it is pinned to.
    pub core: Option<usize>,
    /// The backend that it runs on.
    pub backend: Backend,
}

thread_local! {
    static SHARD: Cell<Option<Shard>> = const { Cell::new(None) };
}

/// The running shard, or nothing outside of one.
pub fn shard() -> Option<Shard> {
    SHARD.get()
}

/// A started shard, for whoever waits for its end.
#[derive(Debug)]
pub struct ShardHandle {
    index: usize,
    thread: JoinHandle<()>,
}

impl ShardHandle {
    /// Waits until the shard's main future has ended; a panic in it or in a task is the error.
    pub fn join(self) -> Result<(), ShardPanic> {
        let index = self.index;
        self.thread.join().map_err(|payload| ShardPanic {
            index,
            text: panic_text(&*payload),
        })
    }

    /// Whether the shard has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// A shard that ended by a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPanic {
    /// The shard's number.
    pub index: usize,
    /// The panic's text.
    pub text: String,
}

impl fmt::Display for ShardPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} panicked: {}", self.index, self.text)
    }
}

impl std::error::Error for ShardPanic {}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}

/// Starts a thread named `shard-N`, pinned if asked, that runs the future made by `main` and ends
/// with it. What cannot be set up (pinning, a ring) is the error, before `main` is called.
pub fn start_shard(
    config: ShardConfig,
    main: impl FnOnce() -> LocalBoxFuture<'static, ()> + Send + 'static,
) -> io::Result<ShardHandle> {
    let index = config.index;
    let (ready, started) = flume::bounded(1);
    let thread = std::thread::Builder::new()
        .name(format!("shard-{index}"))
        .spawn(move || {
            let shard = Shard {
                index,
                core: config.core,
                backend: config.backend,
            };
            SHARD.set(Some(shard));
            let prepared = pin_to(config.core).and_then(|()| Runtime::new(config.backend));
            match prepared {
                Ok(runtime) => {
                    ready
                        .send(Ok(()))
                        .expect("start_shard waits for this answer");
                    runtime.run(main);
                }
                Err(error) => ready
                    .send(Err(error))
                    .expect("start_shard waits for this answer"),
            }
        })?;
    match started.recv() {
        Ok(Ok(())) => Ok(ShardHandle { index, thread }),
        Ok(Err(error)) => Err(error),
        Err(flume::RecvError::Disconnected) => {
            let panic = ShardHandle { index, thread }
                .join()
                .expect_err("it ended unprepared");
            Err(io::Error::other(panic))
        }
    }
}

fn pin_to(core: Option<usize>) -> io::Result<()> {
    match core {
        Some(core) if !os::pin_current(core) => Err(io::Error::other(format!(
            "cannot pin to core {core}; choose allowed cores with --dataplane.cores"
        ))),
        _ => Ok(()),
    }
}

/// Runs the future made by `main` on the calling thread with `backend`, for tests and for commands
/// that need no shard. A panic in it or in a task it spawned goes on in the caller.
pub fn block_on<T: 'static>(
    backend: Backend,
    main: impl FnOnce() -> LocalBoxFuture<'static, T>,
) -> io::Result<T> {
    Ok(Runtime::new(backend)?.run(main))
}

/// A prepared runtime.
enum Runtime {
    #[cfg(target_os = "linux")]
    Monoio(crate::monoio::Runtime),
    Tokio(crate::tokio::Runtime),
}

impl Runtime {
    fn new(backend: Backend) -> io::Result<Runtime> {
        match backend {
            #[cfg(target_os = "linux")]
            Backend::Monoio => crate::monoio::Runtime::new().map(Runtime::Monoio),
            #[cfg(not(target_os = "linux"))]
            Backend::Monoio => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "monoio needs Linux",
            )),
            Backend::Tokio => crate::tokio::Runtime::new().map(Runtime::Tokio),
            Backend::Sim => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a simulation is started with sim::Simulation",
            )),
        }
    }

    fn backend(&self) -> Backend {
        match self {
            #[cfg(target_os = "linux")]
            Runtime::Monoio(_) => Backend::Monoio,
            Runtime::Tokio(_) => Backend::Tokio,
        }
    }

    fn run<T: 'static>(self, main: impl FnOnce() -> LocalBoxFuture<'static, T>) -> T {
        let context = Context::new(self.backend(), None);
        let entered = current::enter(&context);
        let guarded = guarded(context, main);
        let ended = match self {
            #[cfg(target_os = "linux")]
            Runtime::Monoio(runtime) => runtime.block_on(guarded),
            Runtime::Tokio(runtime) => runtime.block_on(guarded),
        };
        drop(entered);
        ended.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

/// Runs the main future beside the watch for panics of tasks, then ends all tasks, so that nothing
/// is left in the kernel's hands when the runtime goes away.
async fn guarded<T: 'static>(
    context: Rc<Context>,
    main: impl FnOnce() -> LocalBoxFuture<'static, T>,
) -> Result<T, Box<dyn Any + Send>> {
    let ended = match catch_unwind(AssertUnwindSafe(main)) {
        Ok(main) => until_panic(&context, main).await,
        Err(payload) => Err(payload),
    };
    drain(&context).await;
    ended
}

async fn until_panic<T>(
    context: &Context,
    main: LocalBoxFuture<'static, T>,
) -> Result<T, Box<dyn Any + Send>> {
    let mut main = pin!(main);
    poll_fn(|cx| {
        if let Poll::Ready(payload) = context.tasks.poll_panic(cx) {
            return Poll::Ready(Err(payload));
        }
        match catch_unwind(AssertUnwindSafe(|| main.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

/// Limit: how long the end of a thread waits for its tasks and for buffers that the kernel holds.
/// Disk operations are the slow ones; a disk that takes longer is stuck.
const DRAIN_MILLISECONDS_MAX: u32 = 10_000;

async fn drain(context: &Context) {
    for _ in 0..DRAIN_MILLISECONDS_MAX {
        context.tasks.abort_all();
        crate::yield_now().await;
        // The task that did this is among the aborted.
        #[cfg(target_os = "linux")]
        if let Some(Some(ring)) = context.ring.get() {
            ring.reap();
        }
        if context.tasks.len() == 0 && Rc::strong_count(&context.in_flight) == 1 {
            return;
        }
        crate::sleep(Duration::from_millis(1)).await;
    }
    tracing::warn!(
        tasks = context.tasks.len(),
        buffers = Rc::strong_count(&context.in_flight) - 1,
        "a thread ends although the kernel holds buffers of it"
    );
}
