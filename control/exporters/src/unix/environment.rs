//! Collectors of what the machine is: `os`, `uname`, `selinux`, `time` and `timex`.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use os::host::Clock;

use super::host::{Failure, Host, Outcome, numbered, property, read};
use crate::families::{Families, Kind};

pub fn uname(host: &Host, out: &mut Families) -> Outcome {
    let name = |file: &str| -> Result<String, Failure> {
        let text = host.proc_text(&format!("sys/kernel/{file}"))?;
        Ok(text.trim().to_owned())
    };
    let labels = [
        ("sysname", &*name("ostype")?),
        ("release", &*name("osrelease")?),
        ("version", &*name("version")?),
        ("machine", &*os::host::machine()),
        ("nodename", &*name("hostname")?),
        ("domainname", &*name("domainname")?),
    ];
    let help = "Labeled system information as provided by the uname system call.";
    out.gauge("node_uname_info", help, &labels, 1.0);
    Ok(())
}

pub fn release(host: &Host, out: &mut Families) -> Outcome {
    let files = ["etc/os-release", "usr/lib/os-release"];
    let text = files
        .iter()
        .find_map(|file| read(&host.root.join(file)).ok());
    let text = text.ok_or(Failure::NoData)?;
    let variables: HashMap<&str, String> = text.lines().filter_map(variable).collect();
    let value = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let labels = [
        ("build_id", value("BUILD_ID")),
        ("id", value("ID")),
        ("id_like", value("ID_LIKE")),
        ("image_id", value("IMAGE_ID")),
        ("image_version", value("IMAGE_VERSION")),
        ("name", value("NAME")),
        ("pretty_name", value("PRETTY_NAME")),
        ("variant", value("VARIANT")),
        ("variant_id", value("VARIANT_ID")),
        ("version", value("VERSION")),
        ("version_codename", value("VERSION_CODENAME")),
        ("version_id", value("VERSION_ID")),
    ];
    let help = "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, \
                image_version, name, pretty_name, variant, variant_id, version, version_codename, \
                version_id.";
    out.gauge("node_os_info", help, &labels, 1.0);
    if let Some(version) = leading_number(value("VERSION_ID")) {
        let labels = [labels[1], labels[2], labels[5]];
        let help = "Metric containing the major.minor part of the OS version.";
        out.gauge("node_os_version", help, &labels, version);
    }
    if let Ok(end) = value("SUPPORT_END").parse::<jiff::civil::Date>() {
        let end = end.to_zoned(jiff::tz::TimeZone::UTC);
        let seconds = end.map_or(0, |end| end.timestamp().as_second());
        let help = "Metric containing the end-of-life date timestamp of the OS.";
        out.gauge(
            "node_os_support_end_timestamp_seconds",
            help,
            &[],
            seconds as f64,
        );
    }
    Ok(())
}

/// A line such as `NAME="value"`.
fn variable(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    Some((name, value.replace("\\\"", "\"")))
}

/// `22.04.1` begins with the number 22.04.
fn leading_number(text: &str) -> Option<f64> {
    let mut dots = 0;
    let end = text.find(|it: char| {
        dots += u32::from(it == '.');
        !(it.is_ascii_digit() || it == '.' && dots == 1)
    });
    text[..end.unwrap_or(text.len())].parse().ok()
}

pub fn selinux(host: &Host, out: &mut Families) -> Outcome {
    let help = "SELinux is enabled, 1 is true, 0 is false";
    let current = property(&host.sys.join("fs/selinux"), "enforce");
    let enabled = f64::from(u8::from(current.is_some()));
    out.gauge("node_selinux_enabled", help, &[], enabled);
    let Some(current) = current else {
        return Ok(());
    };
    let configured = read(&host.root.join("etc/selinux/config")).unwrap_or_default();
    let mode = configured
        .lines()
        .find_map(|it| it.strip_prefix("SELINUX="));
    let mode = match mode.map(str::trim) {
        Some("enforcing") => 1.0,
        Some("permissive") => 0.0,
        _ => -1.0,
    };
    let help = "Configured SELinux enforcement mode";
    out.gauge("node_selinux_config_mode", help, &[], mode);
    let help = "Current SELinux enforcement mode";
    let current = current.parse().unwrap_or(-1.0);
    out.gauge("node_selinux_current_mode", help, &[], current);
    Ok(())
}

pub fn time(host: &Host, out: &mut Families) -> Outcome {
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH);
    let seconds = since.map_err(|_| Failure::new("the clock is before 1970"))?;
    let help = "System time in seconds since epoch (1970).";
    out.gauge("node_time_seconds", help, &[], seconds.as_secs_f64());
    let zoned = jiff::Zoned::now();
    let zone = zoned.strftime("%Z").to_string();
    let offset = f64::from(zoned.offset().seconds());
    let help = "System time zone offset in seconds.";
    let labels = [("time_zone", zone.as_str())];
    out.gauge("node_time_zone_offset_seconds", help, &labels, offset);
    let sources = host.sys.join("devices/system/clocksource");
    for device in numbered(&sources, "clocksource").unwrap_or_default() {
        let number = &device["clocksource".len()..];
        let folder = sources.join(&device);
        let available = property(&folder, "available_clocksource").unwrap_or_default();
        for source in available.split_ascii_whitespace() {
            let help = "Available clocksources read from '/sys/devices/system/clocksource'.";
            let labels = [("device", number), ("clocksource", source)];
            out.gauge("node_time_clocksource_available_info", help, &labels, 1.0);
        }
        if let Some(source) = property(&folder, "current_clocksource") {
            let help = "Current clocksource read from '/sys/devices/system/clocksource'.";
            let labels = [("device", number), ("clocksource", source.as_str())];
            out.gauge("node_time_clocksource_current_info", help, &labels, 1.0);
        }
    }
    Ok(())
}

/// Parts per million, shifted by 16 bits.
const PPM_16: f64 = 1e6 * 65536.0;

/// Name, help, type and value.
type Shown = (&'static str, &'static str, Kind, fn(&Clock) -> f64);

const CLOCK: [Shown; 17] = [
    (
        "sync_status",
        "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
        Kind::Gauge,
        |it| f64::from(u8::from(it.synchronized)),
    ),
    (
        "offset_seconds",
        "Time offset in between local system and reference clock.",
        Kind::Gauge,
        |it| it.offset as f64 / it.unit(),
    ),
    (
        "frequency_adjustment_ratio",
        "Local clock frequency adjustment.",
        Kind::Gauge,
        |it| 1.0 + it.frequency as f64 / PPM_16,
    ),
    (
        "maxerror_seconds",
        "Maximum error in seconds.",
        Kind::Gauge,
        |it| it.error_max as f64 / 1e6,
    ),
    (
        "estimated_error_seconds",
        "Estimated error in seconds.",
        Kind::Gauge,
        |it| it.error_estimated as f64 / 1e6,
    ),
    (
        "status",
        "Value of the status array bits.",
        Kind::Gauge,
        |it| it.status as f64,
    ),
    (
        "loop_time_constant",
        "Phase-locked loop time constant.",
        Kind::Gauge,
        |it| it.constant as f64,
    ),
    (
        "tick_seconds",
        "Seconds between clock ticks.",
        Kind::Gauge,
        |it| it.tick as f64 / 1e6,
    ),
    (
        "pps_frequency_hertz",
        "Pulse per second frequency.",
        Kind::Gauge,
        |it| it.pps_frequency as f64 / PPM_16,
    ),
    (
        "pps_jitter_seconds",
        "Pulse per second jitter.",
        Kind::Gauge,
        |it| it.pps_jitter as f64 / it.unit(),
    ),
    (
        "pps_shift_seconds",
        "Pulse per second interval duration.",
        Kind::Gauge,
        |it| it.pps_shift as f64,
    ),
    (
        "pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
        Kind::Gauge,
        |it| it.pps_stability as f64 / PPM_16,
    ),
    (
        "pps_jitter_total",
        "Pulse per second count of jitter limit exceeded events.",
        Kind::Counter,
        |it| it.pps_jitter_count as f64,
    ),
    (
        "pps_calibration_total",
        "Pulse per second count of calibration intervals.",
        Kind::Counter,
        |it| it.pps_calibration_count as f64,
    ),
    (
        "pps_error_total",
        "Pulse per second count of calibration errors.",
        Kind::Counter,
        |it| it.pps_error_count as f64,
    ),
    (
        "pps_stability_exceeded_total",
        "Pulse per second count of stability limit exceeded events.",
        Kind::Counter,
        |it| it.pps_stability_count as f64,
    ),
    (
        "tai_offset_seconds",
        "International Atomic Time (TAI) offset.",
        Kind::Gauge,
        |it| it.tai as f64,
    ),
];

pub fn timex(_: &Host, out: &mut Families) -> Outcome {
    let clock = os::host::clock()?;
    for (name, help, kind, value) in CLOCK {
        let metric = format!("node_timex_{name}");
        out.family(&metric, kind, help).add("", &[], value(&clock));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_lose_their_quotes_and_versions_their_end() {
        assert_eq!(variable("ID=debian"), Some(("ID", "debian".to_owned())));
        assert_eq!(variable("NAME=\"A B\""), Some(("NAME", "A B".to_owned())));
        assert_eq!(leading_number("22.04.1"), Some(22.04));
        assert_eq!(leading_number("12"), Some(12.0));
        assert_eq!(leading_number("rolling"), None);
    }
}
