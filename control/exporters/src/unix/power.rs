//! Collectors of electric power: `powersupplyclass` and `rapl`.

use std::path::Path;

use super::host::{Failure, Host, Outcome, names, number_property, property};
use super::kernel::metric_name;
use crate::families::Families;

/// Properties in the unit of their metric.
const PLAIN: [(&str, &str); 10] = [
    ("authentic", "authentic"),
    ("calibrate", "calibrate"),
    ("capacity", "capacity"),
    ("capacity_alert_max", "capacity_alert_max"),
    ("capacity_alert_min", "capacity_alert_min"),
    ("cycle_count", "cyclecount"),
    ("online", "online"),
    ("present", "present"),
    ("time_to_empty_now", "time_to_empty_seconds"),
    ("time_to_full_now", "time_to_full_seconds"),
];

/// Properties in millionths of the unit of their metric.
const MICRO: [(&str, &str); 31] = [
    ("current_boot", "current_boot"),
    ("current_max", "current_max"),
    ("current_now", "current_ampere"),
    ("energy_empty", "energy_empty"),
    ("energy_empty_design", "energy_empty_design"),
    ("energy_full", "energy_full"),
    ("energy_full_design", "energy_full_design"),
    ("energy_now", "energy_watthour"),
    ("voltage_boot", "voltage_boot"),
    ("voltage_max", "voltage_max"),
    ("voltage_max_design", "voltage_max_design"),
    ("voltage_min", "voltage_min"),
    ("voltage_min_design", "voltage_min_design"),
    ("voltage_now", "voltage_volt"),
    ("voltage_ocv", "voltage_ocv"),
    ("charge_control_limit", "charge_control_limit"),
    ("charge_control_limit_max", "charge_control_limit_max"),
    ("charge_counter", "charge_counter"),
    ("charge_empty", "charge_empty"),
    ("charge_empty_design", "charge_empty_design"),
    ("charge_full", "charge_full"),
    ("charge_full_design", "charge_full_design"),
    ("charge_now", "charge_ampere"),
    ("charge_term_current", "charge_term_current"),
    ("constant_charge_current", "constant_charge_current"),
    ("constant_charge_current_max", "constant_charge_current_max"),
    ("constant_charge_voltage", "constant_charge_voltage"),
    ("constant_charge_voltage_max", "constant_charge_voltage_max"),
    ("precharge_current", "precharge_current"),
    ("input_current_limit", "input_current_limit"),
    ("power_now", "power_watt"),
];

/// Properties in tenths of degrees.
const DEGREES: [(&str, &str); 8] = [
    ("temp", "temp_celsius"),
    ("temp_alert_max", "temp_alert_max_celsius"),
    ("temp_alert_min", "temp_alert_min_celsius"),
    ("temp_ambient", "temp_ambient_celsius"),
    ("temp_ambient_max", "temp_ambient_max_celsius"),
    ("temp_ambient_min", "temp_ambient_min_celsius"),
    ("temp_max", "temp_max_celsius"),
    ("temp_min", "temp_min_celsius"),
];

const TEXTS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
    "scope",
];

pub fn supplies(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/power_supply");
    for supply in names(&class)? {
        if !host.filters.power_supply.takes(&supply) {
            continue;
        }
        let folder = class.join(&supply);
        numbers(&folder, &supply, &PLAIN, 1.0, out);
        numbers(&folder, &supply, &MICRO, 1e6, out);
        numbers(&folder, &supply, &DEGREES, 10.0, out);
        let texts = TEXTS.map(|name| (name, property(&folder, name).unwrap_or_default()));
        let mut labels = vec![("power_supply", supply.as_str())];
        let given = texts.iter().filter(|(_, value)| !value.is_empty());
        labels.extend(given.map(|(name, value)| (*name, value.as_str())));
        let help = "info of /sys/class/power_supply/<power_supply>.";
        out.gauge("node_power_supply_info", help, &labels, 1.0);
    }
    Ok(())
}

fn numbers(folder: &Path, supply: &str, list: &[(&str, &str)], divisor: f64, out: &mut Families) {
    for (file, name) in list {
        if let Some(value) = number_property(folder, file) {
            let metric = format!("node_power_supply_{name}");
            let help = format!("{name} value of /sys/class/power_supply/<power_supply>.");
            out.gauge(&metric, &help, &[("power_supply", supply)], value / divisor);
        }
    }
}

pub fn rapl(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/powercap");
    for zone in names(&class)? {
        let folder = class.join(&zone);
        let Some(name) = property(&folder, "name") else {
            continue;
        };
        // The name may end in the number of its package, which becomes a label.
        let (name, index) = match name.rsplit_once('-') {
            Some((base, number)) if number.parse::<u32>().is_ok() => (base, number),
            _ => (name.as_str(), "0"),
        };
        // Newer kernels let only root read it.
        let energy = number_property(&folder, "energy_uj").ok_or(Failure::NoData)?;
        let metric = format!("node_rapl_{}_joules_total", metric_name(name));
        let help = format!("Current RAPL {name} value in joules");
        let path = folder.to_string_lossy();
        let labels = [("index", index), ("path", &*path)];
        out.counter(&metric, &help, &labels, energy / 1e6);
    }
    Ok(())
}
