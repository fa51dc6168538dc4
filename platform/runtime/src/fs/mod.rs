//! Files and folders.
//!
//! [`File`] is for data: positional, owned buffers, explicit syncs. It runs on a ring where the
//! kernel allows one, else on the service's blocking threads. Calls on names (open, rename, remove)
//! are rare and always take the blocking threads. In a simulation all of it is the simulated disk.

mod file;
mod lock;
mod mapping;
mod names;
mod stat;

pub use file::{File, OpenOptions};
pub use lock::{Lock, lock};
pub use mapping::Mapping;
pub use names::{
    DirEntry, append, create_dir_all, exists, open, read, read_dir, remove_file, rename, sync_dir,
    write_atomic,
};
pub use stat::{Identity, Stat, stat_all};
