//! F_PREALLOCATE, then the length.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

pub(super) use super::unix::sync_dir;

pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    let missing = len.saturating_sub(metadata.len());
    if missing == 0 {
        return Ok(());
    }
    let bytes =
        libc::off_t::try_from(missing).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    let mut store = libc::fstore_t {
        fst_flags: libc::F_ALLOCATEALL,
        // From the physical end of the file.
        fst_posmode: libc::F_PEOFPOSMODE,
        fst_offset: 0,
        fst_length: bytes,
        fst_bytesalloc: 0,
    };
    // SAFETY: the descriptor is open as long as `file`, `store` is a live fstore_t.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PREALLOCATE, &raw mut store) } == -1 {
        return Err(io::Error::last_os_error());
    }
    file.set_len(len)
}
