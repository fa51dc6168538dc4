//! Pods: a target for each port of each container, one for a container without ports.

use schema::Target;

use super::{Attach, NAMESPACE, add_meta, add_namespace, add_node, set, text, with};
use crate::kubernetes::objects::{Container, ContainerStatus, Pod};
use crate::kubernetes::store::Store;
use crate::labels::{self, Labels, host_port};

/// The targets of a pod by itself, as a kubelet's list is turned into.
pub fn targets(pod: &Pod) -> Vec<Target> {
    with(containers(pod), &shared(pod))
}

pub(super) fn attached_targets(pod: &Pod, attach: Attach, store: &Store) -> Vec<Target> {
    // A pod on a node that is not there is on one that the selectors leave out.
    if attach.node && store.nodes.get("", &pod.spec.node_name).is_none() {
        return Vec::new();
    }
    let mut shared = shared(pod);
    if attach.node {
        add_node(&mut shared, &pod.spec.node_name, store);
    }
    add_namespace(&mut shared, &pod.metadata.namespace, attach, store);
    with(containers(pod), &shared)
}

fn shared(pod: &Pod) -> Labels {
    let mut shared = pod_labels(pod);
    shared.insert(NAMESPACE.to_owned(), pod.metadata.namespace.clone());
    shared
}

/// What all targets of a pod bear, whatever they were found by.
pub(super) fn pod_labels(pod: &Pod) -> Labels {
    let ready = pod.status.conditions.iter();
    let ready = ready.filter(|condition| condition.r#type == "Ready");
    let ready = ready
        .map(|condition| condition.status.to_lowercase())
        .next();
    let mut labels = Labels::new();
    set(
        &mut labels,
        [
            ("pod_ip", &*pod.status.pod_ip),
            ("pod_ready", ready.as_deref().unwrap_or("unknown")),
            ("pod_phase", &pod.status.phase),
            ("pod_node_name", &pod.spec.node_name),
            ("pod_host_ip", &pod.status.host_ip),
            ("pod_uid", &pod.metadata.uid),
        ],
    );
    add_meta(&mut labels, &pod.metadata, "pod");
    if let Some(owner) = pod.metadata.controller() {
        if !owner.kind.is_empty() {
            set(&mut labels, [("pod_controller_kind", &owner.kind)]);
        }
        if !owner.name.is_empty() {
            set(&mut labels, [("pod_controller_name", &owner.name)]);
        }
    }
    labels
}

/// Containers, those that run first at the end, and whether they are such.
pub(super) fn all_containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let plain = pod
        .spec
        .containers
        .iter()
        .map(|container| (container, false));
    let first = pod.spec.init_containers.iter();
    plain.chain(first.map(|container| (container, true)))
}

fn containers(pod: &Pod) -> Vec<Labels> {
    let ip = &pod.status.pod_ip;
    let mut targets = Vec::new();
    // A pod that is starting or was evicted has no address.
    if ip.is_empty() {
        return targets;
    }
    for (container, init) in all_containers(pod) {
        let statuses = match init {
            true => &pod.status.init_container_statuses,
            false => &pod.status.container_statuses,
        };
        let own = |status: &&ContainerStatus| status.name == container.name;
        let id = statuses
            .iter()
            .find(own)
            .map(|status| &*status.container_id);
        let mut common = Labels::new();
        set(
            &mut common,
            [
                ("pod_container_name", &*container.name),
                ("pod_container_id", id.unwrap_or_default()),
                ("pod_container_image", &container.image),
                ("pod_container_init", text(init)),
            ],
        );
        if container.ports.is_empty() {
            // Whoever uses it has to add a port.
            common.extend(labels::of([("__address__", ip)]));
            targets.push(common);
            continue;
        }
        for port in &container.ports {
            let mut labels = common.clone();
            let number = port.container_port.to_string();
            labels.extend(labels::of([("__address__", &*host_port(ip, &number))]));
            set(
                &mut labels,
                [
                    ("pod_container_port_number", &*number),
                    ("pod_container_port_name", &port.name),
                    ("pod_container_port_protocol", &port.protocol),
                ],
            );
            targets.push(labels);
        }
    }
    targets
}
