//! Collectors of storage beside plain disks: `mdadm`, `nvme` and `tapestats`.

use super::host::{Failure, Host, Outcome, names, number_property, numbered, property};
use crate::families::{Families, Kind};

pub fn mdadm(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("mdstat")?;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        // md0 : active raid1 sda1[0] sdb1[1](F)
        let Some((device, rest)) = line.split_once(" : ") else {
            continue;
        };
        if !device.starts_with("md") {
            continue;
        }
        let mut array = Array::of(rest);
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            array.read(line);
        }
        array.write(device, out);
    }
    Ok(())
}

/// One array of `mdstat`.
#[derive(Debug, Default, PartialEq)]
struct Array {
    state: &'static str,
    required: u64,
    active: u64,
    failed: u64,
    spare: u64,
    blocks: u64,
    synced: u64,
}

impl Array {
    fn of(line: &str) -> Array {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let disks = words.iter().filter(|word| word.contains('['));
        let marked = |mark: &str| disks.clone().filter(|it| it.ends_with(mark)).count() as u64;
        let all = disks.clone().count() as u64;
        let (failed, spare) = (marked("(F)"), marked("(S)"));
        let active = words.first() == Some(&"active");
        Array {
            state: if active { "active" } else { "inactive" },
            required: all - spare,
            active: if active { all - spare - failed } else { 0 },
            failed,
            spare,
            ..Array::default()
        }
    }

    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [blocks, "blocks", ..] = words[..] {
            self.blocks = blocks.parse().unwrap_or(0);
            self.synced = self.blocks;
        }
        // [2/1]: of two that there should be, one works.
        let counts = words.iter().find_map(|it| {
            let inner = it.strip_prefix('[')?.strip_suffix(']')?;
            let (all, active) = inner.split_once('/')?;
            Some((all.parse().ok()?, active.parse().ok()?))
        });
        if let Some((required, active)) = counts {
            (self.required, self.active) = (required, active);
        }
        for (word, state) in [
            ("recovery", "recovering"),
            ("resync", "resync"),
            ("check", "check"),
        ] {
            if !words.contains(&word) {
                continue;
            }
            self.state = state;
            let done = words
                .iter()
                .find_map(|it| it.strip_prefix('(')?.split_once('/')?.0.parse().ok());
            self.synced = done.unwrap_or(0);
        }
    }

    fn write(&self, device: &str, out: &mut Families) {
        let plain = [("device", device)];
        let help = "Total number of disks of device.";
        out.gauge("node_md_disks_required", help, &plain, self.required as f64);
        for (state, count) in [
            ("active", self.active),
            ("failed", self.failed),
            ("spare", self.spare),
        ] {
            let labels = [("device", device), ("state", state)];
            let help = "Number of active/failed/spare disks of device.";
            out.gauge("node_md_disks", help, &labels, count as f64);
        }
        for state in ["active", "inactive", "recovering", "resync", "check"] {
            let labels = [("device", device), ("state", state)];
            let help = "Indicates the state of md-device.";
            let value = f64::from(u8::from(self.state == state));
            out.gauge("node_md_state", help, &labels, value);
        }
        let help = "Total number of blocks on device.";
        out.gauge("node_md_blocks", help, &plain, self.blocks as f64);
        let help = "Number of blocks synced on device.";
        out.gauge("node_md_blocks_synced", help, &plain, self.synced as f64);
    }
}

pub fn nvme(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/nvme");
    for device in names(&class)? {
        let folder = class.join(&device);
        let text = |file: &str| property(&folder, file).unwrap_or_default();
        let labels = [
            ("device", device.as_str()),
            ("firmware_revision", &text("firmware_rev")),
            ("model", &text("model")),
            ("serial", &text("serial")),
            ("state", &text("state")),
        ];
        let help = "Non-numeric data from /sys/class/nvme/<device>, value is always 1.";
        out.gauge("node_nvme_info", help, &labels, 1.0);
    }
    Ok(())
}

/// File, metric, help, type and unit.
const TAPE: [(&str, &str, &str, Kind, f64); 10] = [
    (
        "in_flight",
        "io_now",
        "The number of I/Os currently outstanding to this device.",
        Kind::Gauge,
        1.0,
    ),
    (
        "io_ns",
        "io_time_seconds_total",
        "The amount of time spent waiting for all I/O to complete (including read and write). \
         This includes tape movement commands such as seeking between file or set marks and \
         implicit tape movement such as when rewind on close tape devices are used.",
        Kind::Counter,
        1e-9,
    ),
    (
        "other_cnt",
        "io_others_total",
        "The number of I/Os issued to the tape drive other than read or write commands. The time \
         taken to complete these commands uses the following calculation \
         io_time_seconds_total-read_time_seconds_total-write_time_seconds_total",
        Kind::Counter,
        1.0,
    ),
    (
        "read_byte_cnt",
        "read_bytes_total",
        "The number of bytes read from the tape drive.",
        Kind::Counter,
        1.0,
    ),
    (
        "read_cnt",
        "reads_completed_total",
        "The number of read requests issued to the tape drive.",
        Kind::Counter,
        1.0,
    ),
    (
        "read_ns",
        "read_time_seconds_total",
        "The amount of time spent waiting for read requests to complete.",
        Kind::Counter,
        1e-9,
    ),
    (
        "write_byte_cnt",
        "written_bytes_total",
        "The number of bytes written to the tape drive.",
        Kind::Counter,
        1.0,
    ),
    (
        "write_cnt",
        "writes_completed_total",
        "The number of write requests issued to the tape drive.",
        Kind::Counter,
        1.0,
    ),
    (
        "write_ns",
        "write_time_seconds_total",
        "The amount of time spent waiting for write requests to complete.",
        Kind::Counter,
        1e-9,
    ),
    (
        "resid_cnt",
        "residual_total",
        "The number of times during a read or write we found the residual amount to be non-zero. \
         This should mean that a program is issuing a read larger thean the block size on tape. \
         For write not all data made it to tape.",
        Kind::Counter,
        1.0,
    ),
];

pub fn tapes(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/scsi_tape");
    for device in numbered(&class, "st")? {
        if !host.filters.tape.takes(&device) {
            continue;
        }
        let folder = class.join(&device).join("stats");
        for (file, name, help, kind, unit) in TAPE {
            let value = number_property(&folder, file)
                .ok_or_else(|| Failure::new(format!("tape \"{device}\" has no \"{file}\"")))?;
            let metric = format!("node_tape_{name}");
            let mut family = out.family(&metric, kind, help);
            family.add("", &[("device", &device)], value * unit);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_that_recovers_tells_how_far_it_is() {
        let mut array = Array::of("active raid1 sdb1[2](F) sda1[0] sdc1[3](S)");
        array.read("      1024 blocks super 1.2 [2/1] [U_]");
        array.read("      [==>....]  recovery = 12.6% (129/1024) finish=1min speed=1K/sec");
        let expected = Array {
            state: "recovering",
            required: 2,
            active: 1,
            failed: 1,
            spare: 1,
            blocks: 1024,
            synced: 129,
        };
        assert_eq!(array, expected);
    }
}
