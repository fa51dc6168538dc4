//! Files for data.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::stat::stat_of;
use super::{Mapping, Stat};
use crate::backend::Backend;
use crate::current;
use crate::service;
use crate::sim;

/// How a file is opened. At least one of `read` and `write` must be set; the other fields need
/// `write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// The file can be read and mapped.
    pub read: bool,
    /// The file can be written.
    pub write: bool,
    /// A missing file is made.
    pub create: bool,
    /// A missing file is made, one that exists is an error.
    pub create_new: bool,
    /// The content is thrown away.
    pub truncate: bool,
    /// A file that is made is for the user of this process alone, on Unix.
    pub private: bool,
}

impl OpenOptions {
    const NONE: OpenOptions = OpenOptions {
        read: false,
        write: false,
        create: false,
        create_new: false,
        truncate: false,
        private: false,
    };

    /// An existing file, for reading.
    pub const fn read() -> OpenOptions {
        OpenOptions {
            read: true,
            ..OpenOptions::NONE
        }
    }

    /// An existing file, for reading and writing.
    pub const fn update() -> OpenOptions {
        OpenOptions {
            read: true,
            write: true,
            ..OpenOptions::NONE
        }
    }

    /// A file for reading and writing that is made if it is missing.
    pub const fn create() -> OpenOptions {
        OpenOptions {
            create: true,
            ..OpenOptions::update()
        }
    }

    /// A file for reading and writing that must not exist yet.
    pub const fn create_new() -> OpenOptions {
        OpenOptions {
            create_new: true,
            ..OpenOptions::update()
        }
    }
}

/// An open file.
pub struct File {
    inner: Inner,
}

enum Inner {
    #[cfg(target_os = "linux")]
    Ring(crate::ring::File),
    Blocking(Arc<std::fs::File>),
    Sim(sim::File),
}

impl File {
    pub(super) async fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
        if current::backend() == Backend::Sim {
            return Ok(File {
                inner: Inner::Sim(sim::File::open(path, options).await?),
            });
        }
        let path = path.to_owned();
        let OpenOptions {
            read,
            write,
            create,
            create_new,
            truncate,
            private,
        } = *options;
        let file = service::blocking(move || {
            let mut options = std::fs::File::options();
            options
                .read(read)
                .write(write)
                .create(create)
                .create_new(create_new)
                .truncate(truncate);
            #[cfg(unix)]
            if private {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            #[cfg(not(unix))]
            let _ = private;
            options.open(path)
        })
        .await?;
        let file = Arc::new(file);
        #[cfg(target_os = "linux")]
        if let Some(ring) = crate::ring::current() {
            return Ok(File {
                inner: Inner::Ring(crate::ring::File::new(ring, file)),
            });
        }
        Ok(File {
            inner: Inner::Blocking(file),
        })
    }

    /// Writes all of `bytes` at `offset`. Not durable before a sync.
    pub async fn write_at(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => file.write_at(bytes, offset).await,
            Inner::Blocking(file) => {
                let file = file.clone();
                service::blocking(move || (os::file::write_all_at(&file, &bytes, offset), bytes))
                    .await
            }
            Inner::Sim(file) => (file.write_at(&bytes, offset).await, bytes),
        }
    }

    /// Reads from `offset` until `bytes` is filled to its length or the file ends; gives the number
    /// of bytes read, after which the buffer's content is unchanged.
    pub async fn read_at(&self, mut bytes: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => file.read_at(bytes, offset).await,
            Inner::Blocking(file) => {
                let file = file.clone();
                service::blocking(move || (os::file::read_at(&file, &mut bytes, offset), bytes))
                    .await
            }
            Inner::Sim(file) => (file.read_at(&mut bytes, offset).await, bytes),
        }
    }

    /// Makes all that was written, and the length, survive a power loss. After an error the state
    /// of everything since the last successful sync is unknown; a later success says nothing
    /// about it.
    pub async fn sync_data(&self) -> io::Result<()> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => file.sync_data().await,
            Inner::Blocking(file) => {
                let file = file.clone();
                service::blocking(move || file.sync_data()).await
            }
            Inner::Sim(file) => file.sync_data().await,
        }
    }

    /// Writes all of `bytes` at `offset` and makes it durable, in one go: on a ring these are two
    /// linked operations, one call into the kernel. An error may come from either half.
    pub async fn commit(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => file.commit(bytes, offset).await,
            Inner::Blocking(file) => {
                let file = file.clone();
                service::blocking(move || {
                    let written = os::file::write_all_at(&file, &bytes, offset);
                    (written.and_then(|()| file.sync_data()), bytes)
                })
                .await
            }
            Inner::Sim(file) => (file.commit(&bytes, offset).await, bytes),
        }
    }

    /// Makes the file at least `len` bytes long with real blocks behind them, so that a full disk
    /// is an error here and not later.
    pub async fn allocate(&self, len: u64) -> io::Result<()> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => allocate(file.std(), len).await,
            Inner::Blocking(file) => allocate(file, len).await,
            Inner::Sim(file) => file.allocate(len).await,
        }
    }

    /// Cuts or extends (with a hole) the file.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => set_len(file.std(), len).await,
            Inner::Blocking(file) => set_len(file, len).await,
            Inner::Sim(file) => file.set_len(len).await,
        }
    }

    /// The file's length.
    pub fn len(&self) -> io::Result<u64> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => file.std().metadata().map(|metadata| metadata.len()),
            Inner::Blocking(file) => file.metadata().map(|metadata| metadata.len()),
            Inner::Sim(file) => Ok(file.len()),
        }
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// What is known of it now, without waiting, whatever it is called by now.
    pub fn stat(&self) -> io::Result<Stat> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => Ok(stat_of(&file.std().metadata()?)),
            Inner::Blocking(file) => Ok(stat_of(&file.metadata()?)),
            Inner::Sim(file) => Ok(file.stat()),
        }
    }

    /// Maps the whole file as it is now.
    pub fn map(&self) -> io::Result<Mapping> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Ring(file) => map(file.std()),
            Inner::Blocking(file) => map(file),
            Inner::Sim(file) => file.map().map(Mapping::sim),
        }
    }
}

async fn allocate(file: &Arc<std::fs::File>, len: u64) -> io::Result<()> {
    let file = file.clone();
    service::blocking(move || os::file::allocate(&file, len)).await
}

async fn set_len(file: &Arc<std::fs::File>, len: u64) -> io::Result<()> {
    let file = file.clone();
    service::blocking(move || file.set_len(len)).await
}

fn map(file: &std::fs::File) -> io::Result<Mapping> {
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    os::file::Mapping::new(file, len).map(Mapping::mapped)
}
