//! `/proc/meminfo`, `/proc/self/statm` and the control group's memory limit.

use std::fs;

use super::cgroup;

pub(super) fn memory_limit() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = machine_bytes(&meminfo).unwrap_or(u64::MAX);
    let v2 = cgroup::files("", "memory.max");
    let v1 = cgroup::files("memory", "memory.limit_in_bytes");
    // "max" (version 2) and a number near 2^63 (version 1) mean unlimited.
    let limits = v2
        .iter()
        .chain(&v1)
        .filter_map(|text| text.trim().parse::<u64>().ok());
    limits.fold(machine, u64::min)
}

fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

pub(super) fn resident_bytes() -> Option<u64> {
    Some(statm()?.resident_bytes)
}

pub(super) fn anonymous_bytes() -> Option<u64> {
    let statm = statm()?;
    Some(statm.resident_bytes.saturating_sub(statm.shared_bytes))
}

struct Statm {
    resident_bytes: u64,
    /// Pages of files and of shared memory.
    shared_bytes: u64,
}

fn statm() -> Option<Statm> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split(' ').skip(1).map(str::parse::<u64>);
    // SAFETY: sysconf has no preconditions.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let page_bytes = u64::try_from(page_bytes).ok()?;
    Some(Statm {
        resident_bytes: pages.next()?.ok()? * page_bytes,
        shared_bytes: pages.next()?.ok()? * page_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_gives_the_machine_size() {
        let text = "MemTotal:        8145908 kB\nMemFree:          812 kB\n";
        assert_eq!(machine_bytes(text), Some(8_145_908 * 1024));
        assert_eq!(machine_bytes("MemFree: 1 kB\n"), None);
    }
}
