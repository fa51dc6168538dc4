//! What the engine answers, and the targets that follow from it. Pure.

use std::collections::BTreeMap;

use schema::Target;
use serde::Deserialize;

use crate::labels::{self, Labels, host_port, sanitize};

/// Containers and networks of one turn.
pub struct Found {
    containers: Vec<Container>,
    networks: Vec<Network>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    #[serde(deserialize_with = "nullable")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    names: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    image: String,
    #[serde(rename = "ImageID", deserialize_with = "nullable")]
    image_id: String,
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<Port>,
    #[serde(deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    network_settings: NetworkSettings,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(deserialize_with = "nullable")]
    networks: BTreeMap<String, Option<Endpoint>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Endpoint {
    #[serde(rename = "NetworkID")]
    network_id: String,
    #[serde(rename = "IPAddress")]
    ip_address: String,
    #[serde(rename = "GlobalIPv6Address")]
    global_ipv6_address: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    #[serde(rename = "IP")]
    ip: String,
    private_port: u16,
    public_port: u16,
    r#type: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Network {
    #[serde(rename = "Id")]
    id: String,
    name: String,
    scope: String,
    internal: bool,
    ingress: bool,
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
}

/// Go writes an empty list or map as null.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The answers to `/containers/json` and `/networks`.
pub fn decode(containers: &[u8], networks: &[u8]) -> Result<Found, String> {
    let containers = serde_json::from_slice(containers);
    let networks = serde_json::from_slice(networks);
    Ok(Found {
        containers: containers.map_err(|error| format!("no list of containers: {error}"))?,
        networks: networks.map_err(|error| format!("no list of networks: {error}"))?,
    })
}

impl Found {
    /// A target for each TCP port in each network of each container; one with `port` where there is
    /// no such port.
    pub fn targets(&self, port: i64, host: &str, first_network: bool) -> Vec<Target> {
        let networks = self.networks.iter();
        let networks: BTreeMap<&str, Labels> = networks
            .map(|network| (&*network.id, network.labels()))
            .collect();
        let mut targets = Vec::new();
        for container in &self.containers {
            let Some(common) = container.labels() else {
                continue;
            };
            for endpoint in self.endpoints(container, first_network) {
                let mut shared = common.clone();
                if let Some(network) = networks.get(&*endpoint.network_id) {
                    shared.extend(network.clone());
                }
                let fallback = match container.host_config.network_mode == "host" {
                    true => host.to_owned(),
                    false => host_port(endpoint.ip(), port),
                };
                for own in container.addresses(endpoint, fallback) {
                    targets.push(labels::target(&own, &shared));
                }
            }
        }
        targets
    }

    /// The networks of a container, or those of the one whose network it shares.
    fn endpoints<'a>(&'a self, container: &'a Container, first: bool) -> Vec<&'a Endpoint> {
        let mut current = container;
        // Each step leads to another container: more steps than containers are a circle.
        for _ in 0..self.containers.len() {
            if !current.network_settings.networks.is_empty() {
                break;
            }
            let mode = &current.host_config.network_mode;
            let Some(shared) = mode.strip_prefix("container:") else {
                break;
            };
            match self.containers.iter().find(|other| other.id == shared) {
                Some(other) => current = other,
                None => break,
            }
        }
        let endpoints = current.network_settings.networks.values().flatten();
        match first {
            true => endpoints.take(1).collect(),
            false => endpoints.collect(),
        }
    }
}

impl Container {
    /// What all targets of the container bear; none for one without a name, which is being made.
    fn labels(&self) -> Option<Labels> {
        let mut labels = labels::of([
            ("__meta_docker_container_id", &self.id),
            ("__meta_docker_container_name", self.names.first()?),
            (
                "__meta_docker_container_network_mode",
                &self.host_config.network_mode,
            ),
        ]);
        for (name, value) in [("image", &self.image), ("image_id", &self.image_id)] {
            if !value.is_empty() {
                labels.insert(format!("__meta_docker_container_{name}"), value.clone());
            }
        }
        for (name, value) in &self.labels {
            let name = format!("__meta_docker_container_label_{}", sanitize(name));
            labels.insert(name, value.clone());
        }
        Some(labels)
    }

    /// The labels of each port in a network.
    fn addresses(&self, endpoint: &Endpoint, fallback: String) -> Vec<Labels> {
        let ip = endpoint.ip();
        let ports = self.ports.iter().filter(|port| port.r#type == "tcp");
        let mut addresses: Vec<Labels> = ports
            .map(|port| {
                let private = port.private_port.to_string();
                let mut labels = labels::of([
                    ("__address__", &*host_port(ip, &private)),
                    ("__meta_docker_network_ip", ip),
                    ("__meta_docker_port_private", &private),
                ]);
                if 0 < port.public_port {
                    let public = port.public_port.to_string();
                    labels.insert("__meta_docker_port_public".to_owned(), public);
                    labels.insert("__meta_docker_port_public_ip".to_owned(), port.ip.clone());
                }
                labels
            })
            .collect();
        if addresses.is_empty() {
            addresses.push(labels::of([
                ("__address__", &*fallback),
                ("__meta_docker_network_ip", ip),
            ]));
        }
        addresses
    }
}

impl Endpoint {
    fn ip(&self) -> &str {
        match self.ip_address.is_empty() {
            true => &self.global_ipv6_address,
            false => &self.ip_address,
        }
    }
}

impl Network {
    fn labels(&self) -> Labels {
        let mut labels = labels::of([
            ("__meta_docker_network_id", &*self.id),
            ("__meta_docker_network_name", &self.name),
            ("__meta_docker_network_scope", &self.scope),
            ("__meta_docker_network_internal", text(self.internal)),
            ("__meta_docker_network_ingress", text(self.ingress)),
        ]);
        for (name, value) in &self.labels {
            let name = format!("__meta_docker_network_label_{}", sanitize(name));
            labels.insert(name, value.clone());
        }
        labels
    }
}

fn text(value: bool) -> &'static str {
    match value {
        true => "true",
        false => "false",
    }
}
