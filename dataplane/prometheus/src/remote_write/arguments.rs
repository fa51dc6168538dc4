//! The arguments, in the reference's spelling.

use std::collections::BTreeMap;
use std::time::Duration;

use blocks::{AzureAd, GoogleIam, HttpClientConfig, RelabelRule, SigV4, refuse_reserved_headers};
use engine::outbox::QueueConfig;
use engine::{Build, Globals};
use schema::{Arguments, Attribute, Block, Body, Check, Object, Value};
use wal::LaneOptions;

/// Arguments of prometheus.remote_write.
#[derive(Arguments)]
pub struct RemoteWriteArguments {
    /// Labels to add to series that do not have them.
    pub external_labels: BTreeMap<String, String>,
    /// Where to send to.
    #[arg(block, name = "endpoint")]
    pub endpoints: Vec<Endpoint>,
    /// How long samples wait on disk.
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
    /// How long an answer may take.
    #[arg(default = Duration::from_secs(30))]
    pub remote_timeout: Duration,
    /// Headers to send with each request.
    pub headers: BTreeMap<String, String>,
    /// Send exemplars.
    #[arg(default = true)]
    pub send_exemplars: bool,
    /// Send native histograms.
    #[arg(default = false)]
    pub send_native_histograms: bool,
    /// The message to send.
    #[arg(default = V1, one_of("prometheus.WriteRequest", "io.prometheus.write.v2.Request"))]
    pub protobuf_message: String,
    /// Begin at another address of the host's name for each connection.
    #[arg(default = false)]
    pub round_robin_dns: bool,
    /// How to connect and authenticate.
    #[arg(flatten, defaults(enable_http2 = false))]
    pub client: HttpClientConfig,
    /// How requests are filled and tried again.
    #[arg(block)]
    pub queue_config: QueueConfig,
    /// How metadata is sent.
    #[arg(block)]
    pub metadata_config: MetadataConfig,
    /// Rules for what is sent to this endpoint.
    #[arg(block, name = "write_relabel_config")]
    pub write_relabel_configs: Vec<RelabelRule>,
    /// AWS Signature Version 4.
    #[arg(block)]
    pub sigv4: Option<SigV4>,
    /// Tokens of Microsoft Entra ID.
    #[arg(block)]
    pub azuread: Option<AzureAd>,
    /// Tokens of Google Cloud.
    #[arg(block)]
    pub google_iam: Option<GoogleIam>,
}

pub const V1: &str = "prometheus.WriteRequest";

/// How metadata is sent.
#[derive(Arguments, Clone, Debug, PartialEq)]
pub struct MetadataConfig {
    /// Send it at all.
    #[arg(default = true)]
    pub send: bool,
    /// How often all of it is sent.
    #[arg(default = Duration::from_secs(60))]
    pub send_interval: Duration,
    /// Most metrics in one request.
    #[arg(default = 2000, min = 1)]
    pub max_samples_per_send: u64,
}

/// How long samples wait on disk.
#[derive(Arguments, Clone, Debug, PartialEq)]
#[arg(check = WalSettings::check)]
pub struct WalSettings {
    /// How often space is freed; the log does so as soon as all endpoints have a segment.
    #[arg(default = Duration::from_secs(2 * 3600))]
    pub truncate_frequency: Duration,
    /// Shortest time that samples are kept; unsent ones are kept until max_keepalive_time anyway.
    #[arg(default = Duration::from_secs(5 * 60))]
    pub min_keepalive_time: Duration,
    /// Longest time that unsent samples are kept.
    #[arg(default = Duration::from_secs(8 * 3600))]
    pub max_keepalive_time: Duration,
}

impl Endpoint {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", error.to_string());
        }
        refuse_reserved_headers("headers", self.headers.keys(), check);
        self.check_auth(check);
        let queue = &self.queue_config;
        if queue.max_samples_per_send == 0 {
            check.block(
                "queue_config",
                0,
                "max_samples_per_send must be greater than 0",
            );
        }
        if queue.max_backoff < queue.min_backoff {
            check.block(
                "queue_config",
                0,
                "max_backoff must not be less than min_backoff",
            );
        }
        if self.metadata_config.send && self.metadata_config.send_interval.is_zero() {
            check.block(
                "metadata_config",
                0,
                "send_interval must be greater than 0s",
            );
        }
    }
}

impl Endpoint {
    /// At the second way to authenticate that the text gives: the first one alone would be fine.
    fn check_auth(&self, check: &mut Check<'_>) {
        let clouds = [
            ("sigv4", self.sigv4.is_some()),
            ("azuread", self.azuread.is_some()),
            ("google_iam", self.google_iam.is_some()),
        ];
        let before = usize::from(self.client.authenticates());
        let mut given = clouds.iter().filter(|(_, given)| *given).skip(1 - before);
        if let Some((second, _)) = given.next() {
            check.block(
                second,
                0,
                "at most one of sigv4, azuread, google_iam, basic_auth, oauth2, authorization, \
                 bearer_token & bearer_token_file must be configured",
            );
        }
    }

    /// How requests authenticate towards a cloud, if they do.
    pub fn cloud_auth(&self) -> Option<net::Auth> {
        let sigv4 = self.sigv4.as_ref().map(SigV4::auth);
        sigv4.or_else(|| self.azuread.as_ref().map(AzureAd::auth))
    }
}

impl RemoteWriteArguments {
    /// How long a batch waits for others to share its message: as long as for the sync that it
    /// waits for anyway, or less if the queue settings say so.
    pub fn delay(&self, commit_delay: Duration) -> Duration {
        let queues = self.endpoints.iter().map(|endpoint| &endpoint.queue_config);
        queues
            .map(|queue| queue.batch_send_deadline)
            .fold(commit_delay, Duration::min)
    }
}

impl WalSettings {
    fn check(&self, check: &mut Check<'_>) {
        if self.truncate_frequency.is_zero() {
            check.attribute("truncate_frequency", "must not be 0");
        }
        if self.max_keepalive_time <= self.min_keepalive_time {
            check.attribute(
                "min_keepalive_time",
                "must be smaller than max_keepalive_time",
            );
        }
    }

    /// The lane that keeps samples this long.
    pub fn options(&self, cx: &Build, destinations: Vec<String>) -> LaneOptions {
        let mut options = cx.globals.lanes.options(destinations);
        // The stage before the lane says when to commit; this bounds what a full message waits.
        options.commit_delay = super::COMMIT_DELAY_MAX;
        options.age_max = Some(self.max_keepalive_time).filter(|age| !age.is_zero());
        options
    }
}

/// The arguments as the API shows them. Compat: the reference lists the headers that identify the
/// sender among the user's (conformance case language/arguments_shown).
pub fn shown(body: &Body, globals: &Globals) -> Body {
    let mut shown = body.clone();
    for block in shown
        .blocks
        .iter_mut()
        .filter(|block| block.name == "endpoint")
    {
        show_headers(block, globals);
    }
    shown
}

fn show_headers(block: &mut Block, globals: &Globals) {
    let known = block
        .body
        .attributes
        .iter()
        .position(|attribute| attribute.name == "headers");
    let mut headers = match known.map(|at| &block.body.attributes[at].value) {
        Some(Value::Object(headers)) => (**headers).clone(),
        _ => Object::default(),
    };
    for name in AGENT_HEADERS {
        headers.insert(name, Value::string(globals.instance_id.as_str()));
    }
    let value = Value::Object(headers.into());
    match known {
        Some(at) => block.body.attributes[at].value = value,
        None => block.body.attributes.push(Attribute::new("headers", value)),
    }
}

/// Headers that tell the installation that sends.
pub const AGENT_HEADERS: [&str; 2] = ["X-Agent-Id", "X-Alloy-Id"];
