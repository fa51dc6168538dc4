//! Metrics of the process as a whole: its build, and what it uses of the machine.

use os::process::{NetworkBytes, Usage};
use runtime::metrics::{Family, Kind, Sample, Snapshot, Value};

/// What `alloy_build_info` says.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// `v1.2.3`
    pub version: &'static str,
    pub revision: &'static str,
}

/// Read anew at each call.
pub(crate) fn snapshot(build: Build) -> Snapshot {
    let resident = os::resident_bytes() as f64;
    let mut families = vec![
        build_info(build),
        gauge(
            "alloy_resources_process_resident_memory_bytes",
            RESIDENT,
            resident,
        ),
        gauge("process_resident_memory_bytes", RESIDENT, resident),
    ];
    if let Some(usage) = os::process::usage() {
        families.extend(of_usage(usage));
    }
    if let Some(NetworkBytes { received, sent }) = os::process::network_bytes() {
        let received = received as f64;
        families.push(counter(
            "alloy_resources_machine_rx_bytes_total",
            RECEIVED,
            received,
        ));
        families.push(counter(
            "alloy_resources_machine_tx_bytes_total",
            SENT,
            sent as f64,
        ));
    }
    Snapshot { families }
}

const RESIDENT: &str = "Resident memory in bytes.";
const VIRTUAL: &str = "Virtual memory in bytes.";
const CPU: &str = "User and system CPU time in seconds.";
const START: &str = "Start time of the process in seconds since the epoch.";
const RECEIVED: &str = "Bytes that the machine received.";
const SENT: &str = "Bytes that the machine sent.";

/// Under Alloy's names and under those that exporters of all kinds use.
fn of_usage(usage: Usage) -> [Family; 7] {
    let Usage {
        cpu_seconds,
        virtual_bytes,
        started_seconds,
        open_files,
    } = usage;
    let virtual_bytes = virtual_bytes as f64;
    [
        counter(
            "alloy_resources_process_cpu_seconds_total",
            CPU,
            cpu_seconds,
        ),
        counter("process_cpu_seconds_total", CPU, cpu_seconds),
        gauge(
            "alloy_resources_process_start_time_seconds",
            START,
            started_seconds,
        ),
        gauge("process_start_time_seconds", START, started_seconds),
        gauge(
            "alloy_resources_process_virtual_memory_bytes",
            VIRTUAL,
            virtual_bytes,
        ),
        gauge("process_virtual_memory_bytes", VIRTUAL, virtual_bytes),
        gauge(
            "process_open_fds",
            "Open file descriptors.",
            open_files as f64,
        ),
    ]
}

fn gauge(name: &str, help: &str, value: f64) -> Family {
    family(name, Kind::Gauge, help, value)
}

fn counter(name: &str, help: &str, value: f64) -> Family {
    family(name, Kind::Counter, help, value)
}

fn family(name: &str, kind: Kind, help: &str, value: f64) -> Family {
    let samples = vec![Sample {
        labels: Vec::new(),
        value: Value::Number(value),
    }];
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        kind,
        samples,
    }
}

fn build_info(build: Build) -> Family {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels = vec![
        label("branch", ""),
        label("goarch", std::env::consts::ARCH),
        label("goos", std::env::consts::OS),
        label("revision", build.revision),
        label("version", build.version),
    ];
    Family {
        name: "alloy_build_info".to_owned(),
        help: "A metric with a constant '1' value, labelled with what was built.".to_owned(),
        kind: Kind::Gauge,
        samples: vec![Sample {
            labels,
            value: Value::Number(1.0),
        }],
    }
}
