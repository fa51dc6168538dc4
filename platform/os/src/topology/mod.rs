//! Which cores this process may use, and pinning to one of them.

use std::collections::BTreeSet;

#[cfg(target_os = "linux")]
mod linux;

/// The cores that shards can be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Core numbers allowed by the process's affinity, which the container's cpuset limits;
    /// ascending, never empty.
    pub cores: Vec<usize>,
    /// CPU seconds per second that the container may use, if it is limited.
    pub quota: Option<f64>,
}

impl Topology {
    /// The number of shards that fits this machine: a core each, but no more than the quota feeds.
    pub fn shard_count(&self) -> usize {
        let fed = self.quota.map_or(usize::MAX, |quota| quota.ceil() as usize);
        self.cores.len().min(fed).max(1)
    }

    /// The allowed cores as a range list (`0-3,8`), as [`parse_cores`] takes it.
    pub fn ranges(&self) -> String {
        let mut text = String::new();
        let mut rest = self.cores.as_slice();
        while let Some(&first) = rest.first() {
            let run = rest
                .iter()
                .enumerate()
                .take_while(|(i, core)| **core == first + i)
                .count();
            if !text.is_empty() {
                text.push(',');
            }
            text += &first.to_string();
            if run > 1 {
                text += &format!("-{}", first + run - 1);
            }
            rest = &rest[run..];
        }
        text
    }
}

/// What this process may use now.
pub fn topology() -> Topology {
    let mut cores: Vec<usize> = core_affinity::get_core_ids()
        .unwrap_or_default()
        .into_iter()
        .map(|core| core.id)
        .collect();
    cores.sort_unstable();
    cores.dedup();
    if cores.is_empty() {
        // The system does not tell: count them.
        let count = std::thread::available_parallelism().map_or(1, |count| count.get());
        cores = (0..count).collect();
    }
    Topology {
        cores,
        quota: quota(),
    }
}

#[cfg(target_os = "linux")]
fn quota() -> Option<f64> {
    linux::quota()
}

/// Only Linux containers limit CPU time.
#[cfg(not(target_os = "linux"))]
fn quota() -> Option<f64> {
    None
}

/// Pins the running thread to a core that it may use now; false if it may not, or if the system
/// refuses. macOS takes it as a hint.
pub fn pin_current(core: usize) -> bool {
    // The crate indexes a fixed set with the number: one out of range must not get there.
    let allowed = core_affinity::get_core_ids().unwrap_or_default();
    allowed.iter().any(|id| id.id == core)
        && core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// Parses a list of cores: `0-3,8`. Each core must be one of the topology's, and be named once.
pub fn parse_cores(text: &str, topology: &Topology) -> Result<Vec<usize>, String> {
    let valid = topology.ranges();
    let wrong = |reason: String| format!("invalid cores {text:?}: {reason}; valid: {valid}");
    let mut cores = BTreeSet::new();
    for part in text.split(',') {
        let part = part.trim();
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let core = if plain {
                digits.parse::<usize>().ok()
            } else {
                None
            };
            core.ok_or_else(|| wrong(format!("{digits:?} is no core number")))
        };
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first.trim())?, number(last.trim())?),
            None => (number(part)?, number(part)?),
        };
        if last < first {
            return Err(wrong(format!("range {part:?} runs backwards")));
        }
        for core in first..=last {
            if topology.cores.binary_search(&core).is_err() {
                return Err(wrong(format!("core {core} is not available")));
            }
            if !cores.insert(core) {
                return Err(wrong(format!("core {core} is named twice")));
            }
        }
    }
    Ok(cores.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cores: &[usize], quota: Option<f64>) -> Topology {
        Topology {
            cores: cores.to_vec(),
            quota,
        }
    }

    #[test]
    fn this_machine_has_a_core_that_can_be_pinned() {
        let topology = topology();
        assert!(!topology.cores.is_empty());
        assert!(topology.cores.is_sorted());
        let core = topology.cores[0];
        let pinned = std::thread::spawn(move || pin_current(core))
            .join()
            .unwrap();
        assert!(pinned);
    }

    #[test]
    fn shards_follow_cores_and_quota() {
        assert_eq!(machine(&[0, 1, 2, 3], None).shard_count(), 4);
        assert_eq!(machine(&[0, 1, 2, 3], Some(1.5)).shard_count(), 2);
        assert_eq!(machine(&[0, 1], Some(8.0)).shard_count(), 2);
        assert_eq!(machine(&[0, 1], Some(0.1)).shard_count(), 1);
    }

    #[test]
    fn core_lists_parse_into_sorted_cores() {
        let topology = machine(&[0, 1, 2, 3, 8, 9], None);
        assert_eq!(topology.ranges(), "0-3,8-9");
        for (text, cores) in [
            ("0", vec![0]),
            ("0-3,8", vec![0, 1, 2, 3, 8]),
            ("8, 0-1", vec![0, 1, 8]),
            ("9-9", vec![9]),
        ] {
            assert_eq!(parse_cores(text, &topology), Ok(cores), "{text}");
        }
        assert_eq!(
            parse_cores(&topology.ranges(), &topology),
            Ok(topology.cores.clone())
        );
    }

    #[test]
    fn bad_core_lists_name_the_valid_range() {
        let topology = machine(&[0, 1, 2, 3, 8], None);
        for (text, reason) in [
            ("", "\"\" is no core number"),
            ("a", "\"a\" is no core number"),
            ("+1", "\"+1\" is no core number"),
            ("0,,1", "\"\" is no core number"),
            ("4", "core 4 is not available"),
            ("0-99999999999999", "core 4 is not available"),
            ("3-1", "range \"3-1\" runs backwards"),
            ("0-1,1", "core 1 is named twice"),
        ] {
            let error = parse_cores(text, &topology).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(error.ends_with("valid: 0-3,8"), "{error}");
        }
    }
}
