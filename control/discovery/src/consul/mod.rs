//! discovery.consul: instances of services in Consul.
//!
//! Each watch is a blocking query: the server answers when something changed or two minutes went
//! by. The catalogue is watched for names of services, unless all of them are given; each service
//! is watched for its instances. Watches follow one another no sooner than `refresh_interval`.
//! Reference: docs/sources/reference/components/discovery/discovery.consul.md

mod api;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{ClientContext, HttpClientConfig};
use eval::{Component, ResolverCx, ResolverError};
use net::{Auth, Client, SecretSource};
use schema::{Check, MetricDecl, MetricKind, Secret};

pub use api::{datacenter, instances, services};

use crate::refresh::{Discoverer, Discovery, Groups, Running, check_interval, refused};

pub static COMPONENT: Component = Component::of::<Discoverer<Consul>>();

/// Which server to ask, and for which services.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Let any server answer, not only the leader.
    #[arg(default = true)]
    allow_stale: bool,
    /// Datacenter to ask about; the server's own when empty.
    datacenter: String,
    /// Namespace to ask about.
    namespace: String,
    /// Metadata that nodes must have.
    node_meta: BTreeMap<String, String>,
    /// Admin partition to ask about.
    partition: String,
    /// Password for basic authentication.
    #[arg(deprecated = "use basic_auth")]
    password: Secret,
    /// How long a watch rests before the next.
    #[arg(default = "30s")]
    refresh_interval: Duration,
    /// Scheme of the server's address.
    #[arg(default = "http")]
    scheme: String,
    /// Host and port of the server.
    #[arg(default = "localhost:8500")]
    server: String,
    /// Services to find; all when empty.
    services: Vec<String>,
    /// Stands between tags, and around the list of them.
    #[arg(default = ",")]
    tag_separator: String,
    /// Tags that an instance must have, all of them.
    tags: Vec<String>,
    /// Secret token of Consul's own access control.
    token: Secret,
    /// User name for basic authentication.
    #[arg(deprecated = "use basic_auth")]
    username: String,
    /// How to ask.
    #[arg(flatten)]
    client: HttpClientConfig,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        if let Err(error) = net::Target::parse(&self.url()) {
            check.attribute("server", error.to_string());
        }
        let own = !self.username.is_empty() || !self.password.is_empty();
        if own && self.client.basic_auth.is_some() {
            let message = "at most one of consul SD configuration username and password and basic \
                           auth can be configured";
            check.block("basic_auth", 0, message);
        }
        let others = self.client.authorization.is_some() || self.client.oauth2.is_some();
        if !self.token.is_empty() && others {
            let message =
                "at most one of consul SD token, authorization, or oauth2 can be configured";
            check.attribute("token", message);
        }
    }

    /// Scheme, host and port.
    fn url(&self) -> String {
        match self.server.contains("://") {
            true => self.server.trim_end_matches('/').to_owned(),
            false => format!("{}://{}", self.scheme, self.server.trim_end_matches('/')),
        }
    }

    fn client(&self, cx: &ResolverCx) -> Result<Client, ResolverError> {
        let mut options = self.client.options(&ClientContext {
            user_agent: &cx.environment().user_agent,
            overrides: &[],
        });
        if !self.username.is_empty() || !self.password.is_empty() {
            options.auth = basic(&self.username, &self.password);
        }
        Client::new(options).map_err(refused)
    }
}

fn basic(username: &str, password: &Secret) -> Auth {
    Auth::Basic {
        username: username.to_owned(),
        password: Some(SecretSource::Inline(net::Secret::new(password.expose()))),
    }
}

const FAILURES: &str = "prometheus_sd_consul_rpc_failures_total";

struct Consul;

impl Discovery for Consul {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.consul";
    const METRICS: &'static [MetricDecl] = &[MetricDecl {
        name: FAILURES,
        kind: MetricKind::Counter,
        help: "The number of Consul RPC call failures.",
    }];

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let client = arguments.client(&cx)?;
        let groups = Groups::new(cx);
        Ok(Running::spawn(async move {
            tokio::join!(
                watch::run(client, arguments, groups.clone()),
                groups.export()
            );
        }))
    }
}

#[cfg(test)]
mod tests;
