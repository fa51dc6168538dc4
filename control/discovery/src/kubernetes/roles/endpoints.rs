//! Endpoints and endpoint slices: a target for each address and port of a service, and one for each
//! port of their pods that no service names.

use std::collections::{BTreeMap, BTreeSet};

use schema::Target;

use super::pod::{all_containers, pod_labels};
use super::service::service_labels;
use super::{Attach, NAMESPACE, PREFIX, add_meta, add_namespace, add_node, set, text, with};
use crate::kubernetes::objects::{
    Address, Endpoint, EndpointPort, EndpointSlice, Endpoints, Key, Pod, Reference, ServicePort,
};
use crate::kubernetes::store::{Changes, Kind, Store};
use crate::labels::{self, Labels, host_port, sanitize};

/// The label of a slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Endpoints that changed services, pods or nodes belong to.
pub(super) fn referring(
    kind: &Kind<Endpoints>,
    attach: Attach,
    changes: &Changes,
) -> BTreeSet<Key> {
    let mut dirty = changes.services.clone();
    if changes.pods.is_empty() && changes.nodes.is_empty() {
        return dirty;
    }
    let touched = |endpoints: &Endpoints| {
        let subsets = endpoints.subsets.iter();
        let mut addresses =
            subsets.flat_map(|set| set.addresses.iter().chain(&set.not_ready_addresses));
        addresses.any(|address| {
            is_touched(
                address.target_ref.as_ref(),
                address.node_name.as_deref(),
                attach,
                changes,
            )
        })
    };
    let objects = kind
        .objects
        .iter()
        .filter(|(_, endpoints)| touched(endpoints));
    dirty.extend(objects.map(|(key, _)| key.clone()));
    dirty
}

/// Slices that changed services, pods or nodes belong to.
pub(super) fn referring_slices(
    kind: &Kind<EndpointSlice>,
    attach: Attach,
    changes: &Changes,
) -> BTreeSet<Key> {
    if changes.services.is_empty() && changes.pods.is_empty() && changes.nodes.is_empty() {
        return BTreeSet::new();
    }
    let touched = |slice: &EndpointSlice| {
        let service = slice.metadata.labels.get(SERVICE_NAME);
        let key = service.map(|name| Key::new(&slice.metadata.namespace, name));
        key.is_some_and(|key| changes.services.contains(&key))
            || slice.endpoints.iter().any(|endpoint| {
                let node = endpoint.node_name.as_deref();
                is_touched(endpoint.target_ref.as_ref(), node, attach, changes)
            })
    };
    let objects = kind.objects.iter().filter(|(_, slice)| touched(slice));
    objects.map(|(key, _)| key.clone()).collect()
}

fn is_touched(
    reference: Option<&Reference>,
    node: Option<&str>,
    attach: Attach,
    changes: &Changes,
) -> bool {
    let node_changed = |name: &str| attach.node && changes.nodes.contains(&Key::new("", name));
    let by_reference = reference.is_some_and(|reference| match &*reference.kind {
        "Pod" => changes
            .pods
            .contains(&Key::new(&reference.namespace, &reference.name)),
        "Node" => node_changed(&reference.name),
        _ => false,
    });
    by_reference || node.is_some_and(node_changed)
}

pub(super) fn targets(endpoints: &Endpoints, attach: Attach, store: &Store) -> Vec<Target> {
    let meta = &endpoints.metadata;
    let mut shared = labels::of([(NAMESPACE, &meta.namespace)]);
    if let Some(service) = store.services.get(&meta.namespace, &meta.name) {
        shared.extend(service_labels(service));
    }
    add_meta(&mut shared, meta, "endpoints");
    add_namespace(&mut shared, &meta.namespace, attach, store);
    let mut builder = Builder::new(store);
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            for address in &subset.addresses {
                builder.add_address(address, port, "true", attach);
            }
            for address in &subset.not_ready_addresses {
                builder.add_address(address, port, "false", attach);
            }
        }
    }
    with(builder.finish(), &shared)
}

pub(super) fn slice_targets(slice: &EndpointSlice, attach: Attach, store: &Store) -> Vec<Target> {
    let meta = &slice.metadata;
    let mut shared = labels::of([(NAMESPACE, &meta.namespace)]);
    set(
        &mut shared,
        [("endpointslice_address_type", &slice.address_type)],
    );
    add_meta(&mut shared, meta, "endpointslice");
    let service = meta.labels.get(SERVICE_NAME);
    if let Some(service) = service.and_then(|name| store.services.get(&meta.namespace, name)) {
        shared.extend(service_labels(service));
    }
    add_namespace(&mut shared, &meta.namespace, attach, store);
    let mut builder = Builder::new(store);
    for endpoint in &slice.endpoints {
        for port in &slice.ports {
            for address in &endpoint.addresses {
                builder.add_endpoint(address, endpoint, port, attach);
            }
        }
    }
    with(builder.finish(), &shared)
}

/// Targets, and which ports of which pods they cover.
struct Builder<'a> {
    store: &'a Store,
    targets: Vec<Labels>,
    pods: BTreeMap<Key, (&'a Pod, Vec<i32>)>,
}

impl<'a> Builder<'a> {
    fn new(store: &'a Store) -> Builder<'a> {
        Builder {
            store,
            targets: Vec::new(),
            pods: BTreeMap::new(),
        }
    }

    fn add_address(&mut self, address: &Address, port: &ServicePort, ready: &str, attach: Attach) {
        let mut own = labels::of([("__address__", &*host_port(&address.ip, port.port))]);
        set(
            &mut own,
            [
                ("endpoint_port_name", &*port.name),
                ("endpoint_port_protocol", &port.protocol),
                ("endpoint_ready", ready),
            ],
        );
        let reference = address.target_ref.as_ref();
        if let Some(reference) = reference {
            set(
                &mut own,
                [
                    ("endpoint_address_target_kind", &reference.kind),
                    ("endpoint_address_target_name", &reference.name),
                ],
            );
        }
        if let Some(node) = &address.node_name {
            set(&mut own, [("endpoint_node_name", node)]);
        }
        if !address.hostname.is_empty() {
            set(&mut own, [("endpoint_hostname", &address.hostname)]);
        }
        if attach.node {
            let by_reference = reference.filter(|reference| reference.kind == "Node");
            let by_reference = by_reference.map(|reference| &reference.name);
            if let Some(node) = address.node_name.as_ref().or(by_reference) {
                add_node(&mut own, node, self.store);
            }
        }
        self.add(own, Some(port.port), Some(&port.protocol), reference);
    }

    fn add_endpoint(
        &mut self,
        address: &str,
        endpoint: &Endpoint,
        port: &EndpointPort,
        attach: Attach,
    ) {
        let full = match port.port {
            Some(port) => host_port(address, port),
            None => address.to_owned(),
        };
        let mut own = labels::of([("__address__", &*full)]);
        let number = port.port.map(|port| port.to_string());
        let conditions = &endpoint.conditions;
        let reference = endpoint.target_ref.as_ref();
        let given = [
            ("port_name", port.name.as_deref()),
            ("port_protocol", port.protocol.as_deref()),
            ("port", number.as_deref()),
            ("port_app_protocol", port.app_protocol.as_deref()),
            ("endpoint_conditions_ready", conditions.ready.map(text)),
            ("endpoint_conditions_serving", conditions.serving.map(text)),
            (
                "endpoint_conditions_terminating",
                conditions.terminating.map(text),
            ),
            ("endpoint_hostname", endpoint.hostname.as_deref()),
            (
                "address_target_kind",
                reference.map(|reference| &*reference.kind),
            ),
            (
                "address_target_name",
                reference.map(|reference| &*reference.name),
            ),
            ("endpoint_node_name", endpoint.node_name.as_deref()),
            ("endpoint_zone", endpoint.zone.as_deref()),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                own.insert(format!("{PREFIX}endpointslice_{name}"), value.to_owned());
            }
        }
        for (name, value) in &endpoint.deprecated_topology {
            let prefix = format!("{PREFIX}endpointslice_endpoint_topology");
            let name = sanitize(name);
            own.insert(format!("{prefix}_{name}"), value.clone());
            own.insert(format!("{prefix}_present_{name}"), "true".to_owned());
        }
        if attach.node {
            let by_reference = reference.filter(|reference| reference.kind == "Node");
            let by_reference = by_reference.map(|reference| &reference.name);
            if let Some(node) = by_reference.or(endpoint.node_name.as_ref()) {
                add_node(&mut own, node, self.store);
            }
        }
        self.add(own, port.port, None, reference);
    }

    /// Adds a target, with the labels of its pod if it has one. `protocol` stands for the one of
    /// the container's port.
    fn add(
        &mut self,
        mut own: Labels,
        port: Option<i32>,
        protocol: Option<&str>,
        reference: Option<&Reference>,
    ) {
        let reference = reference.filter(|reference| reference.kind == "Pod");
        let store = self.store;
        let pod = reference.and_then(|pod| store.pods.get(&pod.namespace, &pod.name));
        if let Some(pod) = pod {
            own.extend(pod_labels(pod));
            let entry = self.pods.entry(pod.metadata.key());
            let (_, covered) = entry.or_insert_with(|| (pod, Vec::new()));
            covered.extend(port);
            for (container, init) in all_containers(pod) {
                let mut ports = container.ports.iter();
                let Some(found) = ports.find(|found| Some(found.container_port) == port) else {
                    continue;
                };
                set(
                    &mut own,
                    [
                        ("pod_container_name", &*container.name),
                        ("pod_container_image", &container.image),
                        ("pod_container_port_name", &found.name),
                        (
                            "pod_container_port_number",
                            &found.container_port.to_string(),
                        ),
                        (
                            "pod_container_port_protocol",
                            protocol.unwrap_or(&found.protocol),
                        ),
                        ("pod_container_init", text(init)),
                    ],
                );
            }
        }
        self.targets.push(own);
    }

    /// The targets, with those of ports that no endpoint covered behind them.
    fn finish(mut self) -> Vec<Labels> {
        for (pod, covered) in self.pods.values() {
            let ip = &pod.status.pod_ip;
            // A pod that is starting or was evicted has no address.
            if ip.is_empty() {
                continue;
            }
            for (container, init) in all_containers(pod) {
                for port in &container.ports {
                    if covered.contains(&port.container_port) {
                        continue;
                    }
                    let number = port.container_port.to_string();
                    let mut own = labels::of([("__address__", &*host_port(ip, &number))]);
                    set(
                        &mut own,
                        [
                            ("pod_container_name", &*container.name),
                            ("pod_container_image", &container.image),
                            ("pod_container_port_name", &port.name),
                            ("pod_container_port_number", &number),
                            ("pod_container_port_protocol", &port.protocol),
                            ("pod_container_init", text(init)),
                        ],
                    );
                    own.extend(pod_labels(pod));
                    self.targets.push(own);
                }
            }
        }
        self.targets
    }
}
