//! `hw.memsize` and the task information of the kernel.

use std::mem;

pub(super) fn memory_limit() -> u64 {
    let mut bytes = 0u64;
    let mut len = mem::size_of::<u64>();
    // SAFETY: the name is a C string, `bytes` and `len` describe a live u64.
    let code = unsafe {
        libc::sysctlbyname(
            c"hw.memsize".as_ptr(),
            (&raw mut bytes).cast(),
            &raw mut len,
            std::ptr::null_mut(),
            0,
        )
    };
    if code == 0 { bytes } else { u64::MAX }
}

pub(super) fn resident_bytes() -> Option<u64> {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut info: libc::proc_taskinfo = unsafe { mem::zeroed() };
    let size = mem::size_of::<libc::proc_taskinfo>() as libc::c_int;
    // SAFETY: `info` is a live proc_taskinfo of `size` bytes.
    let written = unsafe {
        libc::proc_pidinfo(
            libc::getpid(),
            libc::PROC_PIDTASKINFO,
            0,
            (&raw mut info).cast(),
            size,
        )
    };
    (written == size).then_some(info.pti_resident_size)
}
