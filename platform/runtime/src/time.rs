//! The clock, timers and random seeds.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Add, Sub};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::backend::Backend;
use crate::current;
use crate::sim;

/// A point of the monotonic clock: nanoseconds since the process (or the simulation) started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock, no later than any other point.
    pub const ZERO: Instant = Instant(0);

    /// A point `nanoseconds` after the start.
    pub const fn from_nanos(nanoseconds: u64) -> Instant {
        Instant(nanoseconds)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since this point, zero if it lies ahead.
    pub fn elapsed(self) -> Duration {
        now() - self
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of the clock (584 years).
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanoseconds(duration)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the start of the clock.
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(nanoseconds(duration)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// The time from `earlier` to this point, zero if it lies ahead.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The point that real clocks count from.
fn epoch() -> std::time::Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(std::time::Instant::now)
}

/// The monotonic clock.
pub fn now() -> Instant {
    match current::backend() {
        Backend::Sim => current::world().now(),
        Backend::Monoio | Backend::Tokio => Instant(nanoseconds(epoch().elapsed())),
    }
}

/// The wall clock in milliseconds since 1970.
pub fn wall_ms() -> i64 {
    wall_ns().div_euclid(1_000_000)
}

/// The wall clock in nanoseconds since 1970.
pub fn wall_ns() -> i64 {
    if current::backend() == Backend::Sim {
        return current::world().wall_ns();
    }
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        // A clock before 1970 was never set; the sign keeps differences right.
        Err(error) => -i64::try_from(error.duration().as_nanos()).unwrap_or(i64::MAX),
    }
}

/// 64 random bits, from the simulation's seed there and from the system's hash keys elsewhere.
/// Not for secrets.
pub fn random_u64() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    match current::backend() {
        Backend::Sim => current::world().random_u64(),
        // Each RandomState is keyed from the system's randomness and differs from the last one.
        Backend::Monoio | Backend::Tokio => RandomState::new().hash_one(wall_ns()),
    }
}

/// Waits for `duration`. Timers tick in milliseconds and never end early.
pub fn sleep(duration: Duration) -> Sleep {
    match current::backend() {
        #[cfg(target_os = "linux")]
        Backend::Monoio => Sleep {
            inner: Inner::Monoio {
                sleep: ::monoio::time::sleep(duration),
            },
        },
        #[cfg(not(target_os = "linux"))]
        Backend::Monoio => unreachable!("monoio shards start on Linux only"),
        Backend::Tokio => Sleep {
            inner: Inner::Tokio {
                sleep: ::tokio::time::sleep(duration),
            },
        },
        Backend::Sim => Sleep {
            inner: Inner::Sim {
                sleep: sim::Timer::after(duration),
            },
        },
    }
}

/// Waits until `deadline`.
pub fn sleep_until(deadline: Instant) -> Sleep {
    sleep(deadline - now())
}

pin_project_lite::pin_project! {
    /// The future of [`sleep`].
    pub struct Sleep {
        #[pin]
        inner: Inner,
    }
}

#[cfg(target_os = "linux")]
pin_project_lite::pin_project! {
    #[project = InnerProjected]
    enum Inner {
        Monoio { #[pin] sleep: ::monoio::time::Sleep },
        Tokio { #[pin] sleep: ::tokio::time::Sleep },
        Sim { #[pin] sleep: sim::Timer },
    }
}

#[cfg(not(target_os = "linux"))]
pin_project_lite::pin_project! {
    #[project = InnerProjected]
    enum Inner {
        Tokio { #[pin] sleep: ::tokio::time::Sleep },
        Sim { #[pin] sleep: sim::Timer },
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().inner.project() {
            #[cfg(target_os = "linux")]
            InnerProjected::Monoio { sleep } => sleep.poll(cx),
            InnerProjected::Tokio { sleep } => sleep.poll(cx),
            InnerProjected::Sim { sleep } => sleep.poll(cx),
        }
    }
}

/// The time given to [`timeout`] passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for `future`, but no longer than `duration`; then it is dropped.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut deadline = pin!(sleep(duration));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => deadline.as_mut().poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}
