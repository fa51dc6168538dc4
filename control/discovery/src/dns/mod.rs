//! discovery.dns: targets from DNS records.
//!
//! Asks the servers of `/etc/resolv.conf` itself, since the system's resolver gives addresses only.
//! A name that cannot be looked up keeps its last targets; one that does not exist has none.
//! Reference: docs/sources/reference/components/discovery/discovery.dns.md

mod lookup;
mod message;
mod resolv_conf;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eval::{Component, ResolverCx, ResolverError};
use schema::{Check, MetricDecl, MetricKind, Target};

pub use lookup::lookup;
pub use message::{Message, Record, RecordType, decode};
pub use resolv_conf::ResolvConf;

use crate::labels::{self, host_port};
use crate::refresh::{Discoverer, Discovery, Running, check_interval, refresh};

pub static COMPONENT: Component = Component::of::<Discoverer<Dns>>();

/// Which names to look up, and how often.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Names to look up.
    #[arg(required)]
    names: Vec<String>,
    /// Port of the targets, for records that name none: all but SRV.
    #[arg(default = 0)]
    port: i64,
    /// How often to look up.
    #[arg(default = "30s")]
    refresh_interval: Duration,
    /// Type of the records: A, AAAA, MX, NS or SRV.
    #[arg(default = "SRV", name = "type")]
    record_type: String,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        match RecordType::from_name(&self.record_type) {
            None => {
                let message = format!("invalid DNS-SD records type {}", self.record_type);
                check.attribute("type", message);
            }
            Some(RecordType::Srv) => {}
            Some(_) if self.port == 0 => {
                check.body("a port is required in DNS-SD configs for all record types except SRV")
            }
            Some(_) => {}
        }
    }
}

const LOOKUPS: &str = "prometheus_sd_dns_lookups_total";
const FAILURES: &str = "prometheus_sd_dns_lookup_failures_total";

struct Dns;

impl Discovery for Dns {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.dns";
    const METRICS: &'static [MetricDecl] = &[
        MetricDecl {
            name: LOOKUPS,
            kind: MetricKind::Counter,
            help: "The number of DNS-SD lookups.",
        },
        MetricDecl {
            name: FAILURES,
            kind: MetricKind::Counter,
            help: "The number of DNS-SD lookup failures.",
        },
    ];

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        Ok(run(arguments, cx, ResolvConf::read))
    }
}

/// Looks up with the servers that `servers` gives, which is asked each time: they change while a
/// laptop travels.
fn run(
    arguments: Arc<Arguments>,
    cx: ResolverCx,
    servers: impl Fn() -> Result<ResolvConf, String> + 'static,
) -> Running {
    let record_type = RecordType::from_name(&arguments.record_type);
    let record_type = record_type.expect("the check knows the type");
    let mut known: BTreeMap<String, Vec<Target>> = BTreeMap::new();
    let turns = cx.clone();
    refresh(turns, arguments.refresh_interval, None, async move || {
        let servers = servers();
        let mut failed = Vec::new();
        for name in &arguments.names {
            cx.add(LOOKUPS, 1.0);
            let found = match &servers {
                Ok(servers) => lookup(name, record_type, servers).await,
                Err(error) => Err(error.clone()),
            };
            match found {
                Ok(records) => {
                    let targets = records
                        .iter()
                        .filter_map(|record| target(name, record, record_type, arguments.port));
                    known.insert(name.clone(), targets.collect());
                }
                Err(error) => {
                    cx.add(FAILURES, 1.0);
                    failed.push(error);
                }
            }
        }
        let targets = known.values().flatten().cloned().collect();
        if !failed.is_empty() {
            tracing::error!(
                component_id = cx.id(),
                err = failed.join("; "),
                "error refreshing DNS targets"
            );
        }
        Ok(targets)
    })
}

/// The target of a record; none for what a server adds that was not asked for, such as the aliases
/// on the way to an address.
fn target(name: &str, record: &Record, asked: RecordType, port: i64) -> Option<Target> {
    let mut labels = labels::of([
        ("__meta_dns_name", name),
        ("__meta_dns_srv_record_target", ""),
        ("__meta_dns_srv_record_port", ""),
        ("__meta_dns_mx_record_target", ""),
        ("__meta_dns_ns_record_target", ""),
    ]);
    let mut set = |name: &str, value: String| {
        labels.insert(name.to_owned(), value);
    };
    let address = match record {
        Record::A(ip) if asked == RecordType::A => host_port(&ip.to_string(), port),
        Record::Aaaa(ip) if asked == RecordType::Aaaa => host_port(&ip.to_string(), port),
        Record::Srv { target, port } if asked == RecordType::Srv => {
            set("__meta_dns_srv_record_target", target.clone());
            set("__meta_dns_srv_record_port", port.to_string());
            host_port(target.trim_end_matches('.'), port)
        }
        Record::Mx(host) if asked == RecordType::Mx => {
            set("__meta_dns_mx_record_target", host.clone());
            host_port(host.trim_end_matches('.'), port)
        }
        Record::Ns(host) if asked == RecordType::Ns => {
            set("__meta_dns_ns_record_target", host.clone());
            host_port(host.trim_end_matches('.'), port)
        }
        _ => return None,
    };
    set("__address__", address);
    Some(Target::new(labels))
}

#[cfg(test)]
mod tests;
