//! Arguments of faro.receiver.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ops::stages::{Bucket, Buckets};
use schema::{Argument, Arguments, Bytes, Check, Port, Secret, Type, Value};

use crate::settings::address;

#[derive(Arguments)]
pub struct FaroArguments {
    /// Labels of all lines; one without a value has that of the line's field of this name.
    pub extra_log_labels: BTreeMap<String, String>,
    /// How lines are written: `logfmt` or `json`.
    #[arg(default = "logfmt", one_of("", "logfmt", "json"))]
    pub log_format: String,
    /// Where lines and traces go.
    #[arg(block, required)]
    pub output: Output,
    /// Where to listen, and to whom.
    #[arg(block)]
    pub server: ServerSettings,
    /// Where minified code comes from.
    #[arg(block)]
    pub sourcemaps: SourceMaps,
}

/// Where lines and traces go.
#[derive(Arguments)]
pub struct Output {
    /// Where lines go.
    #[arg(port = Logs)]
    pub logs: Vec<Port>,
    /// Where traces go.
    #[arg(port = Otlp)]
    pub traces: Vec<Port>,
}

/// Where to listen, and to whom.
#[derive(Arguments)]
#[arg(check = ServerSettings::check)]
pub struct ServerSettings {
    /// Address to listen on.
    #[arg(default = "127.0.0.1")]
    pub listen_address: String,
    /// Port to listen on.
    #[arg(default = 12347, min = 0, max = 65535)]
    pub listen_port: i64,
    /// Origins of pages that may send, with at most one `*` each.
    pub cors_allowed_origins: Vec<String>,
    /// What requests have to have in `x-api-key`; none is asked for if it is empty.
    #[arg(default = "")]
    pub api_key: Secret,
    /// Most bytes of a request; 0 means 100 MiB. Unpacked they may be ten times as many.
    #[arg(default = Bytes(5 << 20))]
    pub max_allowed_payload_size: Bytes,
    /// Keep the headers of requests beside their traces.
    #[arg(default = false)]
    pub include_metadata: bool,
    /// How many requests are taken.
    #[arg(block)]
    pub rate_limiting: RateLimiting,
}

impl ServerSettings {
    fn check(&self, check: &mut Check<'_>) {
        if self.address().is_none() {
            let message = format!("\"{}\" is not an IP address", self.listen_address);
            check.attribute("listen_address", message);
        }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        address(&format!("{}:{}", self.listen_address, self.listen_port))
    }
}

/// How many requests are taken, by the whole process.
#[derive(Arguments)]
pub struct RateLimiting {
    /// Limit requests.
    #[arg(default = true)]
    pub enabled: bool,
    /// What the limit is for: `global` for all together, `per_app` for each application and
    /// environment.
    #[arg(default = "global", one_of("", "global", "per_app"))]
    pub strategy: String,
    /// Requests in a second.
    #[arg(default = SharedRate::of(50.0))]
    pub rate: SharedRate,
    /// Requests that may come at once.
    #[arg(default = 100.0)]
    pub burst_size: f64,
}

/// A rate with its buckets, which all shards share: they are made where the text is read.
#[derive(Clone, Debug)]
pub struct SharedRate {
    pub per_second: f64,
    pub all: Arc<Bucket>,
    by_app: Arc<OnceLock<Buckets>>,
}

/// Limit: applications with buckets of their own, 128 KiB; past it all begin anew.
const APPS_MAX: usize = 4096;

impl SharedRate {
    fn of(per_second: f64) -> SharedRate {
        SharedRate {
            per_second,
            all: Arc::default(),
            by_app: Arc::default(),
        }
    }

    pub fn by_app(&self) -> &Buckets {
        self.by_app.get_or_init(|| Buckets::new(APPS_MAX))
    }
}

impl Argument for SharedRate {
    fn ty() -> Type {
        f64::ty()
    }

    fn from_value(value: &Value) -> Result<SharedRate, String> {
        f64::from_value(value).map(SharedRate::of)
    }

    fn to_value(&self) -> Value {
        self.per_second.to_value()
    }
}

/// Where minified code comes from. Not applied yet.
#[derive(Arguments)]
pub struct SourceMaps {
    /// Download maps from where pages have their code.
    #[arg(default = true)]
    pub download: bool,
    /// Origins to download from, with wildcards.
    #[arg(default = vec!["*".to_owned()])]
    pub download_from_origins: Vec<String>,
    /// How long a download may take.
    #[arg(default = "1s")]
    pub download_timeout: Duration,
    /// How long maps are kept.
    #[arg(block)]
    pub cache: Option<Cache>,
    /// Where maps are that are not downloaded.
    #[arg(block, name = "location")]
    pub locations: Vec<Location>,
}

/// How long maps are kept.
#[derive(Arguments)]
pub struct Cache {
    /// How often maps that are too old are looked for.
    #[arg(default = "30s")]
    pub cleanup_check_interval: Duration,
    /// How long it is known that there is no map.
    #[arg(default = "1h")]
    pub error_cleanup_interval: Duration,
    /// How long a map that nobody asks for is kept.
    #[arg(default = FOREVER)]
    pub ttl: Duration,
}

/// The longest time that Go can write down.
const FOREVER: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());

/// Where maps are that are not downloaded.
#[derive(Arguments)]
pub struct Location {
    /// What the names of minified files begin with.
    #[arg(required)]
    pub minified_path_prefix: String,
    /// Folder or address of the maps.
    #[arg(required)]
    pub path: String,
}
