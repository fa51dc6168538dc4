//! A map that remembers the keys used of late: two generations, of which the older one is
//! forgotten when the younger is full.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::HashMap;

#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    old: HashMap<K, V>,
    new: HashMap<K, V>,
    generation_max: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Remembers at least `generation_max` keys, at most twice as many.
    pub fn new(generation_max: usize) -> Recent<K, V> {
        assert!(generation_max > 0, "a map of nothing remembers nothing");
        Recent {
            old: HashMap::new(),
            new: HashMap::new(),
            generation_max,
        }
    }

    /// The value of a key, which is then used of late.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.new.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.new.get_mut(key)
    }

    pub fn insert(&mut self, key: K, value: V) {
        if self.new.len() == self.generation_max {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_use_are_not_forgotten() {
        let mut recent = Recent::new(2);
        for key in 0..10 {
            recent.insert(key, key);
            assert_eq!(recent.get_mut(&0).copied(), Some(0), "after {key}");
        }
        assert_eq!(recent.get_mut(&4), None);
        assert_eq!(recent.get_mut(&9).copied(), Some(9));
    }
}
