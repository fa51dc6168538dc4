//! `/proc/self/stat`, `/proc/stat` and `/proc/net/dev`.

use std::fs;

use super::{NetworkBytes, Usage};

pub(super) fn usage() -> Option<Usage> {
    // SAFETY: sysconf has no preconditions.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let stat = Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)?;
    let booted = booted_seconds(&fs::read_to_string("/proc/stat").ok()?)?;
    let ticks = ticks as f64;
    Some(Usage {
        cpu_seconds: stat.cpu_ticks as f64 / ticks,
        virtual_bytes: stat.virtual_bytes,
        started_seconds: booted + stat.started_ticks as f64 / ticks,
        // One of them is the folder that is being read.
        open_files: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
    })
}

pub(super) fn network_bytes() -> Option<NetworkBytes> {
    parse_network(&fs::read_to_string("/proc/net/dev").ok()?)
}

pub(super) fn hostname() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

struct Stat {
    cpu_ticks: u64,
    started_ticks: u64,
    virtual_bytes: u64,
}

impl Stat {
    /// The fields behind the name, which may hold blanks and brackets itself: state is the first.
    fn parse(text: &str) -> Option<Stat> {
        let (_, fields) = text.rsplit_once(')')?;
        let field = |index: usize| {
            fields
                .split_ascii_whitespace()
                .nth(index)?
                .parse::<u64>()
                .ok()
        };
        Some(Stat {
            cpu_ticks: field(11)? + field(12)?,
            started_ticks: field(19)?,
            virtual_bytes: field(20)?,
        })
    }
}

fn booted_seconds(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn parse_network(text: &str) -> Option<NetworkBytes> {
    let mut sum = NetworkBytes::default();
    // Two lines of headings.
    for line in text.lines().skip(2) {
        let (name, counts) = line.split_once(':')?;
        if name.trim() == "lo" {
            continue;
        }
        let count = |index: usize| {
            counts
                .split_ascii_whitespace()
                .nth(index)?
                .parse::<u64>()
                .ok()
        };
        sum.received += count(0)?;
        sum.sent += count(8)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let text = "42 (a ) b) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 1000 9999 7 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(
            (stat.cpu_ticks, stat.started_ticks, stat.virtual_bytes),
            (300, 1000, 9999)
        );
    }

    #[test]
    fn the_loopback_interface_does_not_count() {
        let text = "Inter-|\n face |\n    lo: 5 0 0 0 0 0 0 0 6 0 0 0 0 0 0 0\n  \
                    eth0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n  \
                    eth1:1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n";
        assert_eq!(
            parse_network(text),
            Some(NetworkBytes {
                received: 11,
                sent: 22
            })
        );
    }

    #[test]
    fn this_process_has_started_before_now() {
        let usage = usage().unwrap();
        assert!(usage.cpu_seconds >= 0.0 && usage.virtual_bytes > 0 && usage.open_files > 0);
        assert!(usage.started_seconds > 1.5e9, "{usage:?}");
    }
}
