//! fallocate, and writing zeros where a file system has none.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

pub(super) use super::unix::sync_dir;

pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let end =
        libc::off64_t::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    loop {
        // SAFETY: the descriptor is open as long as `file`.
        let code = unsafe { libc::fallocate64(file.as_raw_fd(), 0, 0, end) };
        if code == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EOPNOTSUPP) => return allocate_by_writing(file, end),
            _ => return Err(error),
        }
    }
}

/// The C library's own emulation writes into each block.
fn allocate_by_writing(file: &File, end: libc::off64_t) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `file`.
    match unsafe { libc::posix_fallocate64(file.as_raw_fd(), 0, end) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}
