//! The simulated backend: one thread, a seeded order of tasks, a clock that jumps to the next timer
//! when nothing can run, a disk and a network that fail as told. The same seed replays bit for bit.
//!
//! A test makes a [`Simulation`], runs the real code in it, and looks at the [`Disk`] afterwards,
//! possibly as a crash at any boundary between two disk operations would have left it.

mod disk;
mod net;
mod world;

use std::future::Future;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::LocalBoxFuture;
use crate::backend::Backend;
use crate::current::{self, Context};

pub use disk::{Disk, Fault, Image};
pub use net::Network;

pub(crate) use disk::{File, Mapping};
pub(crate) use net::{TcpListener, TcpStream};
pub(crate) use world::{Timer, World};

/// How a simulated machine behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The disk, empty or as another simulation left it.
    pub disk: Disk,
    /// How long a disk operation takes.
    pub disk_latency: Range<Duration>,
    /// How long bytes take from one end of a connection to the other.
    pub network_latency: Range<Duration>,
    /// The wall clock at the start, in milliseconds since 1970.
    pub wall_ms: i64,
    /// Simulated time after which the run stops.
    pub time_limit: Duration,
}

impl Options {
    /// A quick machine on this disk: disk 50 to 500 us, network 10 to 200 us, one simulated day.
    pub fn new(disk: Disk) -> Options {
        Options {
            disk,
            disk_latency: Duration::from_micros(50)..Duration::from_micros(500),
            network_latency: Duration::from_micros(10)..Duration::from_micros(200),
            wall_ms: 1_700_000_000_000,
            time_limit: Duration::from_secs(24 * 3600),
        }
    }
}

/// Why a run ended before its main future did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The disk reached the operation that [`Disk::crash_at`] names.
    Crashed,
    /// Every task waits and no timer runs: the code waits for something that cannot happen.
    Deadlock,
    /// [`Options::time_limit`] has passed.
    TimeLimit,
}

/// A machine to run code on.
pub struct Simulation {
    world: Rc<World>,
    seed: u64,
}

impl Simulation {
    /// A machine whose every choice follows from `seed`.
    pub fn new(seed: u64, options: Options) -> Simulation {
        Simulation {
            world: World::new(seed, options),
            seed,
        }
    }

    /// Runs the future made by `main` until it or the machine ends. Then every task is dropped
    /// where it stands. A panic in a task goes on in the caller, and the seed is printed.
    pub fn run<T: 'static>(
        self,
        main: impl FnOnce() -> LocalBoxFuture<'static, T>,
    ) -> Result<T, Stopped> {
        let context = Context::new(Backend::Sim, Some(self.world.clone()));
        let _entered = current::enter(&context);
        let _seed = Seed(self.seed);
        self.world.run(&context, main())
    }

    /// The machine's disk.
    pub fn disk(&self) -> Disk {
        self.world.disk().clone()
    }

    /// The machine's network.
    pub fn network(&self) -> Network {
        self.world.network().clone()
    }
}

/// Names the seed when a panic passes: with it the run can be replayed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in a simulation with seed {}", self.0);
        }
    }
}

/// The network of the running simulation, to break it from inside. Panics outside of one.
pub fn network() -> Network {
    current::world().network().clone()
}

/// The disk of the running simulation, to break it from inside. Panics outside of one.
pub fn disk() -> Disk {
    current::world().disk().clone()
}

/// Runs a test body on an empty simulated machine. Panics if it does not come to its end.
pub fn check<F: Future<Output = ()> + 'static>(seed: u64, body: impl FnOnce() -> F) {
    let simulation = Simulation::new(seed, Options::new(Disk::new()));
    let ended = simulation.run(|| Box::pin(body()));
    assert_eq!(ended, Ok(()), "seed {seed}");
}
