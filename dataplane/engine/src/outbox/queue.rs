//! The queue and retry settings of exporters.

use std::time::Duration;

use schema::Arguments;

/// How a destination is fed. The lane on disk is the queue, so that the sizes below bound requests
/// and not memory.
#[derive(Arguments, Clone, Debug, PartialEq)]
pub struct QueueConfig {
    /// Number of samples to buffer per sender; the log on disk takes what goes beyond.
    #[arg(default = 10000)]
    pub capacity: u64,
    /// Most requests at the same time, over all shards.
    #[arg(default = 50)]
    pub max_shards: u64,
    /// Fewest senders at the same time; there are as many as there is work for.
    #[arg(default = 1)]
    pub min_shards: u64,
    /// Most samples in one request.
    #[arg(default = 2000)]
    pub max_samples_per_send: u64,
    /// Longest time samples wait for others to fill a request.
    #[arg(default = "5s")]
    pub batch_send_deadline: Duration,
    /// First wait before a request is tried again; doubles with each attempt.
    #[arg(default = "30ms")]
    pub min_backoff: Duration,
    /// Longest wait before a request is tried again.
    #[arg(default = "5s")]
    pub max_backoff: Duration,
    /// Try again after the answer 429 as after 5xx.
    #[arg(default = true)]
    pub retry_on_http_429: bool,
    /// Samples older than this are dropped instead of sent; 0 keeps all.
    #[arg(default = "0s")]
    pub sample_age_limit: Duration,
}
