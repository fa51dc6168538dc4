//! Collectors of what the kernel counts about itself: `stat`, `loadavg`, `filefd`, `entropy`,
//! `pressure`, `schedstat`, `interrupts`, `softirqs`, `processes` and `sysctl`.

use std::collections::BTreeMap;

use super::host::{Failure, Host, Outcome, numbered, parse, read};
use crate::families::Families;

pub fn stat(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("stat")?.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(name), Some(value)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (metric, help, counter) = match name {
            "intr" => (
                "node_intr_total",
                "Total number of interrupts serviced.",
                true,
            ),
            "ctxt" => (
                "node_context_switches_total",
                "Total number of context switches.",
                true,
            ),
            "processes" => ("node_forks_total", "Total number of forks.", true),
            "btime" => (
                "node_boot_time_seconds",
                "Node boot time, in unixtime.",
                false,
            ),
            "procs_running" => (
                "node_procs_running",
                "Number of processes in runnable state.",
                false,
            ),
            "procs_blocked" => (
                "node_procs_blocked",
                "Number of processes blocked waiting for I/O to complete.",
                false,
            ),
            _ => continue,
        };
        let value = parse(value, "stat")?;
        if counter {
            out.counter(metric, help, &[], value);
        } else {
            out.gauge(metric, help, &[], value);
        }
    }
    Ok(())
}

pub fn loadavg(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("loadavg")?;
    let mut fields = text.split_ascii_whitespace();
    for (name, help) in [
        ("node_load1", "1m load average."),
        ("node_load5", "5m load average."),
        ("node_load15", "15m load average."),
    ] {
        let value = parse(fields.next().unwrap_or_default(), "loadavg")?;
        out.gauge(name, help, &[], value);
    }
    Ok(())
}

pub fn filefd(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("sys/fs/file-nr")?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [allocated, _, maximum] = fields[..] else {
        return Err(Failure::new("unexpected number of file stats in file-nr"));
    };
    for (name, value) in [("allocated", allocated), ("maximum", maximum)] {
        let metric = format!("node_filefd_{name}");
        let help = format!("File descriptor statistics: {name}.");
        out.gauge(&metric, &help, &[], parse(value, "file-nr")?);
    }
    Ok(())
}

pub fn entropy(host: &Host, out: &mut Families) -> Outcome {
    let folder = "sys/kernel/random";
    let available = host.proc_number(&format!("{folder}/entropy_avail"))?;
    let help = "Bits of available entropy.";
    out.gauge("node_entropy_available_bits", help, &[], available);
    let size = host.proc_number(&format!("{folder}/poolsize"))?;
    out.gauge(
        "node_entropy_pool_size_bits",
        "Bits of entropy pool.",
        &[],
        size,
    );
    Ok(())
}

pub fn pressure(host: &Host, out: &mut Families) -> Outcome {
    const SOME: [(&str, &str, &str); 3] = [
        (
            "cpu",
            "cpu_waiting",
            "that processes have waited for CPU time",
        ),
        (
            "io",
            "io_waiting",
            "that processes have waited due to IO congestion",
        ),
        (
            "memory",
            "memory_waiting",
            "that processes have waited for memory",
        ),
    ];
    const FULL: [(&str, &str, &str); 3] = [
        (
            "io",
            "io_stalled",
            "no process could make progress due to IO congestion",
        ),
        (
            "memory",
            "memory_stalled",
            "no process could make progress due to memory congestion",
        ),
        (
            "irq",
            "irq_stalled",
            "no process could make progress due to IRQ congestion",
        ),
    ];
    let mut found = false;
    for (word, list) in [("some ", SOME), ("full ", FULL)] {
        for (resource, name, what) in list {
            // Kernels without the resource have no file; those that switched it off refuse.
            let Ok(text) = host.proc_text(&format!("pressure/{resource}")) else {
                continue;
            };
            let line = text.lines().find_map(|line| line.strip_prefix(word));
            let total = line.and_then(|line| line.split("total=").nth(1));
            let micros: f64 = parse(total.ok_or(Failure::NoData)?.trim(), "pressure")?;
            let metric = format!("node_pressure_{name}_seconds_total");
            let help = format!("Total time in seconds {what}");
            out.counter(&metric, &help, &[], micros / 1000.0 / 1000.0);
            found = true;
        }
    }
    if found { Ok(()) } else { Err(Failure::NoData) }
}

pub fn schedstat(host: &Host, out: &mut Families) -> Outcome {
    for line in host.proc_text("schedstat")?.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some(cpu) = fields.first().and_then(|name| name.strip_prefix("cpu")) else {
            continue;
        };
        let field = |index: usize| -> Result<f64, Failure> {
            parse(fields.get(index).copied().unwrap_or_default(), "schedstat")
        };
        let labels = [("cpu", cpu)];
        let help = "Number of seconds CPU spent running a process.";
        out.counter(
            "node_schedstat_running_seconds_total",
            help,
            &labels,
            field(7)? / 1e9,
        );
        let help = "Number of seconds spent by processing waiting for this CPU.";
        out.counter(
            "node_schedstat_waiting_seconds_total",
            help,
            &labels,
            field(8)? / 1e9,
        );
        let help = "Number of timeslices executed by CPU.";
        out.counter("node_schedstat_timeslices_total", help, &labels, field(9)?);
    }
    Ok(())
}

pub fn interrupts(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("interrupts")?;
    let mut lines = text.lines();
    let cpus = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .count();
    for line in lines {
        let Some((name, rest)) = line.split_once(':') else {
            continue;
        };
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        if fields.len() < cpus {
            continue;
        }
        let (name, (counts, words)) = (name.trim(), fields.split_at(cpus));
        // Numbered ones tell their chip, the others only what they are.
        let numbered = name.bytes().all(|byte| byte.is_ascii_digit());
        let (info, devices) = match words {
            [chip, _, rest @ ..] if numbered => ((*chip).to_owned(), rest.join(" ")),
            words => (words.join(" "), String::new()),
        };
        for (cpu, count) in counts.iter().enumerate() {
            let labels = [
                ("cpu", cpu.to_string()),
                ("type", name.to_owned()),
                ("info", info.clone()),
                ("devices", devices.clone()),
            ];
            let labels = labels
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            let value = parse(count, "interrupts")?;
            out.counter(
                "node_interrupts_total",
                "Interrupt details.",
                &labels,
                value,
            );
        }
    }
    Ok(())
}

pub fn softirqs(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("softirqs")?;
    for line in text.lines().skip(1) {
        let Some((kind, counts)) = line.split_once(':') else {
            continue;
        };
        for (cpu, count) in counts.split_ascii_whitespace().enumerate() {
            let labels = [("cpu", &*cpu.to_string()), ("type", kind.trim())];
            let help = "Number of softirq calls.";
            let value = parse(count, "softirqs")?;
            out.counter("node_softirqs_functions_total", help, &labels, value);
        }
    }
    Ok(())
}

pub fn processes(host: &Host, out: &mut Families) -> Outcome {
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut thread_states: BTreeMap<String, u64> = BTreeMap::new();
    let (mut processes, mut threads) = (0_u64, 0_u64);
    for pid in numbered(&host.proc, "")? {
        let folder = host.proc.join(&pid);
        // One that has ended meanwhile counts no more.
        let Some(state) = read(&folder.join("stat")).ok().and_then(|it| state_of(&it)) else {
            continue;
        };
        processes += 1;
        *states.entry(state).or_default() += 1;
        for thread in numbered(&folder.join("task"), "").unwrap_or_default() {
            let stat = read(&folder.join("task").join(thread).join("stat"));
            if let Some(state) = stat.ok().and_then(|it| state_of(&it)) {
                threads += 1;
                *thread_states.entry(state).or_default() += 1;
            }
        }
    }
    let help = "Allocated threads in system";
    out.gauge("node_processes_threads", help, &[], threads as f64);
    let help = "Limit of threads in the system";
    let limit = host.proc_number("sys/kernel/threads-max")?;
    out.gauge("node_processes_max_threads", help, &[], limit);
    for (state, count) in &states {
        let labels = [("state", state.as_str())];
        let help = "Number of processes in each state.";
        out.gauge("node_processes_state", help, &labels, *count as f64);
    }
    for (state, count) in &thread_states {
        let labels = [("thread_state", state.as_str())];
        let help = "Number of threads in each state.";
        out.gauge("node_processes_threads_state", help, &labels, *count as f64);
    }
    out.gauge(
        "node_processes_pids",
        "Number of PIDs",
        &[],
        processes as f64,
    );
    let limit = host.proc_number("sys/kernel/pid_max")?;
    let help = "Number of max PIDs limit";
    out.gauge("node_processes_max_processes", help, &[], limit);
    Ok(())
}

/// The letter behind the name in brackets, which may hold brackets itself.
fn state_of(stat: &str) -> Option<String> {
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace().next()?.to_owned())
}

pub fn sysctl(host: &Host, out: &mut Families) -> Outcome {
    let settings = &host.arguments.sysctl;
    for wanted in &settings.include {
        // `name:field,field` gives names to the numbers of a line.
        let (name, fields) = wanted.split_once(':').unwrap_or((wanted, ""));
        let text = host.proc_text(&format!("sys/{}", name.replace('.', "/")))?;
        let metric = format!("node_sysctl_{}", metric_name(name));
        let help = format!("sysctl {name}");
        let numbers: Vec<&str> = text.split_ascii_whitespace().collect();
        let fields: Vec<&str> = fields.split(',').filter(|it| !it.is_empty()).collect();
        if !fields.is_empty() && fields.len() != numbers.len() {
            let message = format!("\"{name}\" has {} numbers for its fields", numbers.len());
            return Err(Failure::new(message));
        }
        for (index, number) in numbers.iter().enumerate() {
            let value = parse(number, name)?;
            let index_text = index.to_string();
            match fields.get(index) {
                Some(field) => {
                    let metric = format!("{metric}_{}", metric_name(field));
                    let help = format!("sysctl {name}, field {index}");
                    out.untyped(&metric, &help, &[], value);
                }
                None if numbers.len() == 1 => out.untyped(&metric, &help, &[], value),
                None => out.untyped(&metric, &help, &[("index", &index_text)], value),
            }
        }
    }
    for name in &settings.include_info {
        let text = host.proc_text(&format!("sys/{}", name.replace('.', "/")))?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            let index = if words.len() == 1 {
                "0".to_owned()
            } else {
                index.to_string()
            };
            let labels = [("name", name.as_str()), ("value", word), ("index", &index)];
            out.untyped("node_sysctl_info", "sysctl info", &labels, 1.0);
        }
    }
    Ok(())
}

/// A name in which everything but letters and digits has become `_`.
pub fn metric_name(text: &str) -> String {
    let letter = |it: char| if it.is_ascii_alphanumeric() { it } else { '_' };
    text.chars().map(letter).collect()
}
