//! prometheus.exporter.blackbox: probes endpoints when it is scraped.
//!
//! Flow: scrape with a target and a module -> task of this component -> prober -> page.
//!
//! Probes are tasks beside each other on the control thread; none of them blocks it. A module with
//! a setting that is not built in is taken, so that a configuration with many runs, and told: its
//! probes are answered with an error.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.blackbox.md

pub mod certificate;
pub mod dns;
mod grpc;
mod http;
mod icmp;
pub mod modules;
mod resolve;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eval::{Component, Page, PageAnswer, PageRequest, ResolverCx, ResolverError};
use schema::{Check, OptionalSecret, Target};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use self::modules::{Module, Modules, Prober};
use crate::exporter::{BaseTarget, Exporter, Exporting, page};
use crate::families::Families;
use crate::file;
use crate::limits::PROBES_MAX;

pub static COMPONENT: Component = Component::of::<Exporting<Blackbox>>();

/// What to probe, and how.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// YAML file with modules.
    pub config_file: String,
    /// Modules as YAML.
    pub config: OptionalSecret,
    /// How much earlier than the scrape a probe ends.
    #[arg(default = "0.5s")]
    pub probe_timeout_offset: Duration,
    /// Targets as a list: `name`, `address` or `__address__`, `module`; other labels are kept.
    pub targets: Vec<BTreeMap<String, String>>,
    /// A target.
    #[arg(block, name = "target")]
    pub target: Vec<ProbeTarget>,
}

/// Something to probe.
#[derive(schema::Arguments)]
pub struct ProbeTarget {
    /// Where it is.
    #[arg(required)]
    pub address: String,
    /// Becomes a part of the label `job`.
    #[arg(required)]
    pub name: String,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// The module; `http_2xx` if empty.
    pub module: String,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        match (self.config_file.is_empty(), self.config.expose().is_empty()) {
            (false, false) => check.body("config and config_file are mutually exclusive"),
            (true, true) => check.body("config or config_file must be set"),
            _ => {}
        }
        if let Err(error) = Modules::parse(self.config.expose()) {
            check.attribute(
                "config",
                format!("invalid blackbox_exporter config: {error}"),
            );
        }
        if !self.target.is_empty() && !self.targets.is_empty() {
            check.body("the block target and the attribute targets are mutually exclusive");
        }
        for (index, target) in self.targets.iter().enumerate() {
            if !target.contains_key("name") {
                check.element("targets", index, "all targets must have a name");
            }
            if address(target).is_none() {
                let message = "all targets must have an address or an __address__ label";
                check.element("targets", index, message);
            }
        }
    }

    fn modules(&self) -> Result<Modules, String> {
        if self.config_file.is_empty() {
            return Modules::parse(self.config.expose());
        }
        let path = &self.config_file;
        let text = file::read(Path::new(path));
        let text = text.map_err(|error| format!("cannot read \"{path}\": {error}"))?;
        Modules::parse(&text).map_err(|error| format!("config file \"{path}\": {error}"))
    }
}

fn address(target: &BTreeMap<String, String>) -> Option<&String> {
    target.get("address").or_else(|| target.get("__address__"))
}

struct Blackbox {
    desk: Arc<Desk>,
    /// Answers what comes in at the desk.
    task: AbortHandle,
}

/// Where scrapes hand in what they want; probes belong to the control thread.
struct Desk(mpsc::Sender<Asked>);

struct Asked {
    request: PageRequest,
    reply: oneshot::Sender<PageAnswer>,
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Exporter for Blackbox {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.blackbox";
    const JOB: &'static str = "blackbox";

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Blackbox, ResolverError> {
        let modules = arguments.modules().map_err(ResolverError::new)?;
        for (name, module) in &modules.0 {
            if let Prober::Unavailable(prober) = &module.prober {
                tracing::warn!(
                    component = cx.id(),
                    module = name,
                    prober,
                    "the prober is not available; its probes are answered with an error"
                );
            }
        }
        let (desk, mut asked) = mpsc::channel::<Asked>(PROBES_MAX);
        let modules = Rc::new(modules);
        let offset = arguments.probe_timeout_offset;
        let task = tokio::task::spawn_local(async move {
            while let Some(Asked { request, reply }) = asked.recv().await {
                let modules = modules.clone();
                tokio::task::spawn_local(async move {
                    let answer = answer(&modules, &request, offset).await;
                    // The scrape may have given up.
                    drop(reply.send(answer));
                });
            }
        });
        Ok(Blackbox {
            desk: Arc::new(Desk(desk)),
            task: task.abort_handle(),
        })
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        Some(self.desk.clone())
    }

    fn targets(arguments: &Arguments, base: BaseTarget) -> Vec<Target> {
        let target = |name: &str, at: &str, module: &str, labels: &BTreeMap<String, String>| {
            // What leads to this component counts over labels of users.
            let mut further = base.only_new(labels);
            further.push(("job", base.job(name)));
            further.push(("__param_target", at.to_owned()));
            if !module.is_empty() {
                further.push(("__param_module", module.to_owned()));
            }
            base.target(further.iter().map(|(name, value)| (*name, value.as_str())))
        };
        let empty = String::new();
        let blocks = arguments.target.iter();
        let blocks = blocks.map(|it| target(&it.name, &it.address, &it.module, &it.labels));
        let list = arguments.targets.iter().map(|it| {
            let mut labels = it.clone();
            labels.retain(|name, _| {
                !matches!(name.as_str(), "name" | "address" | "__address__" | "module")
            });
            let field = |name: &str| it.get(name).unwrap_or(&empty);
            let at = address(it).unwrap_or(&empty);
            target(field("name"), at, field("module"), &labels)
        });
        blocks.chain(list).collect()
    }
}

impl Page for Desk {
    fn answer(&self, request: PageRequest) -> Pin<Box<dyn Future<Output = PageAnswer> + Send>> {
        let desk = self.0.clone();
        Box::pin(async move {
            let (reply, answered) = oneshot::channel();
            let sent = desk.send(Asked { request, reply }).await;
            match (sent, answered.await) {
                (Ok(()), Ok(answer)) => answer,
                _ => PageAnswer::refused(503, "the component has ended"),
            }
        })
    }
}

async fn answer(modules: &Modules, request: &PageRequest, offset: Duration) -> PageAnswer {
    let name = request.parameter("module").filter(|it| !it.is_empty());
    let name = name.unwrap_or("http_2xx");
    let Some(module) = modules.0.get(name) else {
        return PageAnswer::refused(400, format!("Unknown module \"{name}\""));
    };
    let Some(timeout) = timeout(module, request, offset) else {
        return PageAnswer::refused(500, "Failed to parse timeout from Prometheus header");
    };
    let Some(target) = request.parameter("target").filter(|it| !it.is_empty()) else {
        return PageAnswer::refused(400, "Target parameter is missing");
    };
    let mut out = Families::new();
    let began = Instant::now();
    let probe = async {
        match &module.prober {
            Prober::Http(prober) => Ok(http::probe(target, prober, timeout, &mut out).await),
            Prober::Tcp(prober) => Ok(tcp::probe(target, prober, timeout, &mut out).await),
            Prober::Icmp(prober) => Ok(icmp::probe(target, prober, timeout, &mut out).await),
            Prober::Dns(prober) => Ok(dns::probe(target, prober, timeout, &mut out).await),
            Prober::Grpc(prober) => Ok(grpc::probe(target, prober, timeout, &mut out).await),
            Prober::Unavailable(prober) => Err(format!("Unknown prober \"{prober}\"")),
        }
    };
    let success = match probe.await {
        Ok(success) => success,
        Err(error) => return PageAnswer::refused(400, error),
    };
    let help = "Returns how long the probe took to complete in seconds";
    let seconds = began.elapsed().as_secs_f64();
    out.gauge("probe_duration_seconds", help, &[], seconds);
    let help = "Displays whether or not the probe was a success";
    let success = f64::from(u8::from(success));
    out.gauge("probe_success", help, &[], success);
    page(out.finish())
}

/// How long a probe may take: less than the scrape, and no more than its module says.
fn timeout(module: &Module, request: &PageRequest, offset: Duration) -> Option<Duration> {
    let scrape = match request.timeout_seconds.as_str() {
        "" => 120.0,
        text => text.parse::<f64>().ok()?,
    };
    let scrape = if scrape == 0.0 { 120.0 } else { scrape };
    let (most, own) = (scrape - offset.as_secs_f64(), module.timeout.as_secs_f64());
    let seconds = if own < most && own > 0.0 || most < 0.0 {
        own
    } else {
        most
    };
    Duration::try_from_secs_f64(seconds).ok()
}
