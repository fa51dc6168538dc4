//! The executor and the clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use stdx::Rng;

use super::{Disk, Network, Options, Stopped};
use crate::LocalBoxFuture;
use crate::current;
use crate::time::Instant;

type TaskId = u64;

/// The main future's place among the tasks.
const MAIN: TaskId = 0;

/// One simulated machine.
pub(crate) struct World {
    now: Cell<Instant>,
    wall_start_ns: i64,
    options: Options,
    network: Network,
    rng: RefCell<Rng>,
    tasks: RefCell<BTreeMap<TaskId, LocalBoxFuture<'static, ()>>>,
    next_task: Cell<TaskId>,
    ready: Arc<Ready>,
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next_timer: Cell<u64>,
}

/// Tasks that were woken. Wakers are Send by contract, hence the lock; nobody else ever takes it.
#[derive(Default)]
struct Ready {
    woken: Mutex<Vec<TaskId>>,
}

impl Ready {
    fn push(&self, task: TaskId) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if !woken.contains(&task) {
            woken.push(task);
        }
    }

    /// Takes one of the woken tasks by chance: order is not promised, so it is not kept.
    fn pop(&self, rng: &mut Rng) -> Option<TaskId> {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = woken.len() as u64;
        (count > 0).then(|| woken.swap_remove(rng.below(count) as usize))
    }
}

struct TaskWaker {
    task: TaskId,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.task);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.task);
    }
}

impl World {
    pub(super) fn new(seed: u64, options: Options) -> Rc<World> {
        let mut rng = Rng::new(seed);
        options.disk.seed(rng.next_u64());
        Rc::new(World {
            // Not zero: code that subtracts from the current time meets no edge that a machine
            // that has been up for a while would not show.
            now: Cell::new(Instant::ZERO + Duration::from_secs(60)),
            wall_start_ns: options.wall_ms * 1_000_000,
            network: Network::new(rng.fork(), options.network_latency.clone()),
            options,
            rng: RefCell::new(rng),
            tasks: RefCell::default(),
            next_task: Cell::new(MAIN + 1),
            ready: Arc::default(),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(crate) fn wall_ns(&self) -> i64 {
        self.wall_start_ns + self.now.get().as_nanos() as i64
    }

    pub(crate) fn random_u64(&self) -> u64 {
        self.rng.borrow_mut().next_u64()
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.options.disk
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Takes as long as a disk operation does.
    pub(super) fn disk_delay(&self) -> Timer {
        let range = &self.options.disk_latency;
        Timer::after(random_in(&mut self.rng.borrow_mut(), range))
    }

    pub(crate) fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        let id = self.next_task.get();
        self.next_task.set(id + 1);
        self.tasks.borrow_mut().insert(id, task);
        self.ready.push(id);
    }

    pub(super) fn run<T: 'static>(
        &self,
        context: &current::Context,
        mut main: LocalBoxFuture<'static, T>,
    ) -> Result<T, Stopped> {
        let started = self.now();
        self.ready.push(MAIN);
        let ended = loop {
            let next = self.ready.pop(&mut self.rng.borrow_mut());
            match next {
                Some(MAIN) => {
                    if let Poll::Ready(value) = self.poll(MAIN, main.as_mut()) {
                        break Ok(value);
                    }
                }
                Some(task) => self.step(task),
                None if !self.advance() => break Err(Stopped::Deadlock),
                None if self.now() - started > self.options.time_limit => {
                    break Err(Stopped::TimeLimit);
                }
                None => {}
            }
            let panicked = context
                .tasks
                .poll_panic(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(payload) = panicked {
                resume_unwind(payload);
            }
            if self.disk().has_crashed() {
                break Err(Stopped::Crashed);
            }
        };
        drop(main);
        // Dropping a task may spawn another.
        while let Some((_, task)) = { self.tasks.borrow_mut().pop_first() } {
            drop(task);
        }
        self.timers.take();
        ended
    }

    fn step(&self, task: TaskId) {
        // Taken out while it runs: it may spawn.
        let Some(mut future) = self.tasks.borrow_mut().remove(&task) else {
            return;
        };
        if self.poll(task, future.as_mut()).is_pending() {
            self.tasks.borrow_mut().insert(task, future);
        }
    }

    fn poll<T>(&self, task: TaskId, future: Pin<&mut dyn Future<Output = T>>) -> Poll<T> {
        let waker = Waker::from(Arc::new(TaskWaker {
            task,
            ready: self.ready.clone(),
        }));
        future.poll(&mut Context::from_waker(&waker))
    }

    /// Jumps to the next timer; false if there is none.
    fn advance(&self) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some(((deadline, _), waker)) = timers.pop_first() else {
            return false;
        };
        drop(timers);
        self.now.set(self.now().max(deadline));
        waker.wake();
        true
    }

    fn start_timer(&self, deadline: Instant, waker: &Waker) -> (Instant, u64) {
        let key = (deadline, self.next_timer.get());
        self.next_timer.set(key.1 + 1);
        self.timers.borrow_mut().insert(key, waker.clone());
        key
    }
}

pub(super) fn random_in(rng: &mut Rng, range: &std::ops::Range<Duration>) -> Duration {
    let span = range.end.saturating_sub(range.start).as_nanos() as u64;
    range.start + Duration::from_nanos(if span == 0 { 0 } else { rng.below(span) })
}

/// Waits for simulated time.
pub(crate) struct Timer {
    world: Rc<World>,
    deadline: Instant,
    key: Option<(Instant, u64)>,
}

impl Timer {
    pub(crate) fn after(duration: Duration) -> Timer {
        let world = current::world();
        Timer {
            deadline: world.now() + duration,
            world,
            key: None,
        }
    }

    pub(super) fn at(deadline: Instant) -> Timer {
        Timer {
            world: current::world(),
            deadline,
            key: None,
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key.take() {
            self.world.timers.borrow_mut().remove(&key);
        }
        if self.deadline <= self.world.now() {
            return Poll::Ready(());
        }
        let key = self.world.start_timer(self.deadline, cx.waker());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.world.timers.borrow_mut().remove(&key);
        }
    }
}
