//! What users set: which collectors run, where the files lie, and the block of each collector.

use std::time::Duration;

use regex::Regex;
use schema::Check;

use super::collectors;
use super::host::{Filter, Filters};

/// Where to look, and for what.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Add metrics about the exporter itself.
    #[arg(default = false)]
    pub include_exporter_metrics: bool,
    /// Where procfs is mounted.
    #[arg(default = "/proc")]
    pub procfs_path: String,
    /// Where sysfs is mounted.
    #[arg(default = "/sys")]
    pub sysfs_path: String,
    /// Where the root of the machine is mounted; mount points are shown without it.
    #[arg(default = "/")]
    pub rootfs_path: String,
    /// Where udev keeps what it knows of devices.
    #[arg(default = "/run/udev/data")]
    pub udev_data_path: String,
    /// Collectors to run besides the default ones.
    pub enable_collectors: Vec<String>,
    /// Collectors not to run.
    pub disable_collectors: Vec<String>,
    /// Collectors to run in place of the default ones.
    pub set_collectors: Vec<String>,
    /// Settings of the collector `arp`.
    #[arg(block)]
    pub arp: Arp,
    /// Settings of the collector `bcache`.
    #[arg(block)]
    pub bcache: Bcache,
    /// Settings of the collector `cpu`.
    #[arg(block)]
    pub cpu: Cpu,
    /// Settings of the collector `diskstats`.
    #[arg(block)]
    pub disk: Disk,
    /// Settings of the collector `ethtool`.
    #[arg(block)]
    pub ethtool: Ethtool,
    /// Settings of the collector `filesystem`.
    #[arg(block)]
    pub filesystem: Filesystem,
    /// Settings of the collector `hwmon`.
    #[arg(block)]
    pub hwmon: Hwmon,
    /// Settings of the collector `ipvs`.
    #[arg(block)]
    pub ipvs: Ipvs,
    /// Settings of the collector `ntp`.
    #[arg(block)]
    pub ntp: Ntp,
    /// Settings of the collector `netclass`.
    #[arg(block)]
    pub netclass: Netclass,
    /// Settings of the collector `netdev`.
    #[arg(block)]
    pub netdev: Netdev,
    /// Settings of the collector `netstat`.
    #[arg(block)]
    pub netstat: Netstat,
    /// Settings of the collector `perf`.
    #[arg(block)]
    pub perf: Perf,
    /// Settings of the collector `powersupplyclass`.
    #[arg(block)]
    pub powersupply: Powersupply,
    /// Settings of the collector `runit`.
    #[arg(block)]
    pub runit: Runit,
    /// Settings of the collector `supervisord`.
    #[arg(block)]
    pub supervisord: Supervisord,
    /// Settings of the collector `sysctl`.
    #[arg(block)]
    pub sysctl: Sysctl,
    /// Settings of the collector `systemd`.
    #[arg(block)]
    pub systemd: Systemd,
    /// Settings of the collector `tapestats`.
    #[arg(block)]
    pub tapestats: Tapestats,
    /// Settings of the collector `textfile`.
    #[arg(block)]
    pub textfile: Textfile,
    /// Settings of the collector `vmstat`.
    #[arg(block)]
    pub vmstat: Vmstat,
}

/// Entries of the ARP table.
#[derive(schema::Arguments)]
pub struct Arp {
    /// Pattern of devices to leave out.
    pub device_exclude: String,
    /// Pattern of devices to show.
    pub device_include: String,
    /// Ask netlink instead of `/proc/net/arp`.
    #[arg(default = false)]
    pub netlink: bool,
}

/// Block cache.
#[derive(schema::Arguments)]
pub struct Bcache {
    /// Show statistics of priorities, which are expensive to gather.
    #[arg(default = false)]
    pub priority_stats: bool,
}

/// Processors.
#[derive(schema::Arguments)]
pub struct Cpu {
    /// Pattern of bugs to show in `node_cpu_bug_info`.
    pub bugs_include: String,
    /// Pattern of flags to show in `node_cpu_flag_info`.
    pub flags_include: String,
    /// Show `node_cpu_guest_seconds_total`.
    #[arg(default = false)]
    pub guest: bool,
    /// Show `node_cpu_info`.
    #[arg(default = false)]
    pub info: bool,
}

/// Disks.
#[derive(schema::Arguments)]
pub struct Disk {
    /// Pattern of devices to leave out; counts only without `device_include`.
    #[arg(default = "^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$")]
    pub device_exclude: String,
    /// Pattern of devices to show.
    pub device_include: String,
}

/// Statistics of network drivers.
#[derive(schema::Arguments)]
pub struct Ethtool {
    /// Pattern of devices to leave out.
    pub device_exclude: String,
    /// Pattern of devices to show.
    pub device_include: String,
    /// Pattern of metrics to show.
    #[arg(default = ".*")]
    pub metrics_include: String,
}

/// File systems.
#[derive(schema::Arguments)]
pub struct Filesystem {
    /// Pattern of types to leave out.
    #[arg(default = FS_TYPES)]
    pub fs_types_exclude: String,
    /// Pattern of mount points to leave out.
    #[arg(default = MOUNT_POINTS)]
    pub mount_points_exclude: String,
    /// How long a file system may take before it is taken as stuck.
    #[arg(default = "5s")]
    pub mount_timeout: Duration,
}

/// Compat: what Alloy leaves out on Linux.
const FS_TYPES: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|\
                        fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|\
                        rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$";
const MOUNT_POINTS: &str = "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)";

/// Sensors.
#[derive(schema::Arguments)]
pub struct Hwmon {
    /// Pattern of chips to show.
    pub chip_include: String,
    /// Pattern of chips to leave out.
    pub chip_exclude: String,
}

/// Virtual servers of the kernel.
#[derive(schema::Arguments)]
pub struct Ipvs {
    /// Labels of backends.
    #[arg(default = ["local_address", "local_port", "remote_address", "remote_port", "proto",
        "local_mark"])]
    pub backend_labels: Vec<String>,
}

/// Drift against a time server.
#[derive(schema::Arguments)]
pub struct Ntp {
    /// Time to live of packets.
    #[arg(default = 1)]
    pub ip_ttl: i64,
    /// Offset between server and clock that is still good.
    #[arg(default = "1ms")]
    pub local_offset_tolerance: Duration,
    /// Largest distance to the root that is still good.
    #[arg(default = "3466080us")]
    pub max_distance: Duration,
    /// Version of the protocol.
    #[arg(default = 4)]
    pub protocol_version: i64,
    /// Take a server that is not on this machine.
    #[arg(default = false)]
    pub server_is_local: bool,
    /// Address of the server.
    #[arg(default = "127.0.0.1")]
    pub server: String,
}

/// Properties of network devices.
#[derive(schema::Arguments)]
pub struct Netclass {
    /// Leave out speeds that are not known, instead of a negative one.
    #[arg(default = false)]
    pub ignore_invalid_speed_device: bool,
    /// Pattern of devices to leave out.
    #[arg(default = "^$")]
    pub ignored_devices: String,
}

/// Traffic of network devices.
#[derive(schema::Arguments)]
pub struct Netdev {
    /// Show addresses of devices.
    #[arg(default = false)]
    pub address_info: bool,
    /// Pattern of devices to leave out.
    pub device_exclude: String,
    /// Pattern of devices to show.
    pub device_include: String,
}

/// Counters of network protocols.
#[derive(schema::Arguments)]
pub struct Netstat {
    /// Pattern of fields to show.
    #[arg(
        default = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|\
        Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|\
        Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
        Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
    )]
    pub fields: String,
}

/// Counters of processors.
#[derive(schema::Arguments)]
pub struct Perf {
    /// Cache profilers to use.
    pub cache_profilers: Vec<String>,
    /// Processors to count on.
    pub cpus: String,
    /// Use no cache profilers.
    #[arg(default = false)]
    pub disable_cache_profilers: bool,
    /// Use no hardware profilers.
    #[arg(default = false)]
    pub disable_hardware_profilers: bool,
    /// Use no software profilers.
    #[arg(default = false)]
    pub disable_software_profilers: bool,
    /// Hardware profilers to use.
    pub hardware_profilers: Vec<String>,
    /// Software profilers to use.
    pub software_profilers: Vec<String>,
    /// Tracepoints to count.
    pub tracepoint: Vec<String>,
}

/// Power supplies and batteries.
#[derive(schema::Arguments)]
pub struct Powersupply {
    /// Pattern of supplies to leave out.
    #[arg(default = "^$")]
    pub ignored_supplies: String,
}

/// Services of runit.
#[derive(schema::Arguments)]
pub struct Runit {
    /// Folder of services.
    #[arg(default = "/etc/service")]
    pub service_dir: String,
}

/// Services of supervisord.
#[derive(schema::Arguments)]
pub struct Supervisord {
    /// URL of its XML-RPC.
    #[arg(default = "http://localhost:9001/RPC2")]
    pub url: String,
}

/// Settings of the kernel.
#[derive(schema::Arguments)]
pub struct Sysctl {
    /// Numeric ones to show.
    pub include: Vec<String>,
    /// Others to show as labels.
    pub include_info: Vec<String>,
}

/// Units of systemd.
#[derive(schema::Arguments)]
pub struct Systemd {
    /// Show how often services were restarted.
    #[arg(default = false)]
    pub enable_restarts: bool,
    /// Show when units were started.
    #[arg(default = false)]
    pub start_time: bool,
    /// Show how many tasks units have.
    #[arg(default = false)]
    pub task_metrics: bool,
    /// Pattern of units to leave out.
    #[arg(default = ".+\\.(automount|device|mount|scope|slice)")]
    pub unit_exclude: String,
    /// Pattern of units to show.
    #[arg(default = ".+")]
    pub unit_include: String,
}

/// Tape drives.
#[derive(schema::Arguments)]
pub struct Tapestats {
    /// Pattern of devices to leave out.
    #[arg(default = "^$")]
    pub ignored_devices: String,
}

/// Metrics that other programs leave in files.
#[derive(schema::Arguments)]
pub struct Textfile {
    /// Folder of files that end in `.prom`.
    pub directory: String,
}

/// Counters of the virtual memory.
#[derive(schema::Arguments)]
pub struct Vmstat {
    /// Pattern of fields to show.
    #[arg(default = "^(oom_kill|pgpg|pswp|pg.*fault).*")]
    pub fields: String,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = self.filters() {
            check.body(error);
        }
    }

    /// The names of collectors that are to run, sorted.
    pub fn collectors(&self) -> Vec<&'static collectors::Collector> {
        let has = |names: &[String], name: &str| names.iter().any(|it| it == name);
        let wanted = |it: &&collectors::Collector| {
            let default = match self.set_collectors.as_slice() {
                [] => it.default,
                set => has(set, it.name),
            };
            let kept = default && !has(&self.disable_collectors, it.name);
            kept || has(&self.enable_collectors, it.name)
        };
        collectors::COLLECTORS.iter().filter(wanted).collect()
    }

    /// The patterns; the error names the one that is none.
    pub fn filters(&self) -> Result<Filters, String> {
        // Compat: exclusion of disks counts only where nothing is included.
        let disk_exclude = match self.disk.device_include.as_str() {
            "" => self.disk.device_exclude.as_str(),
            _ => "",
        };
        Ok(Filters {
            arp: filter("arp", &self.arp.device_include, &self.arp.device_exclude)?,
            disk: filter("disk", &self.disk.device_include, disk_exclude)?,
            filesystem_types: filter("filesystem", "", &self.filesystem.fs_types_exclude)?,
            mount_points: filter("filesystem", "", &self.filesystem.mount_points_exclude)?,
            hwmon: filter("hwmon", &self.hwmon.chip_include, &self.hwmon.chip_exclude)?,
            netclass: filter("netclass", "", &self.netclass.ignored_devices)?,
            netdev: filter(
                "netdev",
                &self.netdev.device_include,
                &self.netdev.device_exclude,
            )?,
            netstat: filter("netstat", &self.netstat.fields, "")?,
            power_supply: filter("powersupply", "", &self.powersupply.ignored_supplies)?,
            tape: filter("tapestats", "", &self.tapestats.ignored_devices)?,
            vmstat: filter("vmstat", &self.vmstat.fields, "")?,
            cpu_flags: pattern("cpu", &self.cpu.flags_include)?,
            cpu_bugs: pattern("cpu", &self.cpu.bugs_include)?,
        })
    }
}

fn filter(block: &str, include: &str, exclude: &str) -> Result<Filter, String> {
    Ok(Filter {
        include: pattern(block, include)?,
        exclude: pattern(block, exclude)?,
    })
}

/// No pattern where the text is empty.
fn pattern(block: &str, text: &str) -> Result<Option<Regex>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match Regex::new(text) {
        Ok(pattern) => Ok(Some(pattern)),
        Err(error) => Err(format!(
            "\"{text}\" in block \"{block}\" is no regular expression: {error}"
        )),
    }
}
