//! The flags of `run`: Alloy's, as far as the things they set exist, and those of the dataplane.
//!
//! What a flag asks for and this version does not have is refused or warned about by
//! [`RunFlags::check`], with the flag's name in the text; nothing is silently ignored that would
//! change what reaches a destination.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use runtime::IoChoice;
use schema::Stability;

#[derive(Args, Debug)]
pub struct RunFlags {
    /// The configuration: a file, or a folder whose *.alloy files are one configuration
    #[arg(value_name = "PATH")]
    pub path: PathBuf,

    #[command(flatten)]
    pub server: ServerFlags,

    /// Folder for data that outlives the process
    #[arg(
        long = "storage.path",
        value_name = "DIR",
        default_value = "data-alloy/"
    )]
    pub storage_path: PathBuf,

    /// Accepted for compatibility: nothing is ever reported
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = parse_bool, action = ArgAction::Set)]
    pub disable_reporting: bool,

    #[command(flatten)]
    pub config: ConfigFlags,

    #[command(flatten)]
    pub feature: FeatureFlags,

    #[command(flatten)]
    pub cluster: ClusterFlags,

    #[command(flatten)]
    pub dataplane: DataplaneFlags,

    /// Process priority (Windows)
    #[cfg(windows)]
    #[arg(
        long = "windows.priority",
        value_name = "PRIORITY",
        default_value = "normal"
    )]
    pub windows_priority: String,
}

#[derive(Args, Debug)]
pub struct ServerFlags {
    /// Address of the admin HTTP server
    #[arg(
        long = "server.http.listen-addr",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:12345"
    )]
    pub listen_addr: String,

    /// Address under which components reach this process from within
    #[arg(
        long = "server.http.memory-addr",
        value_name = "HOST:PORT",
        default_value = "alloy.internal:12345"
    )]
    pub memory_addr: String,

    /// Prefix of the pages and of the API behind them
    #[arg(
        long = "server.http.ui-path-prefix",
        value_name = "PATH",
        default_value = "/"
    )]
    pub ui_path_prefix: String,

    /// Accepted for compatibility: there are no profiles to serve, /debug/pprof says why
    #[arg(long = "server.http.enable-pprof", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "true", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub enable_pprof: bool,

    /// Do not give support bundles at /-/support
    #[arg(long = "server.http.disable-support-bundle", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub disable_support_bundle: bool,

    /// Not available yet
    #[arg(long = "server.http.enable-graphql", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub enable_graphql: bool,

    /// Not available yet
    #[arg(long = "server.http.enable-graphql-playground", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub enable_graphql_playground: bool,
}

/// The flags of `demo`.
#[derive(Args, Debug)]
pub struct DemoFlags {
    #[command(flatten)]
    pub server: ServerFlags,

    /// Folder for the log
    #[arg(
        long = "storage.path",
        value_name = "DIR",
        default_value = "data-invar/"
    )]
    pub storage_path: PathBuf,

    #[command(flatten)]
    pub dataplane: DataplaneFlags,
}

/// How the configuration is read; shared by `run` and `validate`.
#[derive(Args, Debug)]
pub struct ConfigFlags {
    /// Format of the configuration: alloy; others need `convert`, which is not there yet
    #[arg(long = "config.format", value_name = "FORMAT", default_value = "alloy")]
    pub format: String,

    /// Of the other formats only
    #[arg(long = "config.bypass-conversion-errors", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub bypass_conversion_errors: bool,

    /// Of the other formats only
    #[arg(long = "config.extra-args", value_name = "ARGS", default_value = "")]
    pub extra_args: String,

    /// Least stability that a component may have
    #[arg(
        long = "stability.level",
        value_name = "LEVEL",
        default_value = "generally-available"
    )]
    pub stability_level: StabilityLevel,

    /// Accepted for compatibility: there are no community components yet
    #[arg(long = "feature.community-components.enabled", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub community_components: bool,
}

#[derive(Args, Debug)]
pub struct FeatureFlags {
    /// How long a component may take to stop
    #[arg(long = "feature.component-shutdown-deadline", value_name = "DURATION",
          default_value = "10m", value_parser = stdx_duration)]
    pub component_shutdown_deadline: Duration,

    /// Accepted for compatibility: fan-out is always direct
    #[arg(long = "feature.prometheus.direct-fanout.enabled", num_args = 0..=1,
          require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = parse_bool, action = ArgAction::Set)]
    pub direct_fanout: bool,

    /// Deprecated, without effect
    #[arg(
        long = "feature.prometheus.metric-validation-scheme",
        value_name = "SCHEME",
        hide = true
    )]
    pub metric_validation_scheme: Option<String>,
}

/// Clustering is not available yet: `--cluster.enabled` is refused, the others have no effect
/// without it, as in Alloy.
#[derive(Args, Debug)]
pub struct ClusterFlags {
    /// Not available yet
    #[arg(long = "cluster.enabled", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set)]
    pub enabled: bool,
    #[arg(long = "cluster.node-name", value_name = "NAME", hide = true)]
    pub node_name: Option<String>,
    #[arg(long = "cluster.join-addresses", value_name = "LIST", hide = true)]
    pub join_addresses: Option<String>,
    #[arg(long = "cluster.discover-peers", value_name = "LIST", hide = true)]
    pub discover_peers: Option<String>,
    #[arg(long = "cluster.rejoin-interval", value_name = "DURATION", hide = true,
          value_parser = stdx_duration)]
    pub rejoin_interval: Option<Duration>,
    #[arg(
        long = "cluster.advertise-address",
        value_name = "HOST:PORT",
        hide = true
    )]
    pub advertise_address: Option<String>,
    #[arg(
        long = "cluster.advertise-interfaces",
        value_name = "LIST",
        hide = true
    )]
    pub advertise_interfaces: Option<String>,
    #[arg(long = "cluster.max-join-peers", value_name = "COUNT", hide = true)]
    pub max_join_peers: Option<u32>,
    #[arg(long = "cluster.name", value_name = "NAME", hide = true)]
    pub name: Option<String>,
    #[arg(long = "cluster.enable-tls", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = parse_bool, hide = true)]
    pub enable_tls: Option<bool>,
    #[arg(long = "cluster.tls-ca-path", value_name = "FILE", hide = true)]
    pub tls_ca_path: Option<PathBuf>,
    #[arg(long = "cluster.tls-cert-path", value_name = "FILE", hide = true)]
    pub tls_cert_path: Option<PathBuf>,
    #[arg(long = "cluster.tls-key-path", value_name = "FILE", hide = true)]
    pub tls_key_path: Option<PathBuf>,
    #[arg(long = "cluster.tls-server-name", value_name = "NAME", hide = true)]
    pub tls_server_name: Option<String>,
    #[arg(long = "cluster.wait-for-size", value_name = "COUNT", hide = true)]
    pub wait_for_size: Option<u32>,
    #[arg(long = "cluster.wait-timeout", value_name = "DURATION", hide = true,
          value_parser = stdx_duration)]
    pub wait_timeout: Option<Duration>,
    #[arg(long = "cluster.use-discovery-v1", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = parse_bool, hide = true)]
    pub use_discovery_v1: Option<bool>,
}

/// How much of the machine the dataplane takes.
#[derive(Args, Debug)]
pub struct DataplaneFlags {
    /// Driver of the shards: auto, monoio (io_uring) or tokio (polled)
    #[arg(long = "dataplane.io", value_name = "DRIVER", default_value = "auto")]
    pub io: IoChoice,

    /// Cores that shards are pinned to, such as 0-3,8; default: all that this process may use
    #[arg(long = "dataplane.cores", value_name = "LIST")]
    pub cores: Option<String>,

    /// Number of shards; default: one a core, and no more than the CPU quota has whole cores
    #[arg(long = "dataplane.shards", value_name = "COUNT")]
    pub shards: Option<String>,

    /// Memory that telemetry in flight may take, such as 512MiB; default: 80 % of the limit of
    /// the cgroup or of the machine
    #[arg(long = "dataplane.memory-limit", value_name = "SIZE")]
    pub memory_limit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StabilityLevel {
    Experimental,
    PublicPreview,
    GenerallyAvailable,
}

impl From<StabilityLevel> for Stability {
    fn from(level: StabilityLevel) -> Stability {
        match level {
            StabilityLevel::Experimental => Stability::Experimental,
            StabilityLevel::PublicPreview => Stability::PublicPreview,
            StabilityLevel::GenerallyAvailable => Stability::GenerallyAvailable,
        }
    }
}

impl RunFlags {
    /// Refuses what cannot be done; gives warnings about what has no effect.
    pub fn check(&self) -> Result<Vec<String>, String> {
        self.config.check()?;
        if self.cluster.enabled {
            return Err(
                "clustering is not available in this version, and running alone would \
                        scrape each target on every node; remove --cluster.enabled"
                    .to_owned(),
            );
        }
        if !self.server.ui_path_prefix.starts_with('/') {
            return Err(format!(
                "--server.http.ui-path-prefix {:?} does not start with a slash",
                self.server.ui_path_prefix
            ));
        }
        let without_effect = [
            (
                self.server.enable_graphql,
                "--server.http.enable-graphql: there is no GraphQL yet",
            ),
            (
                self.server.enable_graphql_playground,
                "--server.http.enable-graphql-playground: there is no GraphQL yet",
            ),
            (
                self.feature.metric_validation_scheme.is_some(),
                "--feature.prometheus.metric-validation-scheme is deprecated; set \
                 metric_name_validation_scheme of the component",
            ),
            (
                self.cluster.use_discovery_v1.is_some(),
                "--cluster.use-discovery-v1 is deprecated and without effect",
            ),
        ];
        let warned = without_effect.into_iter().filter(|(given, _)| *given);
        Ok(warned.map(|(_, text)| text.to_owned()).collect())
    }
}

impl ConfigFlags {
    pub fn check(&self) -> Result<(), String> {
        match self.format.as_str() {
            "alloy" => Ok(()),
            "otelcol" | "prometheus" | "promtail" | "static" => Err(format!(
                "--config.format={}: foreign configurations cannot be read yet; convert the file \
                 to alloy first",
                self.format
            )),
            other => Err(format!(
                "--config.format={other} is unknown; valid: alloy, otelcol, prometheus, promtail, \
                 static"
            )),
        }
    }
}

impl ServerFlags {
    /// The address to listen on. A name is resolved once; an empty host means all addresses.
    pub fn listen(&self) -> Result<SocketAddr, String> {
        let text = match self.listen_addr.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => self.listen_addr.clone(),
        };
        let bad = |why: String| {
            format!(
                "--server.http.listen-addr {:?} is no HOST:PORT: {why}",
                self.listen_addr
            )
        };
        let mut addresses = text
            .to_socket_addrs()
            .map_err(|error| bad(error.to_string()))?;
        addresses
            .next()
            .ok_or_else(|| bad("the name has no address".to_owned()))
    }
}

/// Booleans as Go's flags take them.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("valid: true, false".to_owned()),
    }
}

fn stdx_duration(text: &str) -> Result<Duration, String> {
    stdx::parse_duration(text).map_err(|error| error.to_string())
}
