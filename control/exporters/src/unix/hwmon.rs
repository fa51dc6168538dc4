//! Collector `hwmon`: sensors of temperatures, fans, voltages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::host::{Failure, Host, Outcome, names, property};
use crate::families::{Families, Kind};

/// Kinds of sensors whose files are read.
const SENSORS: [&str; 14] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

/// Values of a sensor by the end of their files' names: `input`, `max`, or nothing.
type Elements = BTreeMap<String, String>;

pub fn sensors(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/hwmon");
    for name in names(&class)? {
        let folder = class.join(&name);
        let chip = chip_name(&folder, &name);
        if !host.filters.hwmon.takes(&chip) {
            continue;
        }
        let mut sensors: BTreeMap<String, Elements> = BTreeMap::new();
        read_sensors(&folder, &mut sensors)?;
        if folder.join("device").exists() {
            read_sensors(&folder.join("device"), &mut sensors)?;
        }
        let readable = property(&folder, "name").map(|name| clean(&name));
        if let Some(readable) = readable.filter(|it| !it.is_empty()) {
            let labels = [("chip", chip.as_str()), ("chip_name", &readable)];
            let help = "Annotation metric for human-readable chip names";
            out.gauge("node_hwmon_chip_names", help, &labels, 1.0);
        }
        for (sensor, elements) in &sensors {
            write_sensor(&chip, sensor, elements, out);
        }
    }
    Ok(())
}

fn read_sensors(folder: &Path, sensors: &mut BTreeMap<String, Elements>) -> Result<(), Failure> {
    for file in names(folder)? {
        let Some((kind, number, element)) = split(&file) else {
            continue;
        };
        if !SENSORS.contains(&kind) {
            continue;
        }
        // Sensors that are off refuse to be read.
        if let Some(value) = property(folder, &file) {
            let sensor = sensors.entry(format!("{kind}{number}")).or_default();
            sensor.insert(element.to_owned(), value);
        }
    }
    Ok(())
}

/// Kind, number and element of a name such as `temp1_max`; a missing number is 0.
fn split(file: &str) -> Option<(&str, u32, &str)> {
    let digits = file.find(|it: char| it.is_ascii_digit());
    let Some(at) = digits.filter(|at| *at > 0) else {
        // Names without a number, such as `update_interval`, have no element.
        return digits.is_none().then_some((file, 0, ""));
    };
    let (kind, rest) = file.split_at(at);
    let end = rest.find(|it: char| !it.is_ascii_digit());
    let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let element = match rest {
        "" => "",
        rest => rest.strip_prefix('_')?,
    };
    Some((kind, number.parse().ok()?, element))
}

/// A name that stays when drivers load in another order.
fn chip_name(folder: &Path, fallback: &str) -> String {
    if let Ok(device) = fs::canonicalize(folder.join("device")) {
        let part = |path: Option<&Path>| {
            let name = path.and_then(Path::file_name);
            clean(&name.unwrap_or_default().to_string_lossy())
        };
        let (kind, name) = (part(device.parent()), part(Some(&device)));
        if !name.is_empty() {
            return if kind.is_empty() {
                name
            } else {
                format!("{kind}_{name}")
            };
        }
    }
    let name = property(folder, "name").map(|name| clean(&name));
    name.filter(|it| !it.is_empty())
        .unwrap_or_else(|| clean(fallback))
}

/// Compat: small letters, digits, `:` and `_` stay, all else becomes `_`.
fn clean(name: &str) -> String {
    let lower = name.to_lowercase();
    let kept = |it: char| match it {
        'a'..='z' | '0'..='9' | ':' | '_' => it,
        _ => '_',
    };
    let cleaned: String = lower.chars().map(kept).collect();
    cleaned.trim_matches('_').to_owned()
}

fn write_sensor(chip: &str, sensor: &str, elements: &Elements, out: &mut Families) {
    let labels = [("chip", chip), ("sensor", sensor)];
    if let Some(label) = elements.get("label") {
        let labels = [labels[0], labels[1], ("label", label.as_str())];
        let help = "Label for given chip and sensor";
        out.gauge("node_hwmon_sensor_label", help, &labels, 1.0);
    }
    let kind = sensor.trim_end_matches(|it: char| it.is_ascii_digit());
    let own = elements.get("").map(String::as_str).unwrap_or_default();
    match kind {
        "beep_enable" => {
            let value = f64::from(u8::from(own == "1"));
            return out.gauge(
                "node_hwmon_beep_enabled",
                "Hardware beep enabled",
                &labels,
                value,
            );
        }
        "vrm" => {
            if let Ok(value) = own.parse() {
                let help = "Hardware voltage regulator";
                out.gauge("node_hwmon_voltage_regulator_version", help, &labels, value);
            }
            return;
        }
        "update_interval" => {
            if let Ok(value) = own.parse::<f64>() {
                let help = "Hardware monitor update interval";
                let seconds = value * 0.001;
                out.gauge("node_hwmon_update_interval_seconds", help, &labels, seconds);
            }
            return;
        }
        _ => {}
    }
    for (element, text) in elements.iter().filter(|(element, _)| *element != "label") {
        let Ok(value) = text.parse::<f64>() else {
            continue;
        };
        if kind == "freq" && element == "input" {
            // Compat: the label takes the sensor's place, and there is nothing without it.
            if let Some(label) = elements.get("label").map(|label| clean(label)) {
                let labels = [labels[0], ("sensor", label.as_str())];
                let help = "Hardware monitor for GPU frequency in MHz";
                out.gauge("node_hwmon_freq_freq_mhz", help, &labels, value / 1e6);
            }
            continue;
        }
        let name = match element.as_str() {
            "" => format!("node_hwmon_{kind}"),
            "input" if !elements.contains_key("") => format!("node_hwmon_{kind}"),
            element => format!("node_hwmon_{kind}_{}", clean(element)),
        };
        let shown = shown(kind, element);
        let metric = format!("{name}{}", shown.unit);
        let mut family = out.family(&metric, shown.kind, &shown.help);
        family.add("", &labels, value * shown.factor);
    }
}

/// How an element of a sensor is shown.
struct Shown {
    unit: &'static str,
    kind: Kind,
    factor: f64,
    help: String,
}

fn shown(kind: &str, element: &str) -> Shown {
    let gauge = |unit, factor, help: String| Shown {
        unit,
        kind: Kind::Gauge,
        factor,
        help,
    };
    match (kind, element) {
        (_, "fault" | "alarm") => gauge(
            "",
            1.0,
            format!("Hardware sensor {element} status ({kind})"),
        ),
        (_, "beep") => {
            let help = "Hardware monitor sensor has beeping enabled";
            gauge("_enabled", 1.0, help.to_owned())
        }
        ("in" | "cpu", _) => gauge(
            "_volts",
            0.001,
            format!("Hardware monitor for voltage ({element})"),
        ),
        ("temp", element) if element != "type" => {
            let element = if element.is_empty() { "input" } else { element };
            let help = format!("Hardware monitor for temperature ({element})");
            gauge("_celsius", 0.001, help)
        }
        ("curr", _) => gauge(
            "_amps",
            0.001,
            format!("Hardware monitor for current ({element})"),
        ),
        ("energy", _) => Shown {
            unit: "_joule_total",
            kind: Kind::Counter,
            factor: 1e-6,
            help: format!("Hardware monitor for joules used so far ({element})"),
        },
        ("power", "accuracy") => {
            let help = "Hardware monitor power meter accuracy, as a ratio";
            gauge("", 1e-6, help.to_owned())
        }
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            let help = format!("Hardware monitor power usage update interval ({element})");
            gauge("_seconds", 0.001, help)
        }
        ("power", _) => {
            let help = format!("Hardware monitor for power usage in watts ({element})");
            gauge("_watt", 1e-6, help)
        }
        ("humidity", _) => {
            let help = format!(
                "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the \
                 humidity as a percentage) ({element})"
            );
            gauge("", 1e-6, help)
        }
        ("fan", "input" | "min" | "max" | "target") => {
            let help = format!("Hardware monitor for fan revolutions per minute ({element})");
            gauge("_rpm", 1.0, help)
        }
        _ => gauge(
            "",
            1.0,
            format!("Hardware monitor {kind} element {element}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_sensor_and_element() {
        assert_eq!(split("temp1_max"), Some(("temp", 1, "max")));
        assert_eq!(split("pwm2"), Some(("pwm", 2, "")));
        assert_eq!(split("update_interval"), Some(("update_interval", 0, "")));
        assert_eq!(split("in0x"), None);
    }

    #[test]
    fn elements_get_the_unit_of_their_sensor() {
        let mut out = Families::new();
        let elements = [
            ("input", "45000"),
            ("max", "90000"),
            ("label", "Core 0"),
            ("alarm", "0"),
        ];
        let elements = elements.map(|(name, value)| (name.to_owned(), value.to_owned()));
        write_sensor("coretemp", "temp2", &elements.into(), &mut out);
        let page = out.finish();
        for line in [
            "node_hwmon_temp_celsius{chip=\"coretemp\",sensor=\"temp2\"} 45\n",
            "node_hwmon_temp_max_celsius{chip=\"coretemp\",sensor=\"temp2\"} 90\n",
            "node_hwmon_temp_alarm{chip=\"coretemp\",sensor=\"temp2\"} 0\n",
            "{chip=\"coretemp\",sensor=\"temp2\",label=\"Core 0\"} 1\n",
        ] {
            assert!(page.contains(line), "{line} is not in {page}");
        }
    }
}
