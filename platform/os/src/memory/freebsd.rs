//! `hw.physmem` and the resource usage of the process.

use std::mem;

pub(super) fn memory_limit() -> u64 {
    let mut bytes = 0 as libc::c_ulong;
    let mut len = mem::size_of::<libc::c_ulong>();
    // SAFETY: the name is a C string, `bytes` and `len` describe a live unsigned long.
    let code = unsafe {
        libc::sysctlbyname(
            c"hw.physmem".as_ptr(),
            (&raw mut bytes).cast(),
            &raw mut len,
            std::ptr::null(),
            0,
        )
    };
    if code == 0 { bytes } else { u64::MAX }
}

/// The highest value so far: the current one needs libkvm.
pub(super) fn resident_bytes() -> Option<u64> {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `usage` is a live rusage.
    let code = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    let kibibytes = u64::try_from(usage.ru_maxrss).ok()?;
    (code == 0).then_some(kibibytes * 1024)
}
