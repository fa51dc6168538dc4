//! Holding a folder against other processes.

use std::io;
use std::path::Path;

use super::names;
use crate::backend::Backend;
use crate::current;
use crate::service;

/// A locked file; the lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Lock {
    /// `None` on a simulated machine, which runs one process.
    _file: Option<std::fs::File>,
}

/// Locks a file, which is made if it is missing. That somebody else holds the lock is an error of
/// the kind `WouldBlock`.
pub async fn lock(path: &Path) -> io::Result<Lock> {
    if current::backend() == Backend::Sim {
        names::open(path, &super::OpenOptions::create()).await?;
        return Ok(Lock { _file: None });
    }
    let path = path.to_owned();
    let file = service::blocking(move || {
        let file = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.try_lock()?;
        io::Result::Ok(file)
    })
    .await?;
    Ok(Lock { _file: Some(file) })
}
