//! Collectors of the network: `arp`, `bonding`, `conntrack`, `netclass`, `netdev`, `netstat`,
//! `sockstat`, `softnet`, `tcpstat` and `udp_queues`.

use std::collections::BTreeMap;

use os::host::page_bytes;

use super::host::{Failure, Host, Outcome, names, number_property, parse, property};
use super::kernel::metric_name;
use crate::families::Families;

pub fn arp(host: &Host, out: &mut Families) -> Outcome {
    let mut entries: BTreeMap<String, u32> = BTreeMap::new();
    for line in host.proc_text("net/arp")?.lines().skip(1) {
        if let Some(device) = line.split_ascii_whitespace().last() {
            *entries.entry(device.to_owned()).or_default() += 1;
        }
    }
    for (device, count) in entries {
        if host.filters.arp.takes(&device) {
            let help = "ARP entries by device";
            let labels = [("device", device.as_str())];
            out.gauge("node_arp_entries", help, &labels, f64::from(count));
        }
    }
    Ok(())
}

pub fn bonding(host: &Host, out: &mut Families) -> Outcome {
    let folder = host.sys.join("class/net");
    for master in host
        .sys_text("class/net/bonding_masters")?
        .split_ascii_whitespace()
    {
        let slaves = host.sys_text(&format!("class/net/{master}/bonding/slaves"))?;
        let (mut all, mut active) = (0_u32, 0_u32);
        for slave in slaves.split_ascii_whitespace() {
            let state = ["lower", "slave"].into_iter().find_map(|prefix| {
                let slave = folder.join(master).join(format!("{prefix}_{slave}"));
                property(&slave, "bonding_slave/mii_status")
            });
            all += 1;
            active += u32::from(state.ok_or(Failure::NoData)? == "up");
        }
        let labels = [("master", master)];
        let help = "Number of configured slaves per bonding interface.";
        out.gauge("node_bonding_slaves", help, &labels, f64::from(all));
        let help = "Number of active slaves per bonding interface.";
        out.gauge("node_bonding_active", help, &labels, f64::from(active));
    }
    Ok(())
}

/// Column of `nf_conntrack`, name and help.
const CONNTRACK: [(&str, &str, &str); 8] = [
    (
        "found",
        "found",
        "Number of searched entries which were successful.",
    ),
    (
        "invalid",
        "invalid",
        "Number of packets seen which can not be tracked.",
    ),
    (
        "ignore",
        "ignore",
        "Number of packets seen which are already connected to a conntrack entry.",
    ),
    (
        "insert",
        "insert",
        "Number of entries inserted into the list.",
    ),
    (
        "insert_failed",
        "insert_failed",
        "Number of entries for which list insertion was attempted but failed.",
    ),
    (
        "drop",
        "drop",
        "Number of packets dropped due to conntrack failure.",
    ),
    (
        "early_drop",
        "early_drop",
        "Number of dropped conntrack entries to make room for new ones, if maximum table size was \
         reached.",
    ),
    (
        "search_restart",
        "search_restart",
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
    ),
];

pub fn conntrack(host: &Host, out: &mut Families) -> Outcome {
    let folder = "sys/net/netfilter";
    let entries = host.proc_number(&format!("{folder}/nf_conntrack_count"))?;
    let help = "Number of currently allocated flow entries for connection tracking.";
    out.gauge("node_nf_conntrack_entries", help, &[], entries);
    let limit = host.proc_number(&format!("{folder}/nf_conntrack_max"))?;
    let help = "Maximum size of connection tracking table.";
    out.gauge("node_nf_conntrack_entries_limit", help, &[], limit);
    let text = host.proc_text("net/stat/nf_conntrack")?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let mut sums = vec![0_u64; columns.len()];
    for line in lines {
        for (sum, field) in sums.iter_mut().zip(line.split_ascii_whitespace()) {
            *sum = sum.saturating_add(hexadecimal(field)?);
        }
    }
    for (column, name, help) in CONNTRACK {
        let at = columns.iter().position(|it| *it == column);
        let sum = at.map_or(0, |at| sums[at]);
        out.gauge(
            &format!("node_nf_conntrack_stat_{name}"),
            help,
            &[],
            sum as f64,
        );
    }
    Ok(())
}

fn hexadecimal(text: &str) -> Result<u64, Failure> {
    u64::from_str_radix(text, 16)
        .map_err(|_| Failure::new(format!("\"{text}\" is no hexadecimal number")))
}

/// File, property and whether it counts.
const PROPERTIES: [(&str, &str, bool); 16] = [
    ("addr_assign_type", "address_assign_type", false),
    ("carrier", "carrier", false),
    ("carrier_changes", "carrier_changes_total", true),
    ("carrier_up_count", "carrier_up_changes_total", true),
    ("carrier_down_count", "carrier_down_changes_total", true),
    ("dev_id", "device_id", false),
    ("dormant", "dormant", false),
    ("flags", "flags", false),
    ("ifindex", "iface_id", false),
    ("iflink", "iface_link", false),
    ("link_mode", "iface_link_mode", false),
    ("mtu", "mtu_bytes", false),
    ("name_assign_type", "name_assign_type", false),
    ("netdev_group", "net_dev_group", false),
    ("tx_queue_len", "transmit_queue_length", false),
    ("type", "protocol_type", false),
];

pub fn netclass(host: &Host, out: &mut Families) -> Outcome {
    let class = host.sys.join("class/net");
    for device in names(&class)? {
        let folder = class.join(&device);
        // Files such as `bonding_masters` are no devices.
        if !host.filters.netclass.takes(&device) || !folder.is_dir() {
            continue;
        }
        let text = |name: &str| property(&folder, name).unwrap_or_default();
        let state = text("operstate");
        let labels = [("device", device.as_str())];
        let help = "Value is 1 if operstate is 'up', 0 otherwise.";
        let up = f64::from(u8::from(state == "up"));
        out.gauge("node_network_up", help, &labels, up);
        let flags = number_property(&folder, "flags");
        let admin = match flags {
            None => "unknown",
            Some(flags) if flags as u64 & 1 == 1 => "up",
            Some(_) => "down",
        };
        let info = [
            ("device", device.as_str()),
            ("address", &text("address")),
            ("broadcast", &text("broadcast")),
            ("duplex", &text("duplex")),
            ("operstate", &state),
            ("adminstate", admin),
            ("ifalias", &text("ifalias")),
        ];
        let help = "Non-numeric data from /sys/class/net/<iface>, value is always 1.";
        out.gauge("node_network_info", help, &info, 1.0);
        for (file, name, counts) in PROPERTIES {
            let Some(value) = number_property(&folder, file) else {
                continue;
            };
            let metric = format!("node_network_{name}");
            let help = format!("Network device property: {name}");
            if counts {
                out.counter(&metric, &help, &labels, value);
            } else {
                out.gauge(&metric, &help, &labels, value);
            }
        }
        // Some devices give -1 if their speed is not known.
        let invalid = host.arguments.netclass.ignore_invalid_speed_device;
        if let Some(megabits) =
            number_property(&folder, "speed").filter(|it| *it >= 0.0 || !invalid)
        {
            let help = "Network device property: speed_bytes";
            let bytes = megabits * 1e6 / 8.0;
            out.gauge("node_network_speed_bytes", help, &labels, bytes);
        }
    }
    Ok(())
}

pub fn netdev(host: &Host, out: &mut Families) -> Outcome {
    let text = host.proc_text("net/dev")?;
    let mut lines = text.lines().skip(1);
    // Inter-|   Receive ...; face |bytes packets ...|bytes packets ...
    let heading: Vec<&str> = lines.next().unwrap_or_default().split('|').collect();
    let [_, receive, transmit] = heading[..] else {
        return Err(Failure::new("the heading of \"net/dev\" is not understood"));
    };
    let column = |direction: &'static str| move |name| format!("{direction}_{name}");
    let columns: Vec<String> = receive
        .split_ascii_whitespace()
        .map(column("receive"))
        .chain(transmit.split_ascii_whitespace().map(column("transmit")))
        .collect();
    for line in lines {
        let Some((device, values)) = line.rsplit_once(':') else {
            continue;
        };
        let device = device.trim();
        if !host.filters.netdev.takes(device) {
            continue;
        }
        for (column, value) in columns.iter().zip(values.split_ascii_whitespace()) {
            let metric = format!("node_network_{column}_total");
            let help = format!("Network device statistic {column}.");
            out.counter(
                &metric,
                &help,
                &[("device", device)],
                parse(value, "net/dev")?,
            );
        }
    }
    Ok(())
}

pub fn netstat(host: &Host, out: &mut Families) -> Outcome {
    let mut add = |protocol: &str, name: &str, value: &str| -> Outcome {
        let key = format!("{protocol}_{name}");
        if host.filters.netstat.takes(&key) {
            let help = format!("Statistic {protocol}{name}.");
            let metric = format!("node_netstat_{}", metric_name(&key));
            out.untyped(&metric, &help, &[], parse(value, "netstat")?);
        }
        Ok(())
    };
    for file in ["net/netstat", "net/snmp"] {
        let text = host.proc_text(file)?;
        let lines: Vec<&str> = text.lines().collect();
        // A line of names, then one of values.
        for pair in lines.chunks_exact(2) {
            let protocol = pair[0].split(':').next().unwrap_or_default();
            let names = pair[0].split_ascii_whitespace().skip(1);
            for (name, value) in names.zip(pair[1].split_ascii_whitespace().skip(1)) {
                add(protocol, name, value)?;
            }
        }
    }
    // There is none where IPv6 is off.
    if let Ok(text) = host.proc_text("net/snmp6") {
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace();
            let (Some(name), Some(value)) = (fields.next(), fields.next()) else {
                continue;
            };
            if let Some(six) = name.find('6') {
                add(&name[..=six], &name[six + 1..], value)?;
            }
        }
    }
    Ok(())
}

pub fn sockstat(host: &Host, out: &mut Families) -> Outcome {
    for file in ["net/sockstat", "net/sockstat6"] {
        let Ok(text) = host.proc_text(file) else {
            continue;
        };
        for line in text.lines() {
            let Some((protocol, pairs)) = line.split_once(':') else {
                continue;
            };
            let fields: Vec<&str> = pairs.split_ascii_whitespace().collect();
            for pair in fields.chunks_exact(2) {
                let value: f64 = parse(pair[1], file)?;
                if protocol == "sockets" {
                    let help = "Number of IPv4 sockets in use.";
                    out.gauge("node_sockstat_sockets_used", help, &[], value);
                    continue;
                }
                let mut add = |name: &str, value: f64| {
                    let metric = format!("node_sockstat_{protocol}_{name}");
                    let help = format!("Number of {protocol} sockets in state {name}.");
                    out.gauge(&metric, &help, &[], value);
                };
                add(pair[0], value);
                if pair[0] == "mem" {
                    add("mem_bytes", value * page_bytes() as f64);
                }
            }
        }
    }
    Ok(())
}

/// Column of `softnet_stat`, metric and help; the last is a gauge.
const SOFTNET: [(usize, &str, &str); 7] = [
    (0, "processed_total", "Number of processed packets"),
    (1, "dropped_total", "Number of dropped packets"),
    (
        2,
        "times_squeezed_total",
        "Number of times processing packets ran out of quota",
    ),
    (
        8,
        "cpu_collision_total",
        "Number of collision occur while obtaining device lock while transmitting",
    ),
    (
        9,
        "received_rps_total",
        "Number of times cpu woken up received_rps",
    ),
    (
        10,
        "flow_limit_count_total",
        "Number of times flow limit has been reached",
    ),
    (11, "backlog_len", "Softnet backlog status"),
];

pub fn softnet(host: &Host, out: &mut Families) -> Outcome {
    for (index, line) in host.proc_text("net/softnet_stat")?.lines().enumerate() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        // Newer kernels name the processor: those that are off line have no line.
        let cpu = match fields.get(12) {
            Some(cpu) => hexadecimal(cpu)?,
            None => index as u64,
        };
        for (column, name, help) in SOFTNET {
            let value = fields
                .get(column)
                .map_or(Ok(0), |field| hexadecimal(field))?;
            let metric = format!("node_softnet_{name}");
            let labels = [("cpu", &*cpu.to_string())];
            if name.ends_with("_total") {
                out.counter(&metric, help, &labels, value as f64);
            } else {
                out.gauge(&metric, help, &labels, value as f64);
            }
        }
    }
    Ok(())
}

/// Waiting bytes of the sockets of a file such as `net/udp`: to send and to be read.
fn queues(text: &str) -> Result<(u64, u64), Failure> {
    let (mut sent, mut received) = (0_u64, 0_u64);
    for line in text.lines().skip(1) {
        let pair = line.split_ascii_whitespace().nth(4).unwrap_or_default();
        let Some((transmit, receive)) = pair.split_once(':') else {
            continue;
        };
        sent = sent.saturating_add(hexadecimal(transmit)?);
        received = received.saturating_add(hexadecimal(receive)?);
    }
    Ok((sent, received))
}

pub fn udp_queues(host: &Host, out: &mut Families) -> Outcome {
    let mut found = false;
    for (file, ip) in [("net/udp", "v4"), ("net/udp6", "v6")] {
        let Ok(text) = host.proc_text(file) else {
            continue;
        };
        found = true;
        let (sent, received) = queues(&text)?;
        let help = "Number of allocated memory in the kernel for UDP datagrams in bytes.";
        for (queue, bytes) in [("tx", sent), ("rx", received)] {
            let labels = [("queue", queue), ("ip", ip)];
            out.gauge("node_udp_queues", help, &labels, bytes as f64);
        }
    }
    if found { Ok(()) } else { Err(Failure::NoData) }
}

const TCP_STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_recv",
];

pub fn tcpstat(host: &Host, out: &mut Families) -> Outcome {
    let help = "Number of connection states.";
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut sent, mut received) = (0, 0);
    for file in ["net/tcp", "net/tcp6"] {
        let text = match host.proc_text(file) {
            Err(Failure::NoData) if file == "net/tcp6" => continue,
            text => text?,
        };
        for line in text.lines().skip(1) {
            let state = line.split_ascii_whitespace().nth(3).unwrap_or_default();
            let state = hexadecimal(state)? as usize;
            if let Some(state) = state.checked_sub(1).and_then(|at| TCP_STATES.get(at)) {
                *counts.entry(state).or_default() += 1;
            }
        }
        let waiting = queues(&text)?;
        sent += waiting.0;
        received += waiting.1;
    }
    counts.insert("tx_queued_bytes", sent);
    counts.insert("rx_queued_bytes", received);
    for (state, count) in counts {
        let labels = [("state", state)];
        out.gauge("node_tcp_connection_states", help, &labels, count as f64);
    }
    Ok(())
}
