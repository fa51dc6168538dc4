//! Collector `diskstats`: what disks have read and written, and what udev knows of them.

use std::collections::HashMap;

use super::host::{Failure, Host, Outcome, number_property, parse, read};
use crate::families::{Families, Kind};

/// What a field of `diskstats` is in the unit of its metric.
const COUNT: f64 = 1.0;
const SECTOR_BYTES: f64 = 512.0;
const MILLISECONDS: f64 = 1.0 / 1000.0;

/// Metric, help, type and unit of each field behind the name of the device.
const FIELDS: [(&str, &str, Kind, f64); 17] = [
    (
        "reads_completed_total",
        "The total number of reads completed successfully.",
        Kind::Counter,
        COUNT,
    ),
    (
        "reads_merged_total",
        "The total number of reads merged.",
        Kind::Counter,
        COUNT,
    ),
    (
        "read_bytes_total",
        "The total number of bytes read successfully.",
        Kind::Counter,
        SECTOR_BYTES,
    ),
    (
        "read_time_seconds_total",
        "The total number of seconds spent by all reads.",
        Kind::Counter,
        MILLISECONDS,
    ),
    (
        "writes_completed_total",
        "The total number of writes completed successfully.",
        Kind::Counter,
        COUNT,
    ),
    (
        "writes_merged_total",
        "The number of writes merged.",
        Kind::Counter,
        COUNT,
    ),
    (
        "written_bytes_total",
        "The total number of bytes written successfully.",
        Kind::Counter,
        SECTOR_BYTES,
    ),
    (
        "write_time_seconds_total",
        "This is the total number of seconds spent by all writes.",
        Kind::Counter,
        MILLISECONDS,
    ),
    (
        "io_now",
        "The number of I/Os currently in progress.",
        Kind::Gauge,
        COUNT,
    ),
    (
        "io_time_seconds_total",
        "Total seconds spent doing I/Os.",
        Kind::Counter,
        MILLISECONDS,
    ),
    (
        "io_time_weighted_seconds_total",
        "The weighted # of seconds spent doing I/Os.",
        Kind::Counter,
        MILLISECONDS,
    ),
    (
        "discards_completed_total",
        "The total number of discards completed successfully.",
        Kind::Counter,
        COUNT,
    ),
    (
        "discards_merged_total",
        "The total number of discards merged.",
        Kind::Counter,
        COUNT,
    ),
    (
        "discarded_sectors_total",
        "The total number of sectors discarded successfully.",
        Kind::Counter,
        COUNT,
    ),
    (
        "discard_time_seconds_total",
        "This is the total number of seconds spent by all discards.",
        Kind::Counter,
        MILLISECONDS,
    ),
    (
        "flush_requests_total",
        "The total number of flush requests completed successfully",
        Kind::Counter,
        COUNT,
    ),
    (
        "flush_requests_time_seconds_total",
        "This is the total number of seconds spent by all flush requests.",
        Kind::Counter,
        MILLISECONDS,
    ),
];

pub fn disks(host: &Host, out: &mut Families) -> Outcome {
    let udev = host.udev.is_dir();
    for line in host.proc_text("diskstats")?.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [major, minor, device, values @ ..] = &fields[..] else {
            return Err(Failure::new("a line of \"diskstats\" is not understood"));
        };
        if !host.filters.disk.takes(device) {
            continue;
        }
        let known = if udev {
            properties(host, major, minor)
        } else {
            HashMap::new()
        };
        let known = Known(&known);
        info(host, [major, minor, device], &known, out);
        for ((name, help, kind, unit), value) in FIELDS.into_iter().zip(values) {
            let value: f64 = parse(value, "diskstats")?;
            let metric = format!("node_disk_{name}");
            let mut family = out.family(&metric, kind, help);
            family.add("", &[("device", device)], value * unit);
        }
        further(device, &known, out);
    }
    Ok(())
}

/// What udev knows of a device.
struct Known<'a>(&'a HashMap<String, String>);

impl Known<'_> {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A device without a file has no properties.
fn properties(host: &Host, major: &str, minor: &str) -> HashMap<String, String> {
    let text = read(&host.udev.join(format!("b{major}:{minor}"))).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.strip_prefix("E:"));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn info(host: &Host, [major, minor, device]: [&str; 3], known: &Known<'_>, out: &mut Families) {
    let serials = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
    let serial = serials.map(|name| known.get(name));
    let serial = serial.into_iter().find(|it| !it.is_empty());
    let queue = host.sys.join("block").join(device).join("queue");
    let rotational = match number_property(&queue, "rotational") {
        Some(1.0) => "1",
        _ => "0",
    };
    let labels = [
        ("device", device),
        ("major", major),
        ("minor", minor),
        ("path", known.get("ID_PATH")),
        ("wwn", known.get("ID_WWN")),
        ("model", known.get("ID_MODEL")),
        ("serial", serial.unwrap_or_default()),
        ("revision", known.get("ID_REVISION")),
        ("rotational", rotational),
    ];
    out.gauge(
        "node_disk_info",
        "Info of /sys/block/<block_device>.",
        &labels,
        1.0,
    );
}

fn further(device: &str, known: &Known<'_>, out: &mut Families) {
    if !known.get("ID_FS_TYPE").is_empty() {
        let labels = [
            ("device", device),
            ("type", known.get("ID_FS_TYPE")),
            ("usage", known.get("ID_FS_USAGE")),
            ("uuid", known.get("ID_FS_UUID")),
            ("version", known.get("ID_FS_VERSION")),
        ];
        out.gauge(
            "node_disk_filesystem_info",
            "Info about disk filesystem.",
            &labels,
            1.0,
        );
    }
    if !known.get("DM_NAME").is_empty() {
        let labels = [
            ("device", device),
            ("name", known.get("DM_NAME")),
            ("uuid", known.get("DM_UUID")),
            ("vg_name", known.get("DM_VG_NAME")),
            ("lv_name", known.get("DM_LV_NAME")),
            ("lv_layer", known.get("DM_LV_LAYER")),
        ];
        let help = "Info about disk device mapper.";
        out.gauge("node_disk_device_mapper_info", help, &labels, 1.0);
    }
    if known.get("ID_ATA").is_empty() {
        return;
    }
    for (property, name, help) in [
        (
            "ID_ATA_WRITE_CACHE",
            "ata_write_cache",
            "ATA disk has a write cache.",
        ),
        (
            "ID_ATA_WRITE_CACHE_ENABLED",
            "ata_write_cache_enabled",
            "ATA disk has its write cache enabled.",
        ),
        (
            "ID_ATA_ROTATION_RATE_RPM",
            "ata_rotation_rate_rpm",
            "ATA disk rotation rate in RPMs (0 for SSDs).",
        ),
    ] {
        if let Ok(value) = known.get(property).parse() {
            out.gauge(
                &format!("node_disk_{name}"),
                help,
                &[("device", device)],
                value,
            );
        }
    }
}
