//! Folders: names seen, names durable, and the changes between.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::content::Node;
use super::ops::{Kind, enter};
use super::{Disk, NodeId, State};
use crate::fs::{DirEntry, Identity, Stat};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(NodeId),
}

/// A change of a folder that is seen but not durable.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Add { path: PathBuf, entry: Entry },
    Remove { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
}

/// Makes a change in a set of names.
pub(super) fn apply(change: &NameChange, names: &mut BTreeMap<PathBuf, Entry>) {
    match change {
        NameChange::Add { path, entry } => drop(names.insert(path.clone(), *entry)),
        NameChange::Remove { path } => drop(names.remove(path)),
        NameChange::Rename { from, to } => {
            if let Some(entry) = names.remove(from) {
                names.insert(to.clone(), entry);
            }
        }
    }
}

impl State {
    /// Makes a change that is seen now and durable after a sync of its folder.
    pub(super) fn change_name(&mut self, folder: &Path, change: NameChange) {
        apply(&change, &mut self.names);
        self.name_changes
            .entry(folder.to_owned())
            .or_default()
            .push(change);
    }

    pub(super) fn check_folder(&self, folder: &Path) -> io::Result<()> {
        match self.names.get(folder) {
            Some(Entry::Folder) => Ok(()),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            // The root, and the place that relative paths start from.
            None if folder.parent().is_none() => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The file of this name, made if asked. Gives its node.
    pub(super) fn create(&mut self, path: &Path) -> io::Result<NodeId> {
        let folder = folder_of(path)?;
        self.check_folder(folder)?;
        let node = self.next_node;
        self.next_node += 1;
        self.nodes.insert(node, Node::new(Vec::new()));
        self.change_name(
            folder,
            NameChange::Add {
                path: path.to_owned(),
                entry: Entry::File(node),
            },
        );
        Ok(node)
    }
}

impl State {
    pub(super) fn stat(&self, node: NodeId) -> Stat {
        let of_node = |entry: &&Entry| **entry == Entry::File(node);
        Stat {
            len: self.nodes[&node].len(),
            is_dir: false,
            modified_ns: self.nodes[&node].modified_ns,
            identity: Identity {
                device: 0,
                inode: node,
            },
            links: self.names.values().filter(of_node).count() as u64,
        }
    }

    /// Drops the files that no name can lead to any more, not even after a crash.
    fn forget_unnamed(&mut self) {
        let added = self
            .name_changes
            .values()
            .flatten()
            .filter_map(|change| match change {
                NameChange::Add { entry, .. } => Some(entry),
                NameChange::Remove { .. } | NameChange::Rename { .. } => None,
            });
        let entries = self
            .names
            .values()
            .chain(self.durable_names.values())
            .chain(added);
        let named: BTreeSet<NodeId> = entries
            .filter_map(|entry| match entry {
                Entry::File(node) => Some(*node),
                Entry::Folder => None,
            })
            .collect();
        self.nodes
            .retain(|id, node| node.open > 0 || named.contains(id));
    }
}

/// The folder that holds this name.
pub(super) fn folder_of(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl Disk {
    pub(crate) async fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for folder in path.ancestors() {
            match self.borrow().names.get(folder) {
                Some(Entry::Folder) => break,
                Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None if folder.parent().is_none() => break,
                None => missing.push(folder.to_owned()),
            }
        }
        for folder in missing.into_iter().rev() {
            enter(self, Kind::Grow).await?;
            let mut state = self.borrow_mut();
            // Somebody else may have made it during the wait.
            if state.names.contains_key(&folder) {
                continue;
            }
            let parent = folder_of(&folder)?.to_owned();
            state.change_name(
                &parent,
                NameChange::Add {
                    path: folder,
                    entry: Entry::Folder,
                },
            );
        }
        Ok(())
    }

    pub(crate) async fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        enter(self, Kind::Look).await?;
        self.list(path)
    }

    /// The entries of a folder as they are seen, without an operation, for tests.
    pub fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.borrow();
        state.check_folder(path)?;
        let inside = state
            .names
            .iter()
            .filter(|(name, _)| name.parent() == Some(path));
        let entries = inside.map(|(name, entry)| DirEntry {
            name: name
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            len: match entry {
                Entry::Folder => 0,
                Entry::File(node) => state.nodes[node].len(),
            },
            is_dir: *entry == Entry::Folder,
        });
        let mut entries: Vec<DirEntry> = entries.collect();
        entries.sort();
        Ok(entries)
    }

    /// What is known of a file, without an operation: looking costs the device nothing.
    pub(crate) fn stat(&self, path: &Path) -> io::Result<Stat> {
        let state = self.borrow();
        match state.names.get(path) {
            Some(Entry::File(node)) => Ok(state.stat(*node)),
            Some(Entry::Folder) => Ok(Stat {
                len: 0,
                is_dir: true,
                modified_ns: 0,
                identity: Identity {
                    device: 0,
                    inode: 0,
                },
                links: 1,
            }),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(crate) async fn exists(&self, path: &Path) -> io::Result<bool> {
        enter(self, Kind::Look).await?;
        let state = self.borrow();
        Ok(state.names.contains_key(path) || path.parent().is_none())
    }

    pub(crate) async fn remove_file(&self, path: &Path) -> io::Result<()> {
        enter(self, Kind::Change).await?;
        let mut state = self.borrow_mut();
        match state.names.get(path) {
            Some(Entry::File(_)) => {}
            Some(Entry::Folder) => return Err(io::ErrorKind::IsADirectory.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        let folder = folder_of(path)?;
        state.change_name(
            folder,
            NameChange::Remove {
                path: path.to_owned(),
            },
        );
        Ok(())
    }

    /// A rename between folders is durable with the folder that it goes to.
    pub(crate) async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        enter(self, Kind::Change).await?;
        let mut state = self.borrow_mut();
        let Some(entry) = state.names.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if entry == Entry::Folder || state.names.get(to) == Some(&Entry::Folder) {
            // Folders would take their content along; nobody renames folders.
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let folder = folder_of(to)?;
        state.check_folder(folder)?;
        let change = NameChange::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        state.change_name(folder, change);
        Ok(())
    }

    pub(crate) async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        enter(self, Kind::Change).await?;
        let mut state = self.borrow_mut();
        state.check_folder(path)?;
        for change in state.name_changes.remove(path).unwrap_or_default() {
            apply(&change, &mut state.durable_names);
        }
        state.forget_unnamed();
        Ok(())
    }

    pub(crate) async fn read_whole(&self, path: &Path) -> io::Result<Vec<u8>> {
        enter(self, Kind::Look).await?;
        self.read(path)
    }

    /// The content of a file as it is seen, without an operation, for tests.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.borrow();
        match state.names.get(path) {
            Some(Entry::File(node)) => Ok(state.nodes[node].content().to_vec()),
            Some(Entry::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
