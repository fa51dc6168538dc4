//! Folders and names.

use std::io;
use std::path::Path;

use super::{File, OpenOptions};
use crate::backend::Backend;
use crate::current;
use crate::service;
use crate::sim::Disk;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name, without the folder. Names that are no UTF-8 are shown with replacement characters.
    pub name: String,
    /// Its length, zero for a folder.
    pub len: u64,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// Opens a file.
pub async fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    File::open(path, options).await
}

/// Makes a folder and those above it; one that exists is fine.
pub async fn create_dir_all(path: &Path) -> io::Result<()> {
    match simulated() {
        Some(disk) => disk.create_dir_all(path).await,
        None => blocking(path, |path| std::fs::create_dir_all(path)).await,
    }
}

/// The entries of a folder, sorted by name.
pub async fn read_dir(path: &Path) -> io::Result<Vec<DirEntry>> {
    match simulated() {
        Some(disk) => disk.read_dir(path).await,
        None => blocking(path, list).await,
    }
}

/// Whether something has this name.
pub async fn exists(path: &Path) -> io::Result<bool> {
    match simulated() {
        Some(disk) => disk.exists(path).await,
        None => blocking(path, Path::try_exists).await,
    }
}

/// Removes a file. Durable after [`sync_dir`] of its folder.
pub async fn remove_file(path: &Path) -> io::Result<()> {
    match simulated() {
        Some(disk) => disk.remove_file(path).await,
        None => blocking(path, |path| std::fs::remove_file(path)).await,
    }
}

/// Renames a file, replacing one that has the new name. Durable after [`sync_dir`].
pub async fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match simulated() {
        Some(disk) => disk.rename(from, to).await,
        None => {
            let to = to.to_owned();
            blocking(from, move |from| std::fs::rename(from, to)).await
        }
    }
}

/// Makes the entries of a folder (files made, renamed, removed) survive a power loss.
pub async fn sync_dir(path: &Path) -> io::Result<()> {
    match simulated() {
        Some(disk) => disk.sync_dir(path).await,
        None => blocking(path, os::file::sync_dir).await,
    }
}

/// The whole content of a file.
pub async fn read(path: &Path) -> io::Result<Vec<u8>> {
    match simulated() {
        Some(disk) => disk.read_whole(path).await,
        None => blocking(path, |path| std::fs::read(path)).await,
    }
}

/// Writes at the end of a file, which is made if it is not there. Pieces of several writers do not
/// mix. Not synced: for lines that people read, not for data.
pub async fn append(path: &Path, content: Vec<u8>) -> io::Result<()> {
    if simulated().is_some() {
        let file = open(path, &OpenOptions::create()).await?;
        let end = file.len()?;
        return file.write_at(content, end).await.0;
    }
    blocking(path, move |path| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(path)?;
        io::Write::write_all(&mut file, &content)
    })
    .await
}

/// Replaces a file's content so that, whatever happens, either the old or the new content is found:
/// written beside it (`NAME.tmp`), synced, renamed over it, folder synced.
pub async fn write_atomic(path: &Path, content: Vec<u8>) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path names no file",
        ));
    };
    let mut beside = name.to_owned();
    beside.push(".tmp");
    let beside = folder.join(beside);
    let options = OpenOptions {
        truncate: true,
        ..OpenOptions::create()
    };
    let file = open(&beside, &options).await?;
    file.commit(content, 0).await.0?;
    drop(file);
    rename(&beside, path).await?;
    sync_dir(folder).await
}

/// The simulated disk, inside of a simulation.
fn simulated() -> Option<Disk> {
    (current::backend() == Backend::Sim).then(|| current::world().disk().clone())
}

/// Runs the call on a blocking thread of the service.
async fn blocking<T: Send + 'static>(
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.to_owned();
    service::blocking(move || call(&path)).await
}

fn list(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let is_dir = metadata.is_dir();
        let len = if is_dir { 0 } else { metadata.len() };
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push(DirEntry { name, len, is_dir });
    }
    entries.sort();
    Ok(entries)
}
