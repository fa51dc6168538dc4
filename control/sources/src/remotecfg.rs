//! remotecfg: a configuration that is fetched from a management server.
//! Reference: docs/sources/reference/config-blocks/remotecfg.md

use std::collections::BTreeMap;
use std::time::Duration;

use blocks::HttpClientConfig;
use schema::{Descriptor, Stability};

pub static DESCRIPTOR: Descriptor =
    Descriptor::of::<RemoteConfig>("remotecfg", Stability::GenerallyAvailable, &[], &[]);

#[derive(schema::Arguments)]
pub struct RemoteConfig {
    /// What describes this node to the server.
    pub attributes: BTreeMap<String, String>,
    /// Identity of this node; made up when not given.
    pub id: Option<String>,
    /// Name of this node for people.
    #[arg(default = "")]
    pub name: String,
    /// How often to ask.
    #[arg(default = "1m")]
    pub poll_frequency: Duration,
    /// Address of the server; empty means none.
    #[arg(default = "")]
    pub url: String,
    /// How to ask.
    #[arg(flatten)]
    pub client: HttpClientConfig,
}

pub fn apply(arguments: Option<&RemoteConfig>) {
    if arguments.is_some_and(|arguments| !arguments.url.is_empty()) {
        tracing::warn!("remotecfg: it is not available yet, only the local configuration runs");
    }
}
