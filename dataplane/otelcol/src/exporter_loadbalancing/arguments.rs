//! Arguments of otelcol.exporter.loadbalancing.

use std::time::Duration;

use schema::{Arguments, Check};

use super::routing::RoutingKey;
use crate::exporter_otlp::GrpcSettings;
use crate::settings::{DebugMetrics, Retry, SendingQueue};

#[derive(Arguments)]
#[arg(check = LoadBalancingArguments::check)]
pub struct LoadBalancingArguments {
    /// What belongs together: `traceID` (traces and logs), `service` (all signals), `resource`,
    /// `metric` or `streamID` (metrics).
    #[arg(default = "traceID")]
    pub routing_key: String,
    /// How long one attempt may take; 0 leaves it to the protocol.
    #[arg(default = Duration::ZERO)]
    pub timeout: Duration,
    /// How backends are spoken to.
    #[arg(block, required)]
    pub protocol: Protocol,
    /// Which backends there are.
    #[arg(block, required)]
    pub resolver: Resolver,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// When a request that failed is tried again.
    #[arg(block)]
    pub retry_on_failure: Option<Retry>,
    /// How data waits.
    #[arg(block)]
    pub sending_queue: Option<SendingQueue>,
}

impl LoadBalancingArguments {
    fn check(&self, check: &mut Check<'_>) {
        if RoutingKey::named(&self.routing_key).is_none() {
            let message = format!("invalid routing key \"{}\"", self.routing_key);
            check.attribute("routing_key", message);
        }
    }
}

/// How backends are spoken to.
#[derive(Arguments)]
pub struct Protocol {
    /// OTLP over gRPC.
    #[arg(block, required)]
    pub otlp: Otlp,
}

/// OTLP over gRPC.
#[derive(Arguments)]
pub struct Otlp {
    /// How long one attempt may take.
    #[arg(default = "5s")]
    pub timeout: Duration,
    /// The client of each backend.
    #[arg(block, required)]
    pub client: GrpcSettings,
    /// How data waits, where the exporter has no `sending_queue`.
    #[arg(block)]
    pub queue: Option<SendingQueue>,
    /// When a request that failed is tried again, where the exporter has no `retry_on_failure`.
    #[arg(block)]
    pub retry: Option<Retry>,
}

/// Which backends there are: one of these.
#[derive(Arguments)]
#[arg(check = Resolver::check)]
pub struct Resolver {
    /// Instances of AWS Cloud Map.
    #[arg(block)]
    pub aws_cloud_map: Option<AwsCloudMap>,
    /// All addresses of a name.
    #[arg(block)]
    pub dns: Option<Dns>,
    /// Endpoints of a service of Kubernetes.
    #[arg(block)]
    pub kubernetes: Option<Kubernetes>,
    /// Those that are named.
    #[arg(block, name = "static")]
    pub fixed: Option<Static>,
}

impl Resolver {
    fn check(&self, check: &mut Check<'_>) {
        let given = [
            self.aws_cloud_map.is_some(),
            self.dns.is_some(),
            self.kubernetes.is_some(),
            self.fixed.is_some(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 => check.body("no resolvers specified for the exporter"),
            1 => {}
            _ => check.body("only one resolver should be specified"),
        }
    }
}

/// Those that are named.
#[derive(Arguments)]
#[arg(check = Static::check)]
pub struct Static {
    /// Hosts, with ports where they are not 4317.
    #[arg(required)]
    pub hostnames: Vec<String>,
}

impl Static {
    fn check(&self, check: &mut Check<'_>) {
        if self.hostnames.is_empty() {
            let message = "no endpoints specified for the static resolver";
            check.attribute("hostnames", message);
        }
    }
}

/// All addresses of a name.
#[derive(Arguments, Clone)]
#[arg(check = Dns::check)]
pub struct Dns {
    /// The name.
    #[arg(required)]
    pub hostname: String,
    /// How often it is asked for.
    #[arg(default = "5s")]
    pub interval: Duration,
    /// Port of all backends.
    #[arg(default = "4317")]
    pub port: String,
    /// How long the first answer is waited for.
    #[arg(default = "1s")]
    pub timeout: Duration,
}

impl Dns {
    fn check(&self, check: &mut Check<'_>) {
        if self.hostname.is_empty() {
            let message = "no hostname specified to resolve the backends";
            check.attribute("hostname", message);
        }
    }
}

/// Endpoints of a service of Kubernetes. Known, and refused when the exporter is built.
#[derive(Arguments)]
pub struct Kubernetes {
    /// The service, with its namespace behind a dot.
    #[arg(required)]
    pub service: String,
    /// Ports of each endpoint.
    #[arg(default = vec![4317_i64])]
    pub ports: Vec<i64>,
    /// Use names and not addresses.
    #[arg(default = false)]
    pub return_hostnames: bool,
    /// How long an answer may take.
    #[arg(default = "1m")]
    pub timeout: Duration,
}

/// Instances of AWS Cloud Map. Known, and refused when the exporter is built.
#[derive(Arguments)]
pub struct AwsCloudMap {
    /// Namespace of the service.
    #[arg(required)]
    pub namespace: String,
    /// Name of the service.
    #[arg(required)]
    pub service_name: String,
    /// Which instances are taken.
    #[arg(
        default = "HEALTHY",
        one_of("HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL")
    )]
    pub health_status: String,
    /// How often instances are asked for.
    #[arg(default = "30s")]
    pub interval: Duration,
    /// Account that owns the namespace.
    #[arg(default = "")]
    pub owner_account: String,
    /// Port of all instances.
    pub port: Option<i64>,
    /// How long an answer may take.
    #[arg(default = "5s")]
    pub timeout: Duration,
}
