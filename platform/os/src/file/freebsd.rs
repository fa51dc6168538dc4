//! posix_fallocate, and writing zeros where a file system (ZFS) refuses it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

pub(super) use super::unix::sync_dir;

pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let end = libc::off_t::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: the descriptor is open as long as `file`.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, end) } {
        0 => Ok(()),
        libc::EINVAL | libc::EOPNOTSUPP => extend_with_zeros(file, len),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// A copy-on-write file system promises no space; what can be had is a written length.
fn extend_with_zeros(file: &File, len: u64) -> io::Result<()> {
    let zeros = vec![0u8; 1 << 16];
    let mut offset = file.metadata()?.len();
    while offset < len {
        let count = zeros.len().min((len - offset) as usize);
        super::write_all_at(file, &zeros[..count], offset)?;
        offset += count as u64;
    }
    Ok(())
}
