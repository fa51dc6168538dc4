//! Collectors of hardware by its properties in sysfs: `dmi`, `edac`, `thermal_zone`, `watchdog`.

use std::path::Path;

use super::host::{Failure, Host, Outcome, names, number_property, numbered, property};
use crate::families::Families;

/// Properties of `/sys/class/dmi/id`, and the labels that they become.
const DMI: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("sys_vendor", "system_vendor"),
];

pub fn dmi(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("class/dmi/id");
    let values = DMI.map(|(file, label)| (label, property(&folder, file)));
    let labels: Vec<(&str, &str)> = values
        .iter()
        .filter_map(|(label, value)| Some((*label, value.as_deref()?)))
        .collect();
    if labels.is_empty() {
        return Err(Failure::NoData);
    }
    let help = "A metric with a constant '1' value labeled by bios_date, bios_release, \
                bios_vendor, bios_version, board_asset_tag, board_name, board_serial, \
                board_vendor, board_version, chassis_asset_tag, chassis_serial, chassis_vendor, \
                chassis_version, product_family, product_name, product_serial, product_sku, \
                product_uuid, product_version, system_vendor if provided by DMI.";
    out.gauge("node_dmi_info", help, &labels, 1.0);
    Ok(())
}

pub fn edac(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("devices/system/edac/mc");
    for controller in numbered(&folder, "mc").unwrap_or_default() {
        let number = &controller["mc".len()..];
        let folder = folder.join(&controller);
        let labels = [("controller", number)];
        let rows = [("controller", number), ("csrow", "unknown")];
        for (file, kind) in [("ce", "correctable"), ("ue", "uncorrectable")] {
            let help = format!("Total {kind} memory errors.");
            let metric = format!("node_edac_{kind}_errors_total");
            let count = required(&folder, &format!("{file}_count"))?;
            out.counter(&metric, &help, &labels, count);
            let help = format!("Total {kind} memory errors for this csrow.");
            let metric = format!("node_edac_csrow_{kind}_errors_total");
            let count = required(&folder, &format!("{file}_noinfo_count"))?;
            out.counter(&metric, &help, &rows, count);
        }
        for row in numbered(&folder, "csrow").unwrap_or_default() {
            let labels = [("controller", number), ("csrow", &row["csrow".len()..])];
            for (file, kind) in [("ce", "correctable"), ("ue", "uncorrectable")] {
                let help = format!("Total {kind} memory errors for this csrow.");
                let metric = format!("node_edac_csrow_{kind}_errors_total");
                let count = required(&folder.join(&row), &format!("{file}_count"))?;
                out.counter(&metric, &help, &labels, count);
            }
            channels(&folder.join(&row), labels, out)?;
        }
    }
    Ok(())
}

fn channels(row: &Path, [controller, csrow]: [(&str, &str); 2], out: &mut Families) -> Outcome {
    for name in names(row)? {
        let channel = name
            .strip_prefix("ch")
            .and_then(|it| it.strip_suffix("_ce_count"));
        let Some(channel) = channel else {
            continue;
        };
        let dimm = property(row, &format!("ch{channel}_dimm_label"));
        let dimm = dimm
            .unwrap_or_else(|| "unknown".to_owned())
            .replace('#', "");
        let dimm = dimm
            .replace("csrow", "_csrow")
            .replace("channel", "_channel");
        let labels = [
            controller,
            csrow,
            ("channel", channel),
            ("dimm_label", &dimm),
        ];
        for (file, kind) in [("ce", "correctable"), ("ue", "uncorrectable")] {
            let Some(count) = number_property(row, &format!("ch{channel}_{file}_count")) else {
                continue;
            };
            let help = format!("Total {kind} memory errors for this channel.");
            let metric = format!("node_edac_channel_{kind}_errors_total");
            out.counter(&metric, &help, &labels, count);
        }
    }
    Ok(())
}

fn required(folder: &Path, file: &str) -> Result<f64, Failure> {
    number_property(folder, file)
        .ok_or_else(|| Failure::new(format!("no number in \"{}/{file}\"", folder.display())))
}

pub fn thermal_zones(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/thermal");
    for zone in numbered(&class, "thermal_zone").unwrap_or_default() {
        let folder = class.join(&zone);
        // Zones that are off refuse to be read.
        let Some(millidegrees) = number_property(&folder, "temp") else {
            continue;
        };
        let kind = property(&folder, "type").unwrap_or_default();
        let labels = [("zone", &zone["thermal_zone".len()..]), ("type", &kind)];
        let help = "Zone temperature in Celsius";
        out.gauge(
            "node_thermal_zone_temp",
            help,
            &labels,
            millidegrees / 1000.0,
        );
    }
    for device in numbered(&class, "cooling_device").unwrap_or_default() {
        let folder = class.join(&device);
        let kind = property(&folder, "type").unwrap_or_default();
        let labels = [("name", &device["cooling_device".len()..]), ("type", &kind)];
        for (file, name, help) in [
            (
                "cur_state",
                "cur_state",
                "Current throttle state of the cooling device",
            ),
            (
                "max_state",
                "max_state",
                "Maximum throttle state of the cooling device",
            ),
        ] {
            if let Some(state) = number_property(&folder, file) {
                out.gauge(&format!("node_cooling_device_{name}"), help, &labels, state);
            }
        }
    }
    Ok(())
}

pub fn watchdogs(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/watchdog");
    for name in numbered(&class, "watchdog")? {
        let folder = class.join(&name);
        for (file, metric) in [
            ("bootstatus", "bootstatus"),
            ("fw_version", "fw_version"),
            ("nowayout", "nowayout"),
            ("timeleft", "timeleft_seconds"),
            ("timeout", "timeout_seconds"),
            ("pretimeout", "pretimeout_seconds"),
            ("access_cs0", "access_cs0"),
        ] {
            if let Some(value) = number_property(&folder, file) {
                let metric = format!("node_watchdog_{metric}");
                let help = format!("Value of /sys/class/watchdog/<watchdog>/{file}");
                out.gauge(&metric, &help, &[("name", &name)], value);
            }
        }
        let text = |file: &str| property(&folder, file).unwrap_or_default();
        let labels = [
            ("name", name.as_str()),
            ("options", &text("options")),
            ("identity", &text("identity")),
            ("state", &text("state")),
            ("status", &text("status")),
            ("pretimeout_governor", &text("pretimeout_governor")),
        ];
        let help = "Info of /sys/class/watchdog/<watchdog>";
        out.gauge("node_watchdog_info", help, &labels, 1.0);
    }
    Ok(())
}
