//! `statfs`, `adjtimex`, `uname` and `sysconf`.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Clock, Room};

pub(super) fn room(path: &Path) -> io::Result<Room> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path ends with a zero byte and lives as long as the call; the kernel writes one
    // statfs where there is room for one.
    let answer = unsafe { libc::statfs(path.as_ptr(), stat.as_mut_ptr()) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed bytes are a valid statfs, and the kernel has filled it.
    let stat = unsafe { stat.assume_init() };
    let block = stat.f_bsize as u64;
    Ok(Room {
        size_bytes: stat.f_blocks.saturating_mul(block),
        free_bytes: stat.f_bfree.saturating_mul(block),
        available_bytes: stat.f_bavail.saturating_mul(block),
        files: stat.f_files,
        files_free: stat.f_ffree,
    })
}

pub(super) fn clock() -> io::Result<Clock> {
    let mut timex = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: with modes 0, as zeroed bytes have it, the call only reads the clock's state into a
    // struct that there is room for.
    let state = unsafe { libc::adjtimex(timex.as_mut_ptr()) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed bytes are a valid timex, and the kernel has filled it.
    let timex = unsafe { timex.assume_init() };
    Ok(Clock {
        synchronized: state != libc::TIME_ERROR,
        offset: timex.offset,
        frequency: timex.freq,
        error_max: timex.maxerror,
        error_estimated: timex.esterror,
        status: i64::from(timex.status),
        constant: timex.constant,
        tick: timex.tick,
        pps_frequency: timex.ppsfreq,
        pps_jitter: timex.jitter,
        pps_shift: i64::from(timex.shift),
        pps_stability: timex.stabil,
        pps_jitter_count: timex.jitcnt,
        pps_calibration_count: timex.calcnt,
        pps_error_count: timex.errcnt,
        pps_stability_count: timex.stbcnt,
        tai: i64::from(timex.tai),
        nanoseconds: timex.status & libc::STA_NANO != 0,
    })
}

pub(super) fn machine() -> String {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel writes one utsname where there is room for one.
    if unsafe { libc::uname(names.as_mut_ptr()) } != 0 {
        return std::env::consts::ARCH.to_owned();
    }
    // SAFETY: zeroed bytes are a valid utsname, and the kernel has filled it.
    let names = unsafe { names.assume_init() };
    // SAFETY: the kernel ends each name with a zero byte inside of its array.
    let machine = unsafe { CStr::from_ptr(names.machine.as_ptr()) };
    machine.to_string_lossy().into_owned()
}

pub(super) fn page_bytes() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

pub(super) fn ticks_per_second() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_room_and_the_machine_a_name() {
        let room = room(Path::new("/")).expect("there is a root");
        assert!(room.available_bytes <= room.free_bytes && room.free_bytes <= room.size_bytes);
        assert!(super::room(Path::new("/no/such/folder")).is_err());
        assert!(!machine().is_empty());
        assert!(page_bytes().is_power_of_two());
    }
}
