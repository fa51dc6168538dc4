//! What is known of a cluster, and what of it changed since targets were last made of it.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{
    EndpointSlice, Endpoints, Ingress, Key, Namespace, Node, Object, Pod, Service,
};

/// The objects of one kind.
pub struct Kind<T> {
    pub objects: BTreeMap<Key, T>,
    /// Keys of objects that came, changed or went.
    pub changed: BTreeSet<Key>,
}

impl<T> Default for Kind<T> {
    fn default() -> Kind<T> {
        Kind {
            objects: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }
}

impl<T: Object> Kind<T> {
    pub fn put(&mut self, object: T) {
        let key = object.meta().key();
        if self.objects.get(&key) != Some(&object) {
            self.objects.insert(key.clone(), object);
            self.changed.insert(key);
        }
    }

    pub fn remove(&mut self, key: &Key) {
        if self.objects.remove(key).is_some() {
            self.changed.insert(key.clone());
        }
    }

    /// All objects of a namespace, or of all when it is empty, from now on.
    pub fn replace(&mut self, namespace: &str, objects: Vec<T>) {
        let keep: BTreeSet<Key> = objects.iter().map(|object| object.meta().key()).collect();
        let gone: Vec<Key> = self
            .objects
            .keys()
            .filter(|key| namespace.is_empty() || key.namespace == namespace)
            .filter(|key| !keep.contains(key))
            .cloned()
            .collect();
        for key in gone {
            self.remove(&key);
        }
        for object in objects {
            self.put(object);
        }
    }

    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.objects.get(&Key::new(namespace, name))
    }
}

/// All kinds.
#[derive(Default)]
pub struct Store {
    pub nodes: Kind<Node>,
    pub namespaces: Kind<Namespace>,
    pub pods: Kind<Pod>,
    pub services: Kind<Service>,
    pub endpoints: Kind<Endpoints>,
    pub slices: Kind<EndpointSlice>,
    pub ingresses: Kind<Ingress>,
}

/// Keys that changed, and are taken off the store.
pub struct Changes {
    pub nodes: BTreeSet<Key>,
    pub namespaces: BTreeSet<Key>,
    pub pods: BTreeSet<Key>,
    pub services: BTreeSet<Key>,
}

impl Store {
    /// Takes the changes of kinds that others refer to.
    pub fn take_changes(&mut self) -> Changes {
        Changes {
            nodes: std::mem::take(&mut self.nodes.changed),
            namespaces: std::mem::take(&mut self.namespaces.changed),
            pods: std::mem::take(&mut self.pods.changed),
            services: std::mem::take(&mut self.services.changed),
        }
    }
}

/// Finds the objects of a kind in the store.
pub trait Stored: Object {
    fn kind(store: &mut Store) -> &mut Kind<Self>;
}

macro_rules! stored {
    ($($name:ident $field:ident),*) => {
        $(impl Stored for $name {
            fn kind(store: &mut Store) -> &mut Kind<$name> {
                &mut store.$field
            }
        })*
    };
}

stored!(
    Node nodes, Namespace namespaces, Pod pods, Service services, Endpoints endpoints,
    EndpointSlice slices, Ingress ingresses
);

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str, label: &str) -> Namespace {
        let json = format!(r#"{{"metadata":{{"name":"{name}","labels":{{"l":"{label}"}}}}}}"#);
        serde_json::from_str(&json).expect("is valid")
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let mut kind = Kind::default();
        kind.replace("", vec![namespace("a", "1"), namespace("b", "1")]);
        assert_eq!(std::mem::take(&mut kind.changed).len(), 2);
        kind.put(namespace("a", "1"));
        kind.remove(&Key::new("", "none"));
        assert!(kind.changed.is_empty());
        kind.replace("", vec![namespace("a", "2")]);
        let changed = std::mem::take(&mut kind.changed);
        assert_eq!(
            changed.into_iter().map(|key| key.name).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(kind.objects.len(), 1);
    }
}
