//! Holding a folder against other processes, and against a second owner in this one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::names;
use crate::backend::Backend;
use crate::current;
use crate::service;

/// A locked file; the lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Lock {
    _holds: Holds,
}

#[derive(Debug)]
enum Holds {
    File {
        _file: std::fs::File,
    },
    /// A simulated machine runs one process: nobody outside of it can be in the way.
    Simulated {
        _path: Simulated,
    },
}

/// Locks a file, which is made if it is missing. That somebody else holds the lock is an error of
/// the kind `WouldBlock`.
pub async fn lock(path: &Path) -> io::Result<Lock> {
    let path = path.to_owned();
    if current::backend() == Backend::Sim {
        names::open(&path, &super::OpenOptions::create()).await?;
        let _path = Simulated::lock(path)?;
        return Ok(Lock {
            _holds: Holds::Simulated { _path },
        });
    }
    let _file = service::blocking(move || {
        let mut options = std::fs::File::options();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.try_lock()?;
        io::Result::Ok(file)
    })
    .await?;
    Ok(Lock {
        _holds: Holds::File { _file },
    })
}

thread_local! {
    /// The locked paths of the simulation that runs on this thread.
    static SIMULATED: RefCell<BTreeSet<PathBuf>> = const { RefCell::new(BTreeSet::new()) };
}

#[derive(Debug)]
struct Simulated {
    path: PathBuf,
}

impl Simulated {
    fn lock(path: PathBuf) -> io::Result<Simulated> {
        let free = SIMULATED.with_borrow_mut(|locked| locked.insert(path.clone()));
        if free {
            Ok(Simulated { path })
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        SIMULATED.with_borrow_mut(|locked| locked.remove(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn second_owner_is_refused(path: PathBuf) {
        let held = lock(&path).await.unwrap();
        let refused = lock(&path).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        lock(&path).await.unwrap();
    }

    #[test]
    fn a_lock_has_one_owner_until_it_is_dropped() {
        crate::sim::check(1, || second_owner_is_refused("/lock".into()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let main = move || -> crate::LocalBoxFuture<'static, ()> {
            Box::pin(second_owner_is_refused(path))
        };
        crate::block_on(Backend::Tokio, main).unwrap();
    }
}
