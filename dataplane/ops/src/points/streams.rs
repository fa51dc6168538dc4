//! What is remembered of each stream.

use std::collections::HashMap;

/// A state for each identity, with the time when it was last touched.
///
/// What a batch changes is written into an [`Undo`], so that a batch that is refused further on can
/// be offered again.
#[derive(Debug)]
pub struct Streams<S> {
    places: HashMap<Box<[u8]>, usize>,
    states: Vec<Option<Kept<S>>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Kept<S> {
    state: S,
    touched_ns: u64,
}

/// What streams were before a batch.
#[derive(Debug)]
pub struct Undo<S>(Vec<(usize, Option<S>)>);

impl<S> Default for Undo<S> {
    fn default() -> Undo<S> {
        Undo(Vec::new())
    }
}

impl<S> Default for Streams<S> {
    fn default() -> Streams<S> {
        Streams {
            places: HashMap::new(),
            states: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<S: Clone> Streams<S> {
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[must_use]
    pub fn get(&self, identity: &[u8]) -> Option<&S> {
        let place = *self.places.get(identity)?;
        self.states[place].as_ref().map(|kept| &kept.state)
    }

    /// Keeps a state. Allocates for new streams only.
    pub fn set(&mut self, identity: &[u8], state: S, now_ns: u64, undo: &mut Undo<S>) {
        let kept = Some(Kept {
            state,
            touched_ns: now_ns,
        });
        if let Some(place) = self.places.get(identity) {
            let before = std::mem::replace(&mut self.states[*place], kept);
            undo.0.push((*place, before.map(|kept| kept.state)));
            return;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.states.push(None);
            self.states.len() - 1
        });
        self.states[place] = kept;
        self.places.insert(identity.into(), place);
        undo.0.push((place, None));
    }

    /// Takes back what a batch changed, last first.
    pub fn undo(&mut self, undo: Undo<S>) {
        for (place, before) in undo.0.into_iter().rev() {
            let Some(kept) = &mut self.states[place] else {
                continue;
            };
            match before {
                Some(state) => kept.state = state,
                None => self.states[place] = None,
            }
        }
        self.sweep();
    }

    /// Forgets streams that were not touched since.
    pub fn forget_before(&mut self, time_ns: u64) {
        for kept in &mut self.states {
            if kept.as_ref().is_some_and(|kept| kept.touched_ns < time_ns) {
                *kept = None;
            }
        }
        self.sweep();
    }

    /// Frees the places of streams that are gone.
    fn sweep(&mut self) {
        let (states, free) = (&self.states, &mut self.free);
        self.places.retain(|_, place| {
            let stays = states[*place].is_some();
            if !stays {
                free.push(*place);
            }
            stays
        });
    }
}
