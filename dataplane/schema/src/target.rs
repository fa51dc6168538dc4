//! Targets: many small sets of labels that discovery hands from component to component.
//!
//! Both the list and each target are shared, so that passing a list on, comparing it with its
//! earlier self and concatenating lists copy no labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::{Object, Value};

/// A set of labels, sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Target(Arc<[(Arc<str>, Arc<str>)]>);

impl Target {
    /// Of pairs in any order; of equal names the last wins.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Target {
        labels
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self
            .0
            .binary_search_by(|(other, _)| (**other).cmp(name))
            .ok()?;
        Some(&self.0[at].1)
    }

    /// Sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The target as expressions see it.
    pub fn to_object(&self) -> Object {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect()
    }
}

impl FromIterator<(Arc<str>, Arc<str>)> for Target {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Arc<str>)>>(labels: I) -> Target {
        let labels: BTreeMap<Arc<str>, Arc<str>> = labels.into_iter().collect();
        Target(labels.into_iter().collect())
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Target {}

/// A shared list of targets.
#[derive(Clone, Debug, Default)]
pub struct Targets(Arc<Vec<Target>>);

impl Targets {
    pub fn new(targets: Vec<Target>) -> Targets {
        Targets(Arc::new(targets))
    }
}

impl std::ops::Deref for Targets {
    type Target = [Target];

    fn deref(&self) -> &[Target] {
        &self.0
    }
}

impl FromIterator<Target> for Targets {
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Targets {
        Targets::new(targets.into_iter().collect())
    }
}

impl PartialEq for Targets {
    fn eq(&self, other: &Targets) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Targets {}
