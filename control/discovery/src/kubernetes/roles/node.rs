//! Nodes: one target each, its kubelet.

use std::collections::BTreeMap;

use schema::Target;

use super::{PREFIX, add_meta, set, with};
use crate::kubernetes::objects::Node;
use crate::labels::{self, Labels, host_port, sanitize};

/// Types of addresses, the best first.
const ADDRESSES: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

pub(super) fn targets(node: &Node) -> Vec<Target> {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for address in &node.status.addresses {
        // Of several of one type the first counts.
        addresses.entry(&address.r#type).or_insert(&address.address);
    }
    let Some(host) = ADDRESSES.iter().find_map(|kind| addresses.get(kind)) else {
        return Vec::new();
    };
    let port = node.status.daemon_endpoints.kubelet_endpoint.port;
    let mut own = labels::of([
        ("__address__", &*host_port(host, port)),
        ("instance", &node.metadata.name),
    ]);
    for (kind, address) in addresses {
        let name = format!("{PREFIX}node_address_{}", sanitize(kind));
        own.insert(name, address.to_owned());
    }
    let mut shared = Labels::new();
    set(&mut shared, [("node_provider_id", &node.spec.provider_id)]);
    for condition in &node.status.conditions {
        let name = sanitize(&condition.r#type.to_lowercase());
        let name = format!("{PREFIX}node_condition_{name}");
        shared.insert(name, condition.status.to_lowercase());
    }
    add_meta(&mut shared, &node.metadata, "node");
    with(vec![own], &shared)
}
