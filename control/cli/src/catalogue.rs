//! The composition root: all families and blocks that this binary knows.

use std::rc::Rc;

use admin::settings::tracing_block::{self, Tracers};
use admin::settings::{http, livedebugging};
use admin::{Gate, LiveDebugging, TlsSwitch};
use engine::Command;
use plan::{Catalogue, Kind, Settings};
use schema::Descriptor;
use sources::remotecfg;

use crate::log_block;
use crate::logging::Log;

/// Blocks at the root of a configuration that set something up.
static SETTINGS: &[&Descriptor] = &[
    &http::DESCRIPTOR,
    &livedebugging::DESCRIPTOR,
    &log_block::DESCRIPTOR,
    &remotecfg::DESCRIPTOR,
    &tracing_block::DESCRIPTOR,
];

pub fn catalogue() -> Catalogue {
    let families = [
        prometheus::COMPONENTS,
        loki::COMPONENTS,
        otelcol::COMPONENTS,
    ];
    let data = families.into_iter().flatten();
    let data = data.map(|component| Kind::Data(component));
    let resolvers = discovery::COMPONENTS.iter().chain(sources::COMPONENTS);
    let resolvers = resolvers.chain(exporters::COMPONENTS);
    let resolvers = resolvers.map(|component| Kind::Resolver(component));
    let settings = SETTINGS.iter().map(|descriptor| Kind::Setting(descriptor));
    let imports = sources::IMPORTS.iter().map(|import| Kind::Import(import));
    Catalogue::new(data.chain(resolvers).chain(imports).chain(settings))
}

/// What root blocks set.
#[derive(Clone)]
pub struct Switches {
    pub log: Log,
    pub gate: Gate,
    pub tls: TlsSwitch,
    pub live: LiveDebugging,
    pub tracers: Rc<Tracers>,
    /// For what blocks have to tell shards.
    pub shards: Vec<flume::Sender<Command>>,
}

/// Connects the blocks with what they set up.
pub fn settings(switches: &Switches) -> Settings {
    let Switches {
        log,
        gate,
        tls,
        live,
        tracers,
        shards,
    } = switches.clone();
    Settings::new()
        .on(http::DESCRIPTOR.name, move |block| {
            http::apply(block.as_deref(), &gate, &tls)
        })
        .on(livedebugging::DESCRIPTOR.name, move |block| {
            livedebugging::apply(block.as_deref(), &live)
        })
        .on(log_block::DESCRIPTOR.name, move |block| {
            log_block::apply(block.as_deref(), &log, &shards)
        })
        .on(remotecfg::DESCRIPTOR.name, |block| {
            remotecfg::apply(block.as_deref())
        })
        .on(tracing_block::DESCRIPTOR.name, move |block| {
            tracing_block::apply(block.as_deref(), &tracers)
        })
}
