//! One process as the files below `/proc/PID` show it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::names::Attributes;
use crate::file::read;

/// Ticks a second of the times in `stat`: the kernel tells all programs 100, whatever its own.
const TICKS: f64 = 100.0;

/// Nanoseconds of a tick.
const TICK_NS: i64 = 10_000_000;

/// Where processes are read from.
pub struct Source {
    root: PathBuf,
    boot_seconds: i64,
    smaps: bool,
}

/// A process or thread over its whole life: numbers are used again, with another beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub pid: u32,
    /// Ticks between the machine's start and its own.
    pub start_ticks: u64,
}

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub user_seconds: f64,
    pub system_seconds: f64,
    pub read_bytes: u64,
    pub write_bytes: u64,
    pub major_faults: u64,
    pub minor_faults: u64,
    pub voluntary_switches: u64,
    pub nonvoluntary_switches: u64,
}

impl Counts {
    /// Compat: sums wrap, since those of switches may fall when a thread ends.
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            user_seconds: self.user_seconds + other.user_seconds,
            system_seconds: self.system_seconds + other.system_seconds,
            read_bytes: self.read_bytes.wrapping_add(other.read_bytes),
            write_bytes: self.write_bytes.wrapping_add(other.write_bytes),
            major_faults: self.major_faults.wrapping_add(other.major_faults),
            minor_faults: self.minor_faults.wrapping_add(other.minor_faults),
            voluntary_switches: self
                .voluntary_switches
                .wrapping_add(other.voluntary_switches),
            nonvoluntary_switches: self
                .nonvoluntary_switches
                .wrapping_add(other.nonvoluntary_switches),
        }
    }

    pub fn minus(self, other: Counts) -> Counts {
        Counts {
            user_seconds: self.user_seconds - other.user_seconds,
            system_seconds: self.system_seconds - other.system_seconds,
            read_bytes: self.read_bytes.wrapping_sub(other.read_bytes),
            write_bytes: self.write_bytes.wrapping_sub(other.write_bytes),
            major_faults: self.major_faults.wrapping_sub(other.major_faults),
            minor_faults: self.minor_faults.wrapping_sub(other.minor_faults),
            voluntary_switches: self
                .voluntary_switches
                .wrapping_sub(other.voluntary_switches),
            nonvoluntary_switches: self
                .nonvoluntary_switches
                .wrapping_sub(other.nonvoluntary_switches),
        }
    }
}

/// How many threads are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    pub running: u64,
    pub sleeping: u64,
    pub waiting: u64,
    pub zombie: u64,
    pub other: u64,
}

impl States {
    fn of(letter: &str) -> States {
        let mut states = States::default();
        match letter {
            "R" => states.running = 1,
            "S" => states.sleeping = 1,
            "D" => states.waiting = 1,
            "Z" => states.zombie = 1,
            _ => states.other = 1,
        }
        states
    }

    pub fn plus(self, other: States) -> States {
        States {
            running: self.running + other.running,
            sleeping: self.sleeping + other.sleeping,
            waiting: self.waiting + other.waiting,
            zombie: self.zombie + other.zombie,
            other: self.other + other.other,
        }
    }
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub resident: u64,
    pub virtual_: u64,
    pub swapped: u64,
    pub proportional: u64,
    pub proportional_swapped: u64,
}

/// What one look at a process gives.
#[derive(Clone, Debug)]
pub struct Reading {
    pub counts: Counts,
    pub memory: Memory,
    pub states: States,
    /// None if we may not look.
    pub open_files: Option<u64>,
    pub open_files_max: f64,
    pub thread_count: u64,
    /// The function of the kernel that it waits in.
    pub wait: Option<String>,
    /// All threads, if there are more than one.
    pub threads: Vec<Thread>,
    /// Something could not be read, as usual without privileges.
    pub partial: bool,
}

#[derive(Clone, Debug)]
pub struct Thread {
    pub id: Id,
    pub name: String,
    pub counts: Counts,
    states: States,
    pub wait: Option<String>,
}

/// The first look at a process.
#[derive(Clone, Debug)]
pub struct Begun {
    pub attributes: Attributes,
    pub parent: u32,
}

/// The line of `stat`.
struct Stat {
    comm: String,
    state: String,
    /// What follows the state.
    numbers: Vec<String>,
}

impl Stat {
    fn read(folder: &Path) -> io::Result<Stat> {
        let text = read(&folder.join("stat"))?;
        Stat::parse(&text).ok_or_else(|| broken("stat"))
    }

    fn parse(text: &str) -> Option<Stat> {
        // The name stands in brackets, and may hold brackets itself.
        let (_, rest) = text.split_once('(')?;
        let (comm, rest) = rest.rsplit_once(')')?;
        let mut words = rest.split_ascii_whitespace().map(str::to_owned);
        let state = words.next()?;
        let numbers: Vec<String> = words.collect();
        // `vsize` is the last that is wanted.
        (numbers.len() > 19).then(|| Stat {
            comm: comm.to_owned(),
            state,
            numbers,
        })
    }

    /// A field by its number in proc(5).
    fn field(&self, number: usize) -> u64 {
        self.numbers
            .get(number - 4)
            .and_then(|it| it.parse().ok())
            .unwrap_or(0)
    }

    fn start_ticks(&self) -> u64 {
        self.field(22)
    }
}

impl Source {
    /// The error says what cannot be read.
    pub fn open(root: &Path, smaps: bool) -> Result<Source, String> {
        let path = root.join("stat");
        let text = read(&path);
        let text = text.map_err(|error| format!("cannot read \"{}\": {error}", path.display()))?;
        let boot = text.lines().find_map(|line| line.strip_prefix("btime "));
        let boot = boot.and_then(|it| it.trim().parse().ok());
        let lacks = || format!("\"{}\" tells no time of start", path.display());
        Ok(Source {
            root: root.to_owned(),
            boot_seconds: boot.ok_or_else(lacks)?,
            smaps,
        })
    }

    /// The numbers of all processes.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        pids(&self.root)
    }

    pub fn id(&self, pid: u32) -> io::Result<Id> {
        let stat = Stat::read(&self.folder(pid))?;
        let start_ticks = stat.start_ticks();
        Ok(Id { pid, start_ticks })
    }

    /// Seconds since 1970.
    pub fn started(&self, id: Id) -> i64 {
        self.started_ns(id.start_ticks).div_euclid(1_000_000_000)
    }

    pub fn started_ns(&self, ticks: u64) -> i64 {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        let since_boot = ticks.saturating_mul(TICK_NS);
        self.boot_seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(since_boot)
    }

    /// What does not change while a process lives; its user is looked up in `users`.
    pub fn begun(&self, pid: u32, users: &mut Users) -> io::Result<Begun> {
        let folder = self.folder(pid);
        let stat = Stat::read(&folder)?;
        let words = fs::read(folder.join("cmdline"))?;
        let words = String::from_utf8_lossy(&words);
        let status = read(&folder.join("status"))?;
        // Real, effective, saved: the second counts.
        let user = field(&status, "Uid:").and_then(|it| it.split_whitespace().nth(1));
        // Kernels may have no control groups.
        let groups = read(&folder.join("cgroup")).unwrap_or_default();
        let path = |line: &str| Some(line.splitn(3, ':').nth(2)?.to_owned());
        Ok(Begun {
            parent: u32::try_from(stat.field(4)).unwrap_or(0),
            attributes: Attributes {
                words: match words.trim_end_matches('\0') {
                    "" => Vec::new(),
                    text => text.split('\0').map(str::to_owned).collect(),
                },
                cgroups: groups.lines().filter_map(path).collect(),
                username: users.name(user.unwrap_or("0")),
                pid,
                start_ns: self.started_ns(stat.start_ticks()),
                comm: stat.comm,
            },
        })
    }

    /// What changes.
    pub fn reading(&self, pid: u32) -> io::Result<Reading> {
        let folder = self.folder(pid);
        let stat = Stat::read(&folder)?;
        let status = read(&folder.join("status"))?;
        let (mut counts, io_is_told) = counts(&folder, &stat, &status);
        let open_files = fs::read_dir(folder.join("fd")).map(|all| all.count() as u64);
        let limits = read(&folder.join("limits"))?;
        let wait = wait(&folder);
        let mut memory = Memory {
            // Compat: the reference multiplies pages of `stat`; the kernel gives the same in bytes.
            resident: kib(&status, "VmRSS:"),
            virtual_: stat.field(23),
            swapped: kib(&status, "VmSwap:"),
            ..Memory::default()
        };
        let mut partial = !io_is_told || open_files.is_err() || wait.is_err();
        if self.smaps {
            match smaps(&folder) {
                Ok(text) => {
                    memory.proportional = kib_sum(&text, "Pss:");
                    memory.proportional_swapped = kib_sum(&text, "SwapPss:");
                }
                Err(_) => partial = true,
            }
        }
        let threads = threads(&folder);
        partial |= threads.is_err();
        let threads = threads.unwrap_or_default();
        let mut states = States::of(&stat.state);
        if !threads.is_empty() {
            // What `status` tells of switches is that of the first thread alone.
            (counts.voluntary_switches, counts.nonvoluntary_switches) = (0, 0);
            for thread in &threads {
                counts.voluntary_switches += thread.counts.voluntary_switches;
                counts.nonvoluntary_switches += thread.counts.nonvoluntary_switches;
                // Compat: the first thread counts once more, as the process.
                states = states.plus(thread.states);
            }
        }
        Ok(Reading {
            counts,
            memory,
            states,
            open_files: open_files.ok(),
            open_files_max: open_files_max(&limits).ok_or_else(|| broken("limits"))?,
            thread_count: stat.field(20),
            wait: wait.unwrap_or_default(),
            threads,
            partial,
        })
    }

    fn folder(&self, pid: u32) -> PathBuf {
        self.root.join(pid.to_string())
    }
}

fn broken(file: &str) -> io::Error {
    let message = format!("\"{file}\" is not as proc(5) tells");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn pids(folder: &Path) -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir(folder)? {
        pids.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|it| it.parse::<u32>().ok()),
        );
    }
    Ok(pids)
}

/// The rest of the line that begins with a word.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim())
}

fn number(text: &str, name: &str) -> u64 {
    field(text, name)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0)
}

/// Bytes of a field in kB; 0 where there is none, as with threads of the kernel.
fn kib(text: &str, name: &str) -> u64 {
    let word = field(text, name).and_then(|it| it.split(' ').next()?.parse::<u64>().ok());
    word.unwrap_or(0) << 10
}

/// Bytes of a field in all lines.
fn kib_sum(text: &str, name: &str) -> u64 {
    text.lines().map(|line| kib(line, name)).sum()
}

/// The counts, and whether those of bytes could be read.
fn counts(folder: &Path, stat: &Stat, status: &str) -> (Counts, bool) {
    let io = read(&folder.join("io"));
    let bytes = io.as_deref().unwrap_or_default();
    let counts = Counts {
        user_seconds: stat.field(14) as f64 / TICKS,
        system_seconds: stat.field(15) as f64 / TICKS,
        read_bytes: number(bytes, "read_bytes:"),
        write_bytes: number(bytes, "write_bytes:"),
        major_faults: stat.field(12),
        minor_faults: stat.field(10),
        voluntary_switches: number(status, "voluntary_ctxt_switches:"),
        nonvoluntary_switches: number(status, "nonvoluntary_ctxt_switches:"),
    };
    (counts, io.is_ok())
}

fn wait(folder: &Path) -> io::Result<Option<String>> {
    let text = read(&folder.join("wchan"))?;
    let name = text.trim();
    Ok((!matches!(name, "" | "0")).then(|| name.to_owned()))
}

/// The sums of all mappings where the kernel has them, else the mappings.
fn smaps(folder: &Path) -> io::Result<String> {
    match read(&folder.join("smaps_rollup")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => read(&folder.join("smaps")),
        text => text,
    }
}

/// The soft limit; infinite if there is none.
fn open_files_max(limits: &str) -> Option<f64> {
    let word = field(limits, "Max open files")?.split_whitespace().next()?;
    match word {
        "unlimited" => Some(f64::INFINITY),
        digits => digits.parse().ok(),
    }
}

/// The threads of a process; none if it has one.
fn threads(folder: &Path) -> io::Result<Vec<Thread>> {
    let tasks = folder.join("task");
    let mut threads = Vec::new();
    for pid in pids(&tasks)? {
        // One that has ended meanwhile is none.
        let folder = tasks.join(pid.to_string());
        let (Ok(stat), Ok(status)) = (Stat::read(&folder), read(&folder.join("status"))) else {
            continue;
        };
        let start_ticks = stat.start_ticks();
        threads.push(Thread {
            id: Id { pid, start_ticks },
            counts: counts(&folder, &stat, &status).0,
            states: States::of(&stat.state),
            wait: wait(&folder).unwrap_or_default(),
            name: stat.comm,
        });
    }
    Ok(if threads.len() < 2 {
        Vec::new()
    } else {
        threads
    })
}

/// Names of users by number, of this machine's own list; directories on the network are not asked.
pub struct Users {
    list: PathBuf,
    names: HashMap<String, String>,
}

impl Users {
    pub fn of(list: &Path) -> Users {
        let names = HashMap::new();
        let list = list.to_owned();
        Users { list, names }
    }

    /// The number itself, if there is no name.
    fn name(&mut self, number: &str) -> String {
        if let Some(name) = self.names.get(number) {
            return name.clone();
        }
        let list = read(&self.list).unwrap_or_default();
        let found = list.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == number).then(|| name.to_owned())
        });
        let name = found.unwrap_or_else(|| number.to_owned());
        self.names.insert(number.to_owned(), name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_brackets_do_not_shift_the_fields() {
        let numbers: Vec<String> = (4..=25).map(|it| it.to_string()).collect();
        let text = format!("7 (a) b) (c) S {}", numbers.join(" "));
        let stat = Stat::parse(&text).expect("it is whole");
        assert_eq!((stat.comm.as_str(), stat.state.as_str()), ("a) b) (c", "S"));
        assert_eq!((stat.field(4), stat.start_ticks()), (4, 22));
        assert!(Stat::parse("7 (a) S 1 2").is_none());
        assert!(Stat::parse("").is_none());
    }

    #[test]
    fn limits_may_be_none() {
        let limits = |word: &str| format!("Max open files            {word}      4096  files\n");
        assert_eq!(open_files_max(&limits("1024")), Some(1024.0));
        assert_eq!(open_files_max(&limits("unlimited")), Some(f64::INFINITY));
        assert_eq!(open_files_max("nothing"), None);
    }
}
