//! prometheus.exporter.unix: metrics of the machine, as node_exporter shows them.
//!
//! Flow: scrape -> each collector, which reads files of `/proc` and `/sys` -> families -> page.
//!
//! Nothing is gathered between scrapes. Collectors run one after the other on a thread for blocking
//! calls; one that fails leaves its families out and tells so in `node_scrape_collector_success`.
//! On other systems than Linux no collector works yet: each tells that it has not succeeded.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.unix.md

pub mod arguments;
mod collectors;
mod cpu;
mod disk;
mod environment;
mod filesystem;
mod hardware;
mod host;
mod hwmon;
mod kernel;
mod memory;
mod network;
mod power;
mod storage;
#[cfg(test)]
mod tests;
mod textfile;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eval::{Component, Page, ResolverCx, ResolverError};

use self::arguments::Arguments;
use self::collectors::Collector;
use self::host::{Failure, Host};
use crate::exporter::{Exporter, Exporting, Gather, Gathered};
use crate::families::Families;

pub static COMPONENT: Component = Component::of::<Exporting<Unix>>();

struct Unix {
    machine: Arc<Machine>,
}

/// What is gathered, and from where.
struct Machine {
    host: Host,
    collectors: Vec<&'static Collector>,
    scrapes: AtomicU64,
}

impl Exporter for Unix {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.unix";
    const JOB: &'static str = "unix";

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Unix, ResolverError> {
        let filters = arguments.filters().map_err(ResolverError::new)?;
        let collectors = arguments.collectors();
        for collector in collectors
            .iter()
            .filter(|it| it.collect.is_none() && !it.default)
        {
            tracing::warn!(
                component = cx.id(),
                collector = collector.name,
                "the collector is not available and gives no metrics"
            );
        }
        let host = Host {
            proc: PathBuf::from(&arguments.procfs_path),
            sys: PathBuf::from(&arguments.sysfs_path),
            root: PathBuf::from(&arguments.rootfs_path),
            udev: PathBuf::from(&arguments.udev_data_path),
            arguments,
            filters,
            stuck: Arc::default(),
        };
        let machine = Machine {
            host,
            collectors,
            scrapes: AtomicU64::new(0),
        };
        let machine = Arc::new(machine);
        Ok(Unix { machine })
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        Some(Arc::new(Gathered(self.machine.clone())))
    }

    fn instance(_: &Arguments, cx: &ResolverCx) -> String {
        cx.environment().hostname.clone()
    }
}

impl Gather for Machine {
    fn gather(&self) -> Families {
        let mut out = Families::new();
        for collector in &self.collectors {
            let began = Instant::now();
            let outcome = match collector.collect {
                Some(collect) => collect(&self.host, &mut out),
                None => Err(Failure::NoData),
            };
            if let Err(error) = &outcome {
                tracing::debug!(collector = collector.name, err = %error, "nothing collected");
            }
            let labels = [("collector", collector.name)];
            let help = "node_exporter: Duration of a collector scrape.";
            let seconds = began.elapsed().as_secs_f64();
            out.gauge(
                "node_scrape_collector_duration_seconds",
                help,
                &labels,
                seconds,
            );
            let help = "node_exporter: Whether a collector succeeded.";
            let success = f64::from(u8::from(outcome.is_ok()));
            out.gauge("node_scrape_collector_success", help, &labels, success);
        }
        let labels = [
            ("goarch", std::env::consts::ARCH),
            ("goos", std::env::consts::OS),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let help = "A metric with a constant '1' value labeled by version, goos and goarch from \
                    which node_exporter was built.";
        out.gauge("node_exporter_build_info", help, &labels, 1.0);
        if self.host.arguments.include_exporter_metrics {
            let count = self.scrapes.fetch_add(1, Ordering::Relaxed);
            let help = "Total number of scrapes by HTTP status code.";
            let name = "promhttp_metric_handler_requests_total";
            out.counter(name, help, &[("code", "200")], count as f64);
            let help = "Current number of scrapes being served.";
            out.gauge("promhttp_metric_handler_requests_in_flight", help, &[], 1.0);
        }
        out
    }
}
