//! Operations on file content, and the gate that every operation passes.

use std::io;
use std::path::Path;

use super::names::Entry;
use super::{Disk, Fault, NodeId, State};
use crate::current;
use crate::fs::{OpenOptions, Stat};

/// What an operation needs, which decides the faults that can hit it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads only.
    Look,
    /// Changes something without needing space.
    Change,
    /// Needs space.
    Grow,
}

/// Numbers an operation, lets it take its time, and gives the fault that hits it. At the operation
/// that the machine crashes at, it does not come back.
pub(super) async fn enter(disk: &Disk, kind: Kind) -> io::Result<()> {
    match enter_with_fault(disk, kind).await {
        Some(fault) => Err(fault.into()),
        None => Ok(()),
    }
}

async fn enter_with_fault(disk: &Disk, kind: Kind) -> Option<Fault> {
    current::world().disk_delay().await;
    let fault = {
        let mut state = disk.borrow_mut();
        if state.record.is_some() {
            let image = state.image();
            state.record.as_mut().expect("checked above").push(image);
        }
        let op = state.ops;
        state.ops += 1;
        state.crashed |= state.crash_at == Some(op);
        let fault = state.faults.remove(&op).or(state.failing);
        fault.filter(|fault| *fault == Fault::Eio || kind == Kind::Grow)
    };
    if disk.has_crashed() {
        std::future::pending::<()>().await;
    }
    fault
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault {
            // The kind that std gives EIO has no stable name; the text is what a log shows.
            Fault::Eio => io::Error::other("input/output error (simulated)"),
            Fault::Enospc => io::Error::new(
                io::ErrorKind::StorageFull,
                "no space left on device (simulated)",
            ),
        }
    }
}

/// An open simulated file.
pub(crate) struct File {
    disk: Disk,
    node: NodeId,
    readable: bool,
    writable: bool,
}

impl File {
    pub(crate) async fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
        let disk = current::world().disk().clone();
        let makes = options.create || options.create_new;
        enter(&disk, if makes { Kind::Grow } else { Kind::Look }).await?;
        let mut state = disk.borrow_mut();
        let known = state.names.contains_key(path);
        let node = match state.names.get(path).copied() {
            Some(Entry::Folder) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(Entry::File(_)) if options.create_new => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Some(Entry::File(node)) => node,
            None if makes && options.write => state.create(path)?,
            None if makes => return Err(io::ErrorKind::InvalidInput.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        if options.truncate {
            state.node(node).set_len(0);
        }
        if options.truncate || !known {
            state.node(node).modified_ns = current::world().wall_ns();
        }
        state.node(node).open += 1;
        drop(state);
        Ok(File {
            disk,
            node,
            readable: options.read,
            writable: options.write,
        })
    }

    pub(crate) async fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check(self.writable)?;
        let fault = enter_with_fault(&self.disk, Kind::Grow).await;
        let mut state = self.disk.borrow_mut();
        let end = offset + bytes.len() as u64;
        let fault = fault.or_else(|| state.full(self.node, end).err());
        let Some(fault) = fault else {
            let node = state.node(self.node);
            node.write(offset, bytes);
            node.modified_ns = current::world().wall_ns();
            return Ok(());
        };
        // A failed write may have written a beginning.
        let written = state.rng.below(bytes.len() as u64 + 1);
        let fits = state.full(self.node, offset + written).is_ok();
        if fits && written > 0 {
            let node = state.node(self.node);
            node.write(offset, &bytes[..written as usize]);
            node.doom_last();
        }
        Err(fault.into())
    }

    pub(crate) async fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.check(self.readable)?;
        enter(&self.disk, Kind::Look).await?;
        let mut state = self.disk.borrow_mut();
        let content = state.node(self.node).content();
        let rest = content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    pub(crate) async fn sync_data(&self) -> io::Result<()> {
        let synced = enter(&self.disk, Kind::Change).await;
        let mut state = self.disk.borrow_mut();
        let node = state.node(self.node);
        match synced {
            Ok(()) => node.sync(),
            Err(_) => node.fail_sync(),
        }
        synced
    }

    /// Two operations, as on a real disk: a crash or a fault can come between them.
    pub(crate) async fn commit(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset).await?;
        self.sync_data().await
    }

    pub(crate) async fn allocate(&self, len: u64) -> io::Result<()> {
        self.check(self.writable)?;
        enter(&self.disk, Kind::Grow).await?;
        let mut state = self.disk.borrow_mut();
        state.full(self.node, len)?;
        let node = state.node(self.node);
        if node.len() < len {
            node.set_len(len);
        }
        Ok(())
    }

    pub(crate) async fn set_len(&self, len: u64) -> io::Result<()> {
        self.check(self.writable)?;
        enter(&self.disk, Kind::Grow).await?;
        let mut state = self.disk.borrow_mut();
        state.full(self.node, len)?;
        let node = state.node(self.node);
        node.set_len(len);
        node.modified_ns = current::world().wall_ns();
        Ok(())
    }

    pub(crate) fn stat(&self) -> Stat {
        self.disk.borrow().stat(self.node)
    }

    pub(crate) fn len(&self) -> u64 {
        self.disk.borrow_mut().node(self.node).len()
    }

    pub(crate) fn map(&self) -> io::Result<super::Mapping> {
        self.check(self.readable)?;
        Ok(self.disk.borrow_mut().node(self.node).map())
    }

    fn check(&self, allowed: bool) -> io::Result<()> {
        if allowed {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.disk.borrow_mut().node(self.node).open -= 1;
    }
}

impl State {
    fn node(&mut self, node: NodeId) -> &mut super::content::Node {
        self.nodes.get_mut(&node).expect("an open file has a node")
    }

    /// Whether the file cannot grow to `len`.
    fn full(&mut self, node: NodeId, len: u64) -> Result<(), Fault> {
        let more = len.saturating_sub(self.node(node).len());
        match self.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => Err(Fault::Enospc),
            _ => Ok(()),
        }
    }
}
