//! What Consul's HTTP API answers, and the targets that follow from it. Pure.

use std::collections::BTreeMap;

use schema::Target;
use serde::Deserialize;

use crate::labels::{self, host_port, sanitize};

/// Names of services with their tags: the answer to `/v1/catalog/services`.
pub type Services = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Agent {
    config: AgentConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AgentConfig {
    datacenter: String,
}

/// One instance of a service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
    #[serde(default, deserialize_with = "nullable")]
    checks: Vec<Check>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    node: String,
    address: String,
    #[serde(deserialize_with = "nullable")]
    meta: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    tagged_addresses: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    address: String,
    port: i64,
    namespace: String,
    partition: String,
    #[serde(deserialize_with = "nullable")]
    tags: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    meta: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    status: String,
}

/// Go writes an empty list or map as null.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The datacenter that an agent says it is in: the answer to `/v1/agent/self`.
pub fn datacenter(body: &[u8]) -> Result<String, String> {
    let agent: Agent = serde_json::from_slice(body)
        .map_err(|error| format!("invalid value for Config.Datacenter: {error}"))?;
    Ok(agent.config.datacenter)
}

pub fn services(body: &[u8]) -> Result<Services, String> {
    let services: BTreeMap<String, Option<Vec<String>>> =
        serde_json::from_slice(body).map_err(|error| format!("no list of services: {error}"))?;
    let tags = |(name, tags): (String, Option<Vec<String>>)| (name, tags.unwrap_or_default());
    Ok(services.into_iter().map(tags).collect())
}

/// A target for each instance in the answer to `/v1/health/service/NAME`.
pub fn instances(
    body: &[u8],
    service: &str,
    datacenter: &str,
    separator: &str,
) -> Result<Vec<Target>, String> {
    let entries: Option<Vec<Entry>> =
        serde_json::from_slice(body).map_err(|error| format!("no list of instances: {error}"))?;
    let shared = labels::of([
        ("__meta_consul_service", service),
        ("__meta_consul_dc", datacenter),
    ]);
    let entries = entries.unwrap_or_default().into_iter();
    let targets = entries.map(|entry| labels::target(&entry.labels(separator), &shared));
    Ok(targets.collect())
}

impl Entry {
    fn labels(&self, separator: &str) -> labels::Labels {
        let Entry { node, service, .. } = self;
        // A service may be registered by another node than the one that it runs on.
        let host = match service.address.is_empty() {
            true => &node.address,
            false => &service.address,
        };
        // The list stands between separators too, so that expressions need not know the place of a
        // tag in it.
        let tags = format!("{separator}{}{separator}", service.tags.join(separator));
        let mut labels = labels::of([
            ("__address__", &*host_port(host, service.port)),
            ("__meta_consul_address", &node.address),
            ("__meta_consul_node", &node.node),
            ("__meta_consul_namespace", &service.namespace),
            ("__meta_consul_partition", &service.partition),
            ("__meta_consul_tags", &tags),
            ("__meta_consul_service_address", &service.address),
            ("__meta_consul_service_port", &service.port.to_string()),
            ("__meta_consul_service_id", &service.id),
            ("__meta_consul_health", health(&self.checks)),
        ]);
        for (prefix, map) in [
            ("metadata", &node.meta),
            ("service_metadata", &service.meta),
            ("tagged_address", &node.tagged_addresses),
        ] {
            for (name, value) in map {
                let name = format!("__meta_consul_{prefix}_{}", sanitize(name));
                labels.insert(name, value.clone());
            }
        }
        labels
    }
}

/// The worst of the checks, as Consul's own client sums them up.
fn health(checks: &[Check]) -> &'static str {
    let mut worst = 0;
    for check in checks {
        let maintenance = check.id == "_node_maintenance";
        let maintenance = maintenance || check.id.starts_with("_service_maintenance:");
        let status = match &*check.status {
            _ if maintenance => 3,
            "critical" => 2,
            "warning" => 1,
            "passing" => 0,
            _ => return "",
        };
        worst = worst.max(status);
    }
    ["passing", "warning", "critical", "maintenance"][worst]
}
