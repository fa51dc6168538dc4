//! Metrics of the process as a whole: its build, and what it uses of the machine.

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
    let mut families = vec![build_info(build)];
    let mut add = |name: &str, kind: Kind, help: &str, value: f64| {
        let sample = Sample {
            labels: Vec::new(),
            value: Value::Number(value),
        };
        let (name, help) = (name.to_owned(), help.to_owned());
        families.push(Family {
            name,
            help,
            kind,
            samples: vec![sample],
        });
    };
    let resident = os::resident_bytes() as f64;
    let memory = "Resident memory in bytes.";
    add(
        "alloy_resources_process_resident_memory_bytes",
        Kind::Gauge,
        memory,
        resident,
    );
    add(
        "process_resident_memory_bytes",
        Kind::Gauge,
        memory,
        resident,
    );
    if let Some(usage) = os::process::usage() {
        let cpu = "User and system CPU time in seconds.";
        add(
            "alloy_resources_process_cpu_seconds_total",
            Kind::Counter,
            cpu,
            usage.cpu_seconds,
        );
        add(
            "process_cpu_seconds_total",
            Kind::Counter,
            cpu,
            usage.cpu_seconds,
        );
        let start = "Start time of the process in seconds since the epoch.";
        let started = usage.started_seconds;
        add(
            "alloy_resources_process_start_time_seconds",
            Kind::Gauge,
            start,
            started,
        );
        add("process_start_time_seconds", Kind::Gauge, start, started);
        let size = "Virtual memory in bytes.";
        let bytes = usage.virtual_bytes as f64;
        add(
            "alloy_resources_process_virtual_memory_bytes",
            Kind::Gauge,
            size,
            bytes,
        );
        add("process_virtual_memory_bytes", Kind::Gauge, size, bytes);
        let files = usage.open_files as f64;
        add(
            "process_open_fds",
            Kind::Gauge,
            "Open file descriptors.",
            files,
        );
    }
    if let Some(bytes) = os::process::network_bytes() {
        let received = "Bytes that the machine received.";
        let (rx, tx) = (bytes.received as f64, bytes.sent as f64);
        add(
            "alloy_resources_machine_rx_bytes_total",
            Kind::Counter,
            received,
            rx,
        );
        let sent = "Bytes that the machine sent.";
        add(
            "alloy_resources_machine_tx_bytes_total",
            Kind::Counter,
            sent,
            tx,
        );
    }
    Snapshot { families }
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
