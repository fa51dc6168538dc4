//! Memory of the machine and of the process, from kernel32.

use std::ffi::c_void;
use std::mem;

#[repr(C)]
struct MemoryStatus {
    length: u32,
    load: u32,
    total_physical: u64,
    available_physical: u64,
    total_page_file: u64,
    available_page_file: u64,
    total_virtual: u64,
    available_virtual: u64,
    available_extended_virtual: u64,
}

#[repr(C)]
struct MemoryCounters {
    length: u32,
    page_faults: u32,
    peak_working_set: usize,
    working_set: usize,
    quotas: [usize; 4],
    page_file: usize,
    peak_page_file: usize,
}

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GlobalMemoryStatusEx(status: *mut MemoryStatus) -> i32;
    fn GetCurrentProcess() -> *mut c_void;
    fn K32GetProcessMemoryInfo(
        process: *mut c_void,
        counters: *mut MemoryCounters,
        length: u32,
    ) -> i32;
}

pub(super) fn memory_limit() -> u64 {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut status: MemoryStatus = unsafe { mem::zeroed() };
    status.length = mem::size_of::<MemoryStatus>() as u32;
    // SAFETY: `status` is live and says its own length.
    let done = unsafe { GlobalMemoryStatusEx(&raw mut status) };
    if done != 0 {
        status.total_physical
    } else {
        u64::MAX
    }
}

pub(super) fn resident_bytes() -> Option<u64> {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut counters: MemoryCounters = unsafe { mem::zeroed() };
    counters.length = mem::size_of::<MemoryCounters>() as u32;
    // SAFETY: `counters` is live and of the given length; the process handle is a constant.
    let done =
        unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, counters.length) };
    (done != 0).then_some(counters.working_set as u64)
}
