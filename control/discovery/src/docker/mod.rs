//! discovery.docker: containers of a Docker engine, a target for each of their networks and ports.
//!
//! Talks to the engine's HTTP API over TCP with the usual client, or over a unix socket.
//! Reference: docs/sources/reference/components/discovery/discovery.docker.md

mod api;
#[cfg(unix)]
mod unix;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{DockerHost, HttpClientConfig};
use eval::{Component, ResolverCx, ResolverError};
use net::{BodyLimits, Client, Request, StatusCode};
use schema::{Check, Target};

pub use api::decode;

use crate::limits::ANSWER_BYTES_MAX;
use crate::refresh::{Discoverer, Discovery, Running, check_interval, client, refresh, refused};

pub static COMPONENT: Component = Component::of::<Discoverer<Docker>>();

/// Which engine to ask, and which of its containers count.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Address of the engine: `unix://`, `tcp://`, `http://` or `https://`.
    #[arg(required)]
    host: String,
    /// Address of containers in the host's network.
    #[arg(default = "localhost")]
    host_networking_host: String,
    /// Of a container in several networks, take the first one only, by name.
    #[arg(default = true)]
    match_first_network: bool,
    /// Port of targets of containers that expose none.
    #[arg(default = 80)]
    port: i64,
    /// How often to ask.
    #[arg(default = "1m")]
    refresh_interval: Duration,
    /// Which containers count, as in `docker ps --filter`.
    #[arg(block)]
    filter: Vec<Filter>,
    /// How to ask over HTTP.
    #[arg(flatten)]
    client: HttpClientConfig,
}

/// One condition that containers must meet.
#[derive(schema::Arguments)]
pub struct Filter {
    /// What is looked at.
    #[arg(required)]
    name: String,
    /// Values of which one must fit.
    #[arg(required)]
    values: Vec<String>,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        if let Err(error) = DockerHost::parse(&self.host) {
            check.attribute("host", error);
        }
    }
}

/// The filters as the API takes them: `{"name":{"value":true}}`.
fn filters(blocks: &[Filter]) -> String {
    let mut filters: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    for filter in blocks {
        let values = filter.values.iter().map(|value| (&**value, true));
        filters.entry(&filter.name).or_default().extend(values);
    }
    serde_json::to_string(&filters).expect("texts are JSON")
}

struct Docker;

impl Discovery for Docker {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.docker";

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let mut containers = "/containers/json".to_owned();
        if !arguments.filter.is_empty() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("filters", &filters(&arguments.filter));
            containers = format!("{containers}?{}", query.finish());
        }
        let connection = Connection::new(&arguments, &cx)?;
        let interval = arguments.refresh_interval;
        Ok(refresh(cx, interval, None, async move || {
            ask(&connection, &containers, &arguments).await
        }))
    }
}

async fn ask(
    connection: &Connection,
    containers: &str,
    arguments: &Arguments,
) -> Result<Vec<Target>, String> {
    let timeout = arguments.refresh_interval;
    let of_containers = |error| format!("error while listing containers: {error}");
    let containers = connection
        .get(containers, timeout)
        .await
        .map_err(of_containers)?;
    let of_networks = |error| format!("error while computing network labels: {error}");
    let networks = connection
        .get("/networks", timeout)
        .await
        .map_err(of_networks)?;
    let found = decode(&containers, &networks).map_err(of_containers)?;
    Ok(found.targets(
        arguments.port,
        &arguments.host_networking_host,
        arguments.match_first_network,
    ))
}

/// A way to ask the engine.
enum Connection {
    Http {
        client: Client,
        url: String,
    },
    #[cfg(unix)]
    Unix {
        path: String,
        user_agent: String,
    },
}

impl Connection {
    fn new(arguments: &Arguments, cx: &ResolverCx) -> Result<Connection, ResolverError> {
        match DockerHost::parse(&arguments.host).map_err(ResolverError::new)? {
            DockerHost::Http(url) => {
                net::Target::parse(&url).map_err(refused)?;
                let client = client(&arguments.client, cx)?;
                Ok(Connection::Http { client, url })
            }
            #[cfg(unix)]
            DockerHost::Unix(path) => Ok(Connection::Unix {
                path,
                user_agent: cx.environment().user_agent.clone(),
            }),
            #[cfg(not(unix))]
            DockerHost::Unix(path) => Err(ResolverError::new(format!(
                "{path:?} cannot be reached on this system"
            ))),
        }
    }

    async fn get(&self, path: &str, timeout: Duration) -> Result<Vec<u8>, String> {
        let (status, body) = match self {
            Connection::Http { client, url } => {
                let target = net::Target::parse(&format!("{url}{path}"));
                let request = Request::get(&target.map_err(|error| error.to_string())?);
                let limits = BodyLimits::both(ANSWER_BYTES_MAX);
                let sent = client.send(&request, timeout, limits).await;
                let response = sent.map_err(|error| error.to_string())?;
                (response.head.status, response.body)
            }
            #[cfg(unix)]
            Connection::Unix {
                path: socket,
                user_agent,
            } => unix::get(socket, path, user_agent, timeout).await?,
        };
        match status {
            StatusCode::OK => Ok(body),
            status => Err(format!(
                "the engine answered {status}: {}",
                String::from_utf8_lossy(&body[..body.len().min(200)]).trim()
            )),
        }
    }
}

#[cfg(test)]
mod tests;
