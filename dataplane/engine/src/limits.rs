//! Limits of the engine, with what happens at them.

use std::time::Duration;

/// Limit: how long a removed or replaced instance may take to finish what it accepted. After it the
/// instance is stopped; what is in a log stays there.
pub const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Limit: how long a shard may take to end, below the ten seconds that service managers and
/// container runtimes commonly grant between SIGTERM and SIGKILL.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(8);

const _: () = assert!(DRAIN_MAX.as_secs() < SHUTDOWN_MAX.as_secs());

/// First wait before a refused batch is offered again.
pub const OFFER_BACKOFF_MIN: Duration = Duration::from_millis(20);

/// Longest wait before a refused batch is offered again.
pub const OFFER_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Wait before an instance whose own work panicked is built again.
pub const REBUILD_DELAY: Duration = Duration::from_secs(1);

/// How often a shard measures the memory of the process. It makes 100 MB of series a second at
/// most, so 10 MB may come between two measurements; the budget leaves more than that.
pub const MEASURE_INTERVAL: Duration = Duration::from_millis(100);
