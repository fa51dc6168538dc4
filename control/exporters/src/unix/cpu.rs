//! Collectors `cpu`, `cpufreq` and `cpu_vulnerabilities`.

use std::collections::BTreeMap;

use os::host::ticks_per_second;
use regex::Regex;

use super::host::{Failure, Host, Outcome, names, number_property, numbered, parse, property};
use crate::families::Families;

const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];

pub fn cpu(host: &Host, out: &mut Families) -> Outcome {
    let settings = &host.arguments.cpu;
    let filtered = host.filters.cpu_flags.is_some() || host.filters.cpu_bugs.is_some();
    if settings.info || filtered {
        info(host, out)?;
    }
    seconds(host, out)?;
    if let Ok(list) = host.sys_text("devices/system/cpu/isolated") {
        let help = "Whether each core is isolated, information from \
                    /sys/devices/system/cpu/isolated.";
        for cpu in cores(&list) {
            out.gauge("node_cpu_isolated", help, &[("cpu", &cpu.to_string())], 1.0);
        }
    }
    throttles(host, out)?;
    online(host, out)
}

/// Times as the kernel gives them, also where one of them goes back after a hot-plug.
fn seconds(host: &Host, out: &mut Families) -> Outcome {
    let ticks = ticks_per_second() as f64;
    for line in host.proc_text("stat")?.lines() {
        let Some(rest) = line.strip_prefix("cpu") else {
            continue;
        };
        let mut fields = rest.split_ascii_whitespace();
        // The first line sums up all of them.
        if rest.starts_with(' ') {
            continue;
        }
        let cpu = fields.next().unwrap_or_default();
        for mode in MODES {
            let value: f64 = parse(fields.next().unwrap_or("0"), "stat")?;
            let help = "Seconds the CPUs spent in each mode.";
            let labels = [("cpu", cpu), ("mode", mode)];
            out.counter("node_cpu_seconds_total", help, &labels, value / ticks);
        }
        if !host.arguments.cpu.guest {
            continue;
        }
        for mode in ["user", "nice"] {
            let value: f64 = parse(fields.next().unwrap_or("0"), "stat")?;
            let help = "Seconds the CPUs spent in guests (VMs) for each mode.";
            let labels = [("cpu", cpu), ("mode", mode)];
            out.counter("node_cpu_guest_seconds_total", help, &labels, value / ticks);
        }
    }
    Ok(())
}

fn info(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("cpuinfo")?;
    let frequencies = host.arguments.collectors();
    let frequencies = frequencies.iter().any(|it| it.name == "cpufreq");
    for (index, block) in text.split("\n\n").enumerate() {
        let fields: BTreeMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        if field("processor").is_empty() {
            continue;
        }
        let labels = [
            ("package", field("physical id")),
            ("core", field("core id")),
            ("cpu", field("processor")),
            ("vendor", field("vendor_id")),
            ("family", field("cpu family")),
            ("model", field("model")),
            ("model_name", field("model name")),
            ("microcode", field("microcode")),
            ("stepping", field("stepping")),
            ("cachesize", field("cache size")),
        ];
        out.gauge(
            "node_cpu_info",
            "CPU information from /proc/cpuinfo.",
            &labels,
            1.0,
        );
        if frequencies {
            let megahertz: f64 = field("cpu MHz").parse().unwrap_or(0.0);
            let help = "CPU frequency in hertz from /proc/cpuinfo.";
            out.gauge(
                "node_cpu_frequency_hertz",
                help,
                &labels[..3],
                megahertz * 1e6,
            );
        }
        if index == 0 {
            words("flag", field("flags"), host.filters.cpu_flags.as_ref(), out);
            words("bug", field("bugs"), host.filters.cpu_bugs.as_ref(), out);
        }
    }
    Ok(())
}

fn words(kind: &str, text: &str, wanted: Option<&Regex>, out: &mut Families) {
    let Some(wanted) = wanted else {
        return;
    };
    let help = format!(
        "The `{kind}s` field of CPU information from /proc/cpuinfo taken from the first core."
    );
    let name = format!("node_cpu_{kind}_info");
    for word in text
        .split_ascii_whitespace()
        .filter(|it| wanted.is_match(it))
    {
        out.gauge(&name, &help, &[(kind, word)], 1.0);
    }
}

fn throttles(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/cpu");
    let mut cores = BTreeMap::new();
    let mut packages = BTreeMap::new();
    for cpu in numbered(&folder, "cpu").unwrap_or_default() {
        let cpu = folder.join(cpu);
        let package = property(&cpu, "topology/physical_package_id");
        let core = property(&cpu, "topology/core_id");
        let (Some(package), Some(core)) = (package, core) else {
            continue;
        };
        if let Some(count) = number_property(&cpu, "thermal_throttle/core_throttle_count") {
            cores.entry((package.clone(), core)).or_insert(count);
        }
        if let Some(count) = number_property(&cpu, "thermal_throttle/package_throttle_count") {
            packages.entry(package).or_insert(count);
        }
    }
    for ((package, core), count) in &cores {
        let help = "Number of times this CPU core has been throttled.";
        let labels = [("package", package.as_str()), ("core", core)];
        out.counter("node_cpu_core_throttles_total", help, &labels, *count);
    }
    for (package, count) in &packages {
        let help = "Number of times this CPU package has been throttled.";
        let labels = [("package", package.as_str())];
        out.counter("node_cpu_package_throttles_total", help, &labels, *count);
    }
    Ok(())
}

/// Nothing where the first core cannot be taken off line.
fn online(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/cpu");
    let cpus = numbered(&folder, "cpu").unwrap_or_default();
    let first = cpus.first().map(|cpu| folder.join(cpu));
    if !first.is_some_and(|cpu| cpu.join("online").exists()) {
        return Ok(());
    }
    for cpu in cpus {
        let online = property(&folder.join(&cpu), "online").is_some_and(|it| it == "1");
        let help = "CPUs that are online and being scheduled.";
        let labels = [("cpu", &cpu["cpu".len()..])];
        out.gauge(
            "node_cpu_online",
            help,
            &labels,
            f64::from(u8::from(online)),
        );
    }
    Ok(())
}

/// The numbers of a list such as `0-2,5`.
///
/// Limit: of a range no more than 65,536 are taken, which is more than kernels have.
fn cores(list: &str) -> Vec<u32> {
    let mut cores = Vec::new();
    for range in list.trim().split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) {
            cores.extend(from..=to.min(from.saturating_add(65_535)));
        }
    }
    cores
}

/// File, metric and help.
const FREQUENCIES: [(&str, &str, &str); 7] = [
    (
        "cpuinfo_cur_freq",
        "node_cpu_frequency_hertz",
        "Current CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_avg_freq",
        "node_cpu_frequency_avg_hertz",
        "Average CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_min_freq",
        "node_cpu_frequency_min_hertz",
        "Minimum CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_max_freq",
        "node_cpu_frequency_max_hertz",
        "Maximum CPU thread frequency in hertz.",
    ),
    (
        "scaling_cur_freq",
        "node_cpu_scaling_frequency_hertz",
        "Current scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_min_freq",
        "node_cpu_scaling_frequency_min_hertz",
        "Minimum scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_max_freq",
        "node_cpu_scaling_frequency_max_hertz",
        "Maximum scaled CPU thread frequency in hertz.",
    ),
];

pub fn frequencies(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/cpu");
    for cpu in numbered(&folder, "cpu")? {
        let number = &cpu["cpu".len()..];
        let folder = folder.join(&cpu).join("cpufreq");
        for (file, name, help) in FREQUENCIES {
            if let Some(kilohertz) = number_property(&folder, file) {
                out.gauge(name, help, &[("cpu", number)], kilohertz * 1000.0);
            }
        }
        let Some(current) = property(&folder, "scaling_governor") else {
            continue;
        };
        let governors = property(&folder, "scaling_available_governors").unwrap_or_default();
        for governor in governors.split(' ') {
            let help = "Current enabled CPU frequency governor.";
            let labels = [("cpu", number), ("governor", governor)];
            let value = f64::from(u8::from(governor == current));
            out.gauge("node_cpu_scaling_governor", help, &labels, value);
        }
    }
    Ok(())
}

pub fn vulnerabilities(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/cpu/vulnerabilities");
    for name in names(&folder)? {
        let text = property(&folder, &name)
            .ok_or_else(|| Failure::new(format!("cannot read vulnerability \"{name}\"")))?;
        let lower = text.to_ascii_lowercase();
        let (state, mitigation) = match lower.as_str() {
            "not affected" => ("not affected", ""),
            it if it.starts_with("vulnerable") => ("vulnerable", ""),
            it if it.starts_with("mitigation: ") => ("mitigation", &text["mitigation: ".len()..]),
            _ => ("unknown", ""),
        };
        let labels = [
            ("codename", name.as_str()),
            ("mitigation", mitigation),
            ("state", state),
        ];
        let help = "Details of each CPU vulnerability reported by sysfs. The value of the series \
                    is an int encoded state of the vulnerability. The same state is stored as a \
                    string in the label";
        out.gauge("node_cpu_vulnerabilities_info", help, &labels, 1.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_hold_numbers_and_ranges() {
        assert_eq!(cores("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(cores("\n"), [] as [u32; 0]);
        assert_eq!(cores("7-x"), [] as [u32; 0]);
        assert_eq!(cores("0-4294967295").len(), 65_536);
    }
}
