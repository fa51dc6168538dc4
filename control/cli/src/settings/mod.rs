//! The blocks at the root of a configuration that set something up: what each takes, and what is
//! done with it.
//!
//! What this version cannot do is decoded all the same, so that a configuration is understood, and
//! said in one warning when a block asks for it.

mod http;
mod livedebugging;
pub mod logging;
mod remotecfg;
mod tracing_block;

use schema::{Descriptor, Stability};

use crate::logging::Log;

/// All of them.
pub static DESCRIPTORS: &[&Descriptor] = &[
    &logging::DESCRIPTOR,
    &http::DESCRIPTOR,
    &livedebugging::DESCRIPTOR,
    &remotecfg::DESCRIPTOR,
    &tracing_block::DESCRIPTOR,
];

/// Connects the blocks with what they set up.
pub fn settings(log: &Log, gate: &admin::Gate) -> plan::Settings {
    let (log, gate) = (log.clone(), gate.clone());
    plan::Settings::new()
        .on(logging::DESCRIPTOR.name, move |arguments| {
            logging::apply(arguments.as_deref(), &log)
        })
        .on(http::DESCRIPTOR.name, move |arguments| {
            http::apply(arguments.as_deref(), &gate)
        })
        .on(livedebugging::DESCRIPTOR.name, |arguments| {
            livedebugging::apply(arguments.as_deref())
        })
        .on(remotecfg::DESCRIPTOR.name, |arguments| {
            remotecfg::apply(arguments.as_deref())
        })
        .on(tracing_block::DESCRIPTOR.name, |arguments| {
            tracing_block::apply(arguments.as_deref())
        })
}

const fn block<A: schema::Arguments>(name: &'static str) -> Descriptor {
    Descriptor::of::<A>(name, Stability::GenerallyAvailable, &[], &[])
}
