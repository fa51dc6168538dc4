//! Which targets follow from which objects, one file a role. Pure.

mod endpoints;
mod ingress;
mod node;
mod pod;
mod service;

use std::collections::BTreeSet;

use schema::Target;

use super::objects::{Key, Meta, Object};
use super::store::{Changes, Kind, Store};
use crate::labels::{self, Labels, sanitize};

/// What targets are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, schema::Choice)]
pub enum Role {
    Node,
    Pod,
    Service,
    Endpoints,
    #[arg(name = "endpointslice")]
    EndpointSlice,
    Ingress,
}

pub use pod::targets as pod_targets;

/// Whose labels targets bear beside those of their own object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attach {
    pub node: bool,
    pub namespace: bool,
}

/// The targets of one object, by the object.
pub type Group = (String, Vec<Target>);

const PREFIX: &str = "__meta_kubernetes_";
const NAMESPACE: &str = "__meta_kubernetes_namespace";

/// The groups that are others since the last time; empty ones are gone.
pub fn render(role: Role, attach: Attach, store: &mut Store) -> Vec<Group> {
    let changes = store.take_changes();
    match role {
        Role::Node => groups(&store.nodes, "node", &changes.nodes, node::targets),
        Role::Pod => {
            let mut dirty = dirty_by_namespace(&store.pods, attach, &changes);
            dirty.extend(changes.pods.iter().cloned());
            if attach.node && !changes.nodes.is_empty() {
                let pods =
                    store.pods.objects.iter().filter(|(_, pod)| {
                        changes.nodes.contains(&Key::new("", &pod.spec.node_name))
                    });
                dirty.extend(pods.map(|(key, _)| key.clone()));
            }
            let targets = |pod: &_| pod::attached_targets(pod, attach, store);
            groups(&store.pods, "pod", &dirty, targets)
        }
        Role::Service => {
            let mut dirty = dirty_by_namespace(&store.services, attach, &changes);
            dirty.extend(changes.services.iter().cloned());
            let targets = |service: &_| service::targets(service, attach, store);
            groups(&store.services, "svc", &dirty, targets)
        }
        Role::Endpoints => {
            let mut dirty = std::mem::take(&mut store.endpoints.changed);
            dirty.extend(dirty_by_namespace(&store.endpoints, attach, &changes));
            dirty.extend(endpoints::referring(&store.endpoints, attach, &changes));
            let targets = |object: &_| endpoints::targets(object, attach, store);
            groups(&store.endpoints, "endpoints", &dirty, targets)
        }
        Role::EndpointSlice => {
            let mut dirty = std::mem::take(&mut store.slices.changed);
            dirty.extend(dirty_by_namespace(&store.slices, attach, &changes));
            dirty.extend(endpoints::referring_slices(&store.slices, attach, &changes));
            let targets = |object: &_| endpoints::slice_targets(object, attach, store);
            groups(&store.slices, "endpointslice", &dirty, targets)
        }
        Role::Ingress => {
            let mut dirty = std::mem::take(&mut store.ingresses.changed);
            dirty.extend(dirty_by_namespace(&store.ingresses, attach, &changes));
            let targets = |ingress: &_| ingress::targets(ingress, attach, store);
            groups(&store.ingresses, "ingress", &dirty, targets)
        }
    }
}

fn groups<T: Object>(
    kind: &Kind<T>,
    source: &str,
    keys: &BTreeSet<Key>,
    targets: impl Fn(&T) -> Vec<Target>,
) -> Vec<Group> {
    let group = |key: &Key| {
        let source = match T::NAMESPACED {
            true => format!("{source}/{}/{}", key.namespace, key.name),
            false => format!("{source}/{}", key.name),
        };
        let object = kind.objects.get(key);
        (source, object.map(&targets).unwrap_or_default())
    };
    keys.iter().map(group).collect()
}

/// Objects in namespaces that changed, if targets bear labels of those.
fn dirty_by_namespace<T: Object>(
    kind: &Kind<T>,
    attach: Attach,
    changes: &Changes,
) -> BTreeSet<Key> {
    if !attach.namespace || changes.namespaces.is_empty() {
        return BTreeSet::new();
    }
    let changed = |key: &&Key| changes.namespaces.contains(&Key::new("", &key.namespace));
    kind.objects.keys().filter(changed).cloned().collect()
}

/// Name, labels and annotations of an object.
fn add_meta(labels: &mut Labels, meta: &Meta, role: &str) {
    labels.insert(format!("{PREFIX}{role}_name"), meta.name.clone());
    add_texts(labels, meta, role);
}

/// Labels and annotations of an object.
fn add_texts(labels: &mut Labels, meta: &Meta, role: &str) {
    for (kind, map) in [("label", &meta.labels), ("annotation", &meta.annotations)] {
        for (name, value) in map {
            let name = sanitize(name);
            labels.insert(format!("{PREFIX}{role}_{kind}_{name}"), value.clone());
            let present = format!("{PREFIX}{role}_{kind}present_{name}");
            labels.insert(present, "true".to_owned());
        }
    }
}

fn add_namespace(labels: &mut Labels, namespace: &str, attach: Attach, store: &Store) {
    if attach.namespace
        && let Some(namespace) = store.namespaces.get("", namespace)
    {
        add_texts(labels, &namespace.metadata, "namespace");
    }
}

fn add_node(labels: &mut Labels, node: &str, store: &Store) {
    if let Some(node) = store.nodes.get("", node) {
        add_meta(labels, &node.metadata, "node");
    }
}

/// Sets labels by what follows the common prefix.
fn set<const N: usize>(labels: &mut Labels, pairs: [(&str, &str); N]) {
    for (name, value) in pairs {
        labels.insert(format!("{PREFIX}{name}"), value.to_owned());
    }
}

fn with(owned: Vec<Labels>, shared: &Labels) -> Vec<Target> {
    let target = |own: &Labels| labels::target(own, shared);
    owned.iter().map(target).collect()
}

fn text(value: bool) -> &'static str {
    match value {
        true => "true",
        false => "false",
    }
}

#[cfg(test)]
mod tests;
