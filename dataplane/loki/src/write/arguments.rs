//! The arguments, in the reference's spelling.

use std::collections::BTreeMap;
use std::time::Duration;

use blocks::HttpClientConfig;
use engine::Globals;
use schema::{Arguments, Body, Bytes, Check, Value};

/// Arguments of loki.write.
#[derive(Arguments)]
#[arg(check = WriteArguments::check)]
pub struct WriteArguments {
    /// Labels to add to streams that do not have them.
    pub external_labels: BTreeMap<String, String>,
    /// Most streams in one request; 0 sets no limit. Entries of more are dropped.
    #[arg(default = 0)]
    pub max_streams: i64,
    /// Where to send to.
    #[arg(block, name = "endpoint")]
    pub endpoints: Vec<Endpoint>,
    /// Taken for compatibility: entries are always in the log before they are acknowledged.
    #[arg(block)]
    pub wal: WalSettings,
}

/// One place to send to.
#[derive(Arguments, Clone)]
#[arg(check = Endpoint::check)]
pub struct Endpoint {
    /// URL to post to.
    #[arg(required)]
    pub url: String,
    /// Name in metrics and logs; made from the URL unless set.
    pub name: String,
    /// Longest time that entries wait for others to fill a request, where nobody waits for an
    /// answer.
    #[arg(default = Duration::from_secs(1))]
    pub batch_wait: Duration,
    /// Most bytes of lines and structured metadata in one request.
    #[arg(default = Bytes(1 << 20))]
    pub batch_size: Bytes,
    /// How long an answer may take.
    #[arg(default = Duration::from_secs(10))]
    pub remote_timeout: Duration,
    /// Headers to send with each request.
    pub headers: BTreeMap<String, String>,
    /// First wait before a request is tried again; doubles with each attempt.
    #[arg(default = Duration::from_millis(500))]
    pub min_backoff_period: Duration,
    /// Longest wait before a request is tried again.
    #[arg(default = Duration::from_secs(300))]
    pub max_backoff_period: Duration,
    /// Attempts before a request is dropped; 0 tries for as long as the log keeps it.
    #[arg(default = 0)]
    pub max_backoff_retries: i64,
    /// Tenant of entries that do not name their own.
    pub tenant_id: String,
    /// Try again after the answer 429 as after 5xx.
    #[arg(default = true)]
    pub retry_on_http_429: bool,
    /// How to connect and authenticate.
    #[arg(flatten)]
    pub client: HttpClientConfig,
    /// How requests are sent.
    #[arg(block)]
    pub queue_config: QueueConfig,
}

/// How requests are sent. The log on disk is the queue.
#[derive(Arguments, Clone)]
pub struct QueueConfig {
    /// Taken for compatibility: the log on disk takes what is not sent yet.
    #[arg(default = Bytes(10 << 20))]
    pub capacity: Bytes,
    /// Fewest requests at the same time; there are more when streams allow it.
    #[arg(default = 1)]
    pub min_shards: i64,
    /// Taken for compatibility: what is not sent when the program ends stays in the log.
    #[arg(default = Duration::from_secs(15))]
    pub drain_timeout: Duration,
    /// Taken for compatibility: a full log holds back who sends, nothing is dropped.
    #[arg(default = true)]
    pub block_on_overflow: bool,
}

/// Taken for compatibility: entries are always in the log before they are acknowledged.
#[derive(Arguments, Clone)]
#[arg(check = WalSettings::check)]
pub struct WalSettings {
    /// Whether a log is kept; it always is.
    #[arg(default = false)]
    pub enabled: bool,
    /// How long a sent part of the log is kept; it is freed as soon as all endpoints have it.
    #[arg(default = Duration::from_secs(3600))]
    pub max_segment_age: Duration,
    /// Shortest time between two looks at the log; a sender is told of what is new.
    #[arg(default = Duration::from_millis(250))]
    pub min_read_frequency: Duration,
    /// Longest time between two looks at the log.
    #[arg(default = Duration::from_secs(1))]
    pub max_read_frequency: Duration,
    /// How long the log is read on when the program ends; what is left is sent after its start.
    #[arg(default = Duration::from_secs(15))]
    pub drain_timeout: Duration,
}

impl WriteArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.endpoints.is_empty() {
            check.body("at least one endpoint block must be given");
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let earlier = &self.endpoints[..index];
            let same = |other: &Endpoint| other.name == endpoint.name;
            if !endpoint.name.is_empty() && earlier.iter().any(same) {
                let message = format!("another endpoint is named \"{}\", too", endpoint.name);
                check.block("endpoint", index, message);
            }
        }
    }

    /// How long a batch without haste may wait.
    pub fn patience(&self) -> Duration {
        let waits = self.endpoints.iter().map(|endpoint| endpoint.batch_wait);
        waits.min().unwrap_or_default()
    }
}

impl Endpoint {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", error.to_string());
        }
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        blocks::refuse_invalid_headers("headers", headers, check);
    }
}

impl WalSettings {
    fn check(&self, check: &mut Check<'_>) {
        if self.max_read_frequency <= self.min_read_frequency {
            check.body("min_read_frequency must be lower than max_read_frequency");
        }
    }
}

/// Headers that tell the installation that sends.
pub const AGENT_HEADERS: [&str; 2] = ["X-Agent-Id", "X-Alloy-Id"];

/// The arguments as the API shows them. Compat: the reference lists the headers that identify the
/// sender among the user's, if there are any.
pub fn shown(body: &Body, globals: &Globals) -> Body {
    let mut shown = body.clone();
    let endpoints = shown
        .blocks
        .iter_mut()
        .filter(|block| block.name == "endpoint");
    for endpoint in endpoints {
        let attributes = endpoint.body.attributes.iter_mut();
        for attribute in attributes.filter(|attribute| attribute.name == "headers") {
            let Value::Object(headers) = &attribute.value else {
                continue;
            };
            let mut headers = (**headers).clone();
            for name in AGENT_HEADERS {
                headers.insert(name, Value::string(globals.instance_id.as_str()));
            }
            attribute.value = Value::Object(headers.into());
        }
    }
    shown
}
