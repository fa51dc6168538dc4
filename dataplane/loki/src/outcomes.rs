//! What became of label sets: rules run once per set, not once per entry.

use std::borrow::Borrow;
use std::cmp::max;
use std::collections::HashMap;
use std::hash::Hash;

/// Outcomes by label set, the least recently used forgotten first.
///
/// Two generations stand for a list in order of use: what is found in the old one moves to the
/// young one, and when that is half of what is allowed, the old one is dropped. A look-up costs a
/// hash of the labels.
pub struct Outcomes<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of one generation.
    len_max: usize,
}

impl<K: Eq + Hash, V: Clone> Outcomes<K, V> {
    pub fn new(len_max: usize) -> Outcomes<K, V> {
        Outcomes {
            young: HashMap::new(),
            old: HashMap::new(),
            len_max: max(1, len_max / 2),
        }
    }

    pub fn get<Q>(&mut self, labels: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(outcome) = self.young.get(labels) {
            return Some(outcome.clone());
        }
        let (labels, outcome) = self.old.remove_entry(labels)?;
        self.insert(labels, outcome.clone());
        Some(outcome)
    }

    pub fn insert(&mut self, labels: K, outcome: V) {
        if self.young.len() >= self.len_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(labels, outcome);
    }

    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use batch::LabelsBuf;

    use super::*;

    fn labels(name: &str) -> Rc<LabelsBuf> {
        Rc::new([("a", name)].into_iter().collect())
    }

    #[test]
    fn what_is_used_is_kept_and_the_rest_is_forgotten() {
        let mut outcomes = Outcomes::new(4);
        outcomes.insert(labels("kept"), None);
        for name in ["1", "2", "3", "4", "5"] {
            outcomes.insert(labels(name), Some(labels(name)));
            assert_eq!(outcomes.get(&*labels("kept")), Some(None), "before {name}");
            assert!(outcomes.len() <= 4);
        }
        assert_eq!(outcomes.get(&*labels("1")), None);
        assert_eq!(outcomes.get(&*labels("5")), Some(Some(labels("5"))));
    }
}
