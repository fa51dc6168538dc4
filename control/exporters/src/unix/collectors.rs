//! The list of collectors: their names, and which of them run by default.

use super::host::Collect;
use super::{cpu, disk, environment, filesystem, hardware, hwmon, kernel, memory, network, power};
use super::{storage, textfile};

/// A collector by its name.
pub struct Collector {
    pub name: &'static str,
    pub default: bool,
    /// None for those that are known and not built in.
    pub collect: Option<Collect>,
}

const fn on(name: &'static str, collect: Collect) -> Collector {
    Collector {
        name,
        default: true,
        collect: Some(collect),
    }
}

const fn off(name: &'static str, collect: Collect) -> Collector {
    Collector {
        name,
        default: false,
        collect: Some(collect),
    }
}

/// One that Alloy runs by default and that is not built in: it tells that it has not succeeded.
const fn missing(name: &'static str) -> Collector {
    Collector {
        name,
        default: true,
        collect: None,
    }
}

const fn absent(name: &'static str) -> Collector {
    Collector {
        name,
        default: false,
        collect: None,
    }
}

/// Sorted by name.
pub static COLLECTORS: &[Collector] = &[
    on("arp", network::arp),
    missing("bcache"),
    on("bonding", network::bonding),
    missing("btrfs"),
    off("buddyinfo", memory::buddyinfo),
    absent("cgroups"),
    on("conntrack", network::conntrack),
    on("cpu", cpu::cpu),
    off("cpu_vulnerabilities", cpu::vulnerabilities),
    on("cpufreq", cpu::frequencies),
    on("diskstats", disk::disks),
    on("dmi", hardware::dmi),
    absent("drbd"),
    absent("drm"),
    on("edac", hardware::edac),
    on("entropy", kernel::entropy),
    absent("ethtool"),
    missing("fibrechannel"),
    on("filefd", kernel::filefd),
    on("filesystem", filesystem::filesystems),
    on("hwmon", hwmon::sensors),
    missing("infiniband"),
    off("interrupts", kernel::interrupts),
    missing("ipvs"),
    off("ksmd", memory::ksmd),
    absent("lnstat"),
    on("loadavg", kernel::loadavg),
    absent("logind"),
    on("mdadm", storage::mdadm),
    on("meminfo", memory::meminfo),
    off("meminfo_numa", memory::meminfo_numa),
    absent("mountstats"),
    on("netclass", network::netclass),
    on("netdev", network::netdev),
    on("netstat", network::netstat),
    absent("network_route"),
    missing("nfs"),
    missing("nfsd"),
    absent("ntp"),
    on("nvme", storage::nvme),
    on("os", environment::release),
    absent("pcidevice"),
    absent("perf"),
    on("powersupplyclass", power::supplies),
    on("pressure", kernel::pressure),
    off("processes", kernel::processes),
    absent("qdisc"),
    on("rapl", power::rapl),
    absent("runit"),
    on("schedstat", kernel::schedstat),
    on("selinux", environment::selinux),
    absent("slabinfo"),
    on("sockstat", network::sockstat),
    off("softirqs", kernel::softirqs),
    on("softnet", network::softnet),
    on("stat", kernel::stat),
    absent("supervisord"),
    off("swap", memory::swap),
    off("sysctl", kernel::sysctl),
    absent("systemd"),
    on("tapestats", storage::tapes),
    off("tcpstat", network::tcpstat),
    on("textfile", textfile::files),
    on("thermal_zone", hardware::thermal_zones),
    on("time", environment::time),
    on("timex", environment::timex),
    on("udp_queues", network::udp_queues),
    on("uname", environment::uname),
    on("vmstat", memory::vmstat),
    on("watchdog", hardware::watchdogs),
    absent("wifi"),
    absent("xfrm"),
    missing("xfs"),
    missing("zfs"),
    absent("zoneinfo"),
];
