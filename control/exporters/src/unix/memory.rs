//! Collectors of memory: `meminfo`, `meminfo_numa`, `vmstat`, `buddyinfo`, `ksmd` and `swap`.

use super::host::{Failure, Host, Outcome, number_property, numbered, parse, read};
use crate::families::Families;

/// Limit: classes of sizes in a line of `buddyinfo`; kernels have 11.
const ORDERS_MAX: usize = 64;

pub fn meminfo(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("meminfo")?.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(name), Some(value)) = (fields.next(), fields.next()) else {
            continue;
        };
        let number: f64 = parse(value, "meminfo")?;
        let mut name = plain(name.trim_end_matches(':'));
        let value = match fields.next() {
            None => number,
            Some("kB") => {
                name.push_str("_bytes");
                number * 1024.0
            }
            Some(unit) => return Err(Failure::new(format!("unknown unit \"{unit}\""))),
        };
        let help = format!("Memory information field {name}.");
        add(&format!("node_memory_{name}"), &help, &[], value, out);
    }
    Ok(())
}

/// Compat: what ends in `_total` is a counter.
fn add(name: &str, help: &str, labels: &[(&str, &str)], value: f64, out: &mut Families) {
    if name.ends_with("_total") {
        out.counter(name, help, labels, value);
    } else {
        out.gauge(name, help, labels, value);
    }
}

/// `Active(anon)` is `Active_anon`.
fn plain(name: &str) -> String {
    name.replace('(', "_").replace(')', "")
}

pub fn meminfo_numa(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/node");
    for node in numbered(&folder, "node")? {
        let labels = [("node", &node["node".len()..])];
        for line in read(&folder.join(&node).join("meminfo"))?.lines() {
            // Node 0 MemTotal:  1 kB
            let mut fields = line.split_ascii_whitespace().skip(2);
            let (Some(name), Some(value)) = (fields.next(), fields.next()) else {
                continue;
            };
            let number: f64 = parse(value, "meminfo")?;
            let mut name = plain(name.trim_end_matches(':'));
            let mut value = number;
            if fields.next() == Some("kB") {
                name.push_str("_bytes");
                value *= 1024.0;
            }
            let help = format!("Memory information field {name}.");
            out.gauge(&format!("node_memory_numa_{name}"), &help, &labels, value);
        }
        for line in read(&folder.join(&node).join("numastat"))?.lines() {
            let Some((name, value)) = line.split_once(' ') else {
                continue;
            };
            let help = format!("Memory information field {name}_total.");
            let metric = format!("node_memory_numa_{name}_total");
            let value = parse(value.trim(), "numastat")?;
            out.counter(&metric, &help, &labels, value);
        }
    }
    Ok(())
}

pub fn vmstat(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("vmstat")?.lines() {
        let Some((name, value)) = line.split_once(' ') else {
            continue;
        };
        if !host.filters.vmstat.takes(name) {
            continue;
        }
        let help = format!("/proc/vmstat information field {name}.");
        let value = parse(value.trim(), "vmstat")?;
        out.untyped(&format!("node_vmstat_{name}"), &help, &[], value);
    }
    Ok(())
}

pub fn buddyinfo(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("buddyinfo")?.lines() {
        // Node 0, zone   Normal  1 2 3
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let ["Node", node, "zone", zone, blocks @ ..] = &fields[..] else {
            return Err(Failure::new("a line of \"buddyinfo\" is not understood"));
        };
        for (size, count) in blocks.iter().enumerate().take(ORDERS_MAX) {
            let size = size.to_string();
            let labels = [
                ("node", node.trim_end_matches(',')),
                ("zone", zone),
                ("size", &size),
            ];
            let help = "Count of free blocks according to size.";
            out.gauge(
                "node_buddyinfo_blocks",
                help,
                &labels,
                parse(count, "buddyinfo")?,
            );
        }
    }
    Ok(())
}

pub fn ksmd(host: &Host, out: &mut Families) -> Outcome {
    const FILES: [(&str, &str); 9] = [
        ("full_scans", "full_scans_total"),
        ("merge_across_nodes", "merge_across_nodes"),
        ("pages_shared", "pages_shared"),
        ("pages_sharing", "pages_sharing"),
        ("pages_to_scan", "pages_to_scan"),
        ("pages_unshared", "pages_unshared"),
        ("pages_volatile", "pages_volatile"),
        ("run", "run"),
        ("sleep_millisecs", "sleep_seconds"),
    ];
    let folder = host.sys.join("kernel/mm/ksm");
    for (file, name) in FILES {
        let mut value = number_property(&folder, file).ok_or(Failure::NoData)?;
        if file == "sleep_millisecs" {
            value /= 1000.0;
        }
        let help = format!("ksmd '{file}' file.");
        add(&format!("node_ksmd_{name}"), &help, &[], value, out);
    }
    Ok(())
}

pub fn swap(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("swaps")?.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [device, kind, size, used, priority] = fields[..] else {
            continue;
        };
        let labels = [("device", device), ("swap_type", kind)];
        let size: f64 = parse(size, "swaps")?;
        let help = "Swap device size in bytes.";
        out.gauge("node_swap_size_bytes", help, &labels, size * 1024.0);
        let used: f64 = parse(used, "swaps")?;
        let help = "Swap device used in bytes.";
        out.gauge("node_swap_used_bytes", help, &labels, used * 1024.0);
        let priority = parse(priority, "swaps")?;
        out.gauge(
            "node_swap_priority",
            "Swap device priority.",
            &labels,
            priority,
        );
    }
    Ok(())
}
