//! The page of groups: names, types and labels of process-exporter.

use std::io;

use super::groups::Group;
use super::procfs::Counts;
use super::track::Tracker;
use crate::families::Families;

/// Compat: what an empty group shows as the start of its oldest process, the first second of
/// Go's calendar.
const NO_START: i64 = -62_135_596_800;

pub fn write(found: io::Result<Vec<(String, Group)>>, tracker: &Tracker, out: &mut Families) {
    match found {
        Ok(groups) => {
            for (name, group) in &groups {
                write_group(name, group, tracker.smaps, out);
                if tracker.threads {
                    write_threads(name, group, out);
                }
            }
        }
        Err(error) => tracing::warn!(err = %error, "cannot read the processes of this machine"),
    }
    let failures = &tracker.failures;
    for (name, help, count) in [
        (
            "namedprocess_scrape_errors",
            "general scrape errors: no proc metrics collected during a cycle",
            failures.looks,
        ),
        (
            "namedprocess_scrape_procread_errors",
            "incremented each time a proc's metrics collection fails",
            failures.reads,
        ),
        (
            "namedprocess_scrape_partial_errors",
            "incremented each time a tracked proc's metrics collection fails partially, e.g. \
             unreadable I/O stats",
            failures.partial,
        ),
    ] {
        out.counter(name, help, &[], count as f64);
    }
    let labels = [
        ("goarch", std::env::consts::ARCH),
        ("goos", std::env::consts::OS),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let help = "A metric with a constant '1' value labeled by version, goos and goarch from which \
                process_exporter was built.";
    out.gauge("process_exporter_build_info", help, &labels, 1.0);
}

fn write_group(name: &str, group: &Group, smaps: bool, out: &mut Families) {
    let plain = [("groupname", name)];
    let start = group.oldest_start.unwrap_or(NO_START);
    for (metric, help, value) in [
        (
            "num_procs",
            "number of processes in this group",
            group.processes as f64,
        ),
        (
            "open_filedesc",
            "number of open file descriptors for this group",
            group.open_files as f64,
        ),
        (
            "worst_fd_ratio",
            "the worst (closest to 1) ratio between open fds and max fds among all procs in this \
             group",
            group.worst_files_ratio,
        ),
        (
            "oldest_start_time_seconds",
            "start time in seconds since 1970/01/01 of oldest process in group",
            start as f64,
        ),
        (
            "num_threads",
            "Number of threads",
            group.thread_count as f64,
        ),
    ] {
        out.gauge(&family(metric), help, &plain, value);
    }
    let memory = &group.memory;
    let types = [
        ("resident", memory.resident),
        ("virtual", memory.virtual_),
        ("swapped", memory.swapped),
        ("proportionalResident", memory.proportional),
        ("proportionalSwapped", memory.proportional_swapped),
    ];
    for (kind, bytes) in &types[..if smaps { 5 } else { 3 }] {
        let labels = [("groupname", name), ("memtype", *kind)];
        let help = "number of bytes of memory in use";
        out.gauge(&family("memory_bytes"), help, &labels, *bytes as f64);
    }
    write_used(&plain, &group.used, out);
    let states = &group.states;
    for (state, count) in [
        ("Running", states.running),
        ("Sleeping", states.sleeping),
        ("Waiting", states.waiting),
        ("Zombie", states.zombie),
        ("Other", states.other),
    ] {
        let labels = [("groupname", name), ("state", state)];
        let help = "Number of processes in states Running, Sleeping, Waiting, Zombie, or Other";
        out.gauge(&family("states"), help, &labels, count as f64);
    }
    for (wait, count) in &group.waits {
        let labels = [("groupname", name), ("wchan", wait)];
        let help = "Number of threads in this group waiting on each wchan";
        out.gauge(&family("threads_wchan"), help, &labels, *count as f64);
    }
}

fn write_used(group: &[(&str, &str); 1], used: &Counts, out: &mut Families) {
    let plain = &group[..];
    let mode = |mode| [group[0], ("mode", mode)];
    let switches = |kind| [group[0], ("ctxswitchtype", kind)];
    let mut add = |metric: &str, help: &str, labels: &[(&str, &str)], value: f64| {
        out.counter(&family(metric), help, labels, value);
    };
    let help = "Cpu user usage in seconds";
    add("cpu_seconds_total", help, &mode("user"), used.user_seconds);
    add(
        "cpu_seconds_total",
        help,
        &mode("system"),
        used.system_seconds,
    );
    let help = "number of bytes read by this group";
    add("read_bytes_total", help, plain, used.read_bytes as f64);
    let help = "number of bytes written by this group";
    add("write_bytes_total", help, plain, used.write_bytes as f64);
    let help = "Major page faults";
    add(
        "major_page_faults_total",
        help,
        plain,
        used.major_faults as f64,
    );
    let help = "Minor page faults";
    add(
        "minor_page_faults_total",
        help,
        plain,
        used.minor_faults as f64,
    );
    for (kind, count) in [
        ("voluntary", used.voluntary_switches),
        ("nonvoluntary", used.nonvoluntary_switches),
    ] {
        let labels = switches(kind);
        add(
            "context_switches_total",
            "Context switches",
            &labels,
            count as f64,
        );
    }
}

fn write_threads(name: &str, group: &Group, out: &mut Families) {
    for (thread, threads) in &group.threads {
        let plain = [("groupname", name), ("threadname", thread.as_str())];
        let help = "Number of threads in this group with same threadname";
        out.gauge(&family("thread_count"), help, &plain, threads.count as f64);
        let used = &threads.used;
        let with = |name, value| [plain[0], plain[1], (name, value)];
        for (metric, help, labels, value) in [
            (
                "cpu_seconds",
                "Cpu user/system usage in seconds",
                with("mode", "user"),
                used.user_seconds,
            ),
            (
                "cpu_seconds",
                "",
                with("mode", "system"),
                used.system_seconds,
            ),
            (
                "io_bytes",
                "number of bytes read/written by these threads",
                with("iomode", "read"),
                used.read_bytes as f64,
            ),
            (
                "io_bytes",
                "",
                with("iomode", "write"),
                used.write_bytes as f64,
            ),
            (
                "context_switches",
                "Context switches for these threads",
                with("ctxswitchtype", "voluntary"),
                used.voluntary_switches as f64,
            ),
            (
                "context_switches",
                "",
                with("ctxswitchtype", "nonvoluntary"),
                used.nonvoluntary_switches as f64,
            ),
        ] {
            let metric = family(&format!("thread_{metric}_total"));
            out.counter(&metric, help, &labels, value);
        }
        let help = "Major page faults for these threads";
        let metric = family("thread_major_page_faults_total");
        out.counter(&metric, help, &plain, used.major_faults as f64);
        let help = "Minor page faults for these threads";
        let metric = family("thread_minor_page_faults_total");
        out.counter(&metric, help, &plain, used.minor_faults as f64);
    }
}

fn family(metric: &str) -> String {
    format!("namedprocess_namegroup_{metric}")
}
