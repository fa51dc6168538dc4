//! What a crash leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use stdx::Rng;

use super::content::{Change, Frozen, Node};
use super::names::{Entry, apply};
use super::{Disk, Image, NodeId};

/// How much of what was not synced arrived. Each crash draws one, since each is likely to meet
/// other mistakes.
#[derive(Clone, Copy)]
enum Arrival {
    Nothing,
    Everything,
    /// Each sector by its own chance.
    Some,
    /// Whole sectors up to a point in time.
    Beginning,
}

impl Image {
    /// The disk that a crash at this boundary leaves, by chance of `seed`.
    pub fn crash(&self, seed: u64) -> Disk {
        let mut rng = Rng::new(seed);
        let arrivals = [
            Arrival::Nothing,
            Arrival::Everything,
            Arrival::Some,
            Arrival::Beginning,
        ];
        let arrival = arrivals[rng.below(4) as usize];
        let sector = [512, 4096][rng.below(2) as usize];
        let names = self.names_after_crash(&mut rng);
        let nodes = self.nodes_of(&names, |frozen| {
            let mut content = Arc::unwrap_or_clone(frozen.durable.clone());
            for change in arrived(&frozen.changes, arrival, sector, &mut rng) {
                change.apply(&mut content);
            }
            content
        });
        Disk::with(names, nodes)
    }

    /// The disk as the process's death at this boundary leaves it: all that was written is there.
    pub fn kill(&self) -> Disk {
        let nodes = self.nodes_of(&self.names, |frozen| {
            let mut content = Arc::unwrap_or_clone(frozen.durable.clone());
            for change in &frozen.changes {
                change.apply(&mut content);
            }
            content
        });
        Disk::with(self.names.clone(), nodes)
    }

    fn names_after_crash(&self, rng: &mut Rng) -> BTreeMap<PathBuf, Entry> {
        let mut names = self.durable_names.clone();
        for changes in self.name_changes.values() {
            let arrived = rng.below(changes.len() as u64 + 1) as usize;
            for change in &changes[..arrived] {
                apply(change, &mut names);
            }
        }
        // What lies in a folder that did not arrive is out of reach.
        let folders: Vec<PathBuf> = names.keys().cloned().collect();
        for path in folders {
            let reachable = path
                .ancestors()
                .skip(1)
                .filter(|folder| folder.parent().is_some() && !folder.as_os_str().is_empty())
                .all(|folder| names.get(folder) == Some(&Entry::Folder));
            if !reachable {
                names.remove(&path);
            }
        }
        names
    }

    fn nodes_of(
        &self,
        names: &BTreeMap<PathBuf, Entry>,
        mut content: impl FnMut(&Frozen) -> Vec<u8>,
    ) -> BTreeMap<NodeId, Node> {
        let mut nodes = BTreeMap::new();
        for entry in names.values() {
            if let Entry::File(id) = entry {
                let frozen = &self.nodes[id];
                nodes
                    .entry(*id)
                    .or_insert_with(|| Node::new(content(frozen)));
            }
        }
        nodes
    }
}

/// The changes that reached the platter, cut into sectors.
fn arrived(changes: &[Change], arrival: Arrival, sector: u64, rng: &mut Rng) -> Vec<Change> {
    let pieces: Vec<Change> = changes
        .iter()
        .flat_map(|change| cut(change, sector))
        .collect();
    match arrival {
        Arrival::Nothing => Vec::new(),
        Arrival::Everything => pieces,
        Arrival::Some => pieces.into_iter().filter(|_| rng.chance(0.5)).collect(),
        Arrival::Beginning => {
            let count = rng.below(pieces.len() as u64 + 1) as usize;
            pieces.into_iter().take(count).collect()
        }
    }
}

fn cut(change: &Change, sector: u64) -> Vec<Change> {
    let Change::Write { offset, bytes } = change else {
        return vec![change.clone()];
    };
    let mut pieces = Vec::new();
    let (mut start, end) = (*offset, offset + bytes.len() as u64);
    while start < end {
        let stop = (start / sector + 1).saturating_mul(sector).min(end);
        let piece = &bytes[(start - offset) as usize..(stop - offset) as usize];
        pieces.push(Change::Write {
            offset: start,
            bytes: piece.into(),
        });
        start = stop;
    }
    pieces
}
