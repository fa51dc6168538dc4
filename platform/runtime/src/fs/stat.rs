//! What the file system knows of a file, by which a file is told from another of the same name.

use std::fs::Metadata;
use std::io;
use std::path::PathBuf;

use crate::backend::Backend;
use crate::current;
use crate::service;

/// What makes a file that file, whatever it is called. Not for ever: the number of a deleted file
/// is given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The file system; zero where it is not told.
    pub device: u64,
    /// The inode; where there is none the time at which the file was made.
    pub inode: u64,
}

/// What the file system knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its length, zero for a folder.
    pub len: u64,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Wall clock at the last change of its content, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Which file it is.
    pub identity: Identity,
    /// Names that it has; one where that is not told.
    pub links: u64,
}

/// Looks at many names on one visit to a blocking thread: some microseconds each.
pub async fn stat_all(paths: Vec<PathBuf>) -> Vec<io::Result<Stat>> {
    if current::backend() == Backend::Sim {
        let disk = current::world().disk().clone();
        return paths.iter().map(|path| disk.stat(path)).collect();
    }
    let look = |path: &PathBuf| std::fs::metadata(path).map(|metadata| stat_of(&metadata));
    service::blocking(move || paths.iter().map(look).collect()).await
}

pub(super) fn stat_of(metadata: &Metadata) -> Stat {
    let is_dir = metadata.is_dir();
    let modified_ns = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_nanos()).ok());
    let (identity, links) = identity(metadata);
    Stat {
        len: if is_dir { 0 } else { metadata.len() },
        is_dir,
        modified_ns: modified_ns.unwrap_or(0),
        identity,
        links,
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (Identity, u64) {
    use std::os::unix::fs::MetadataExt;
    let identity = Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    (identity, metadata.nlink())
}

#[cfg(windows)]
fn identity(metadata: &Metadata) -> (Identity, u64) {
    use std::os::windows::fs::MetadataExt;
    let identity = Identity {
        device: 0,
        inode: metadata.creation_time(),
    };
    (identity, 1)
}
