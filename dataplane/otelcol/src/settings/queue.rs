//! sending_queue and retry_on_failure of exporters.

use std::time::Duration;

use schema::{Arguments, Check};

use super::handler::Handler;

/// How data waits. The log on disk is the queue: what is not delivered at once is in it before it
/// is acknowledged.
#[derive(Arguments, Clone)]
#[arg(check = SendingQueue::check)]
pub struct SendingQueue {
    /// Wait for room in place of refusing, when the queue is full.
    #[arg(default = false)]
    pub block_on_overflow: bool,
    /// Have a queue; without one, who sends waits until the data is delivered.
    #[arg(default = true)]
    pub enabled: bool,
    /// Most requests at the same time.
    #[arg(default = 10, min = 1)]
    pub num_consumers: i64,
    /// Taken for compatibility: how much waits is bounded by the log's size and not by a count.
    #[arg(default = 1000, min = 1)]
    pub queue_size: i64,
    /// What `queue_size` counts.
    #[arg(default = "requests", one_of("requests", "items", "bytes"))]
    pub sizer: String,
    /// Wait until the data is delivered before it is acknowledged.
    #[arg(default = false)]
    pub wait_for_result: bool,
    /// Where the queue is kept. Taken for compatibility: the log is on disk in any case.
    pub storage: Option<Handler>,
    /// Put requests together before they are sent.
    #[arg(block)]
    pub batch: Option<QueueBatch>,
}

/// How requests are put together.
#[derive(Arguments, Clone)]
pub struct QueueBatch {
    /// Longest time that data waits for more.
    #[arg(default = "200ms")]
    pub flush_timeout: Duration,
    /// Send once there is so much.
    #[arg(default = 2000)]
    pub min_size: i64,
    /// Most in one request.
    #[arg(default = 3000)]
    pub max_size: i64,
    /// What the sizes count.
    #[arg(default = "items", one_of("requests", "items", "bytes"))]
    pub sizer: String,
}

impl SendingQueue {
    fn check(&self, check: &mut Check<'_>) {
        if self.storage.as_ref().is_some_and(|it| !it.is_storage()) {
            check.attribute("storage", "this handler authenticates and does not store");
        }
    }
}

/// When a request that failed is tried again.
#[derive(Arguments, Clone)]
#[arg(check = Retry::check)]
pub struct Retry {
    /// Try again.
    #[arg(default = true)]
    pub enabled: bool,
    /// First wait.
    #[arg(default = "5s")]
    pub initial_interval: Duration,
    /// Data older than this is dropped; 0 keeps it until it is delivered, and so does the default,
    /// since what waits is on disk.
    #[arg(default = "5m")]
    pub max_elapsed_time: Duration,
    /// Longest wait.
    #[arg(default = "30s")]
    pub max_interval: Duration,
    /// Taken for compatibility: waits double.
    #[arg(default = 1.5)]
    pub multiplier: f64,
    /// Taken for compatibility: waits are shortened by up to a quarter at random.
    #[arg(default = 0.5)]
    pub randomization_factor: f64,
}

/// The default of `max_elapsed_time`, which drops nothing.
const ELAPSED_DEFAULT: Duration = Duration::from_secs(300);

impl Retry {
    fn check(&self, check: &mut Check<'_>) {
        if self.multiplier <= 1.0 {
            check.attribute("multiplier", "multiplier must be greater than 1.0");
        }
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            check.attribute(
                "randomization_factor",
                "randomization_factor must be between 0 and 1",
            );
        }
    }

    /// How old data may get; zero for any age.
    pub fn age_limit(&self) -> Duration {
        match self.max_elapsed_time {
            ELAPSED_DEFAULT => Duration::ZERO,
            limit => limit,
        }
    }
}
