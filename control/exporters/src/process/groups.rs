//! Sums over the processes of a group, which go on when processes end. Pure.

use std::collections::{BTreeMap, HashMap};

use super::procfs::{Counts, Memory, States};
use super::track::Watched;

/// What a group has used so far.
pub struct Groups {
    used: HashMap<String, Counts>,
    /// By group and name of thread.
    threads: HashMap<String, BTreeMap<String, Threads>>,
    remove_empty: bool,
}

/// A group as it is now.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub processes: u64,
    pub used: Counts,
    pub memory: Memory,
    pub states: States,
    pub open_files: u64,
    pub worst_files_ratio: f64,
    pub thread_count: u64,
    /// Seconds since 1970 of the oldest process.
    pub oldest_start: Option<i64>,
    /// Threads by the function of the kernel that they wait in.
    pub waits: BTreeMap<String, u64>,
    /// By name.
    pub threads: BTreeMap<String, Threads>,
}

/// Threads of one name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads {
    pub count: u64,
    pub used: Counts,
}

impl Group {
    fn add(&mut self, process: &Watched) {
        let reading = &process.reading;
        self.processes += 1;
        self.used = self.used.plus(process.used);
        self.states = self.states.plus(reading.states);
        let (sum, more) = (&mut self.memory, reading.memory);
        sum.resident += more.resident;
        sum.virtual_ += more.virtual_;
        sum.swapped += more.swapped;
        sum.proportional += more.proportional;
        sum.proportional_swapped += more.proportional_swapped;
        if let Some(open) = reading.open_files {
            self.open_files += open;
            let ratio = open as f64 / reading.open_files_max;
            self.worst_files_ratio = self.worst_files_ratio.max(ratio);
        }
        self.thread_count += reading.thread_count;
        let oldest = self.oldest_start.unwrap_or(i64::MAX);
        self.oldest_start = Some(oldest.min(process.started));
        let threads = reading.threads.iter().map(|thread| &thread.wait);
        for wait in threads.chain([&reading.wait]).flatten() {
            *self.waits.entry(wait.clone()).or_default() += 1;
        }
        for (name, used) in process.threads() {
            let threads = self.threads.entry(name.to_owned()).or_default();
            threads.count += 1;
            threads.used = threads.used.plus(used);
        }
    }
}

impl Groups {
    pub fn new(remove_empty: bool) -> Groups {
        Groups {
            used: HashMap::new(),
            threads: HashMap::new(),
            remove_empty,
        }
    }

    /// The groups after a look at their processes.
    pub fn update<'a>(
        &mut self,
        processes: impl Iterator<Item = &'a Watched>,
    ) -> Vec<(String, Group)> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for process in processes {
            groups
                .entry(process.group.clone())
                .or_default()
                .add(process);
        }
        for (name, group) in &mut groups {
            if let Some(before) = self.used.get(name) {
                group.used = group.used.plus(*before);
            }
            self.used.insert(name.clone(), group.used);
            self.update_threads(name, group);
        }
        if self.remove_empty {
            self.used.retain(|name, _| groups.contains_key(name));
            self.threads.retain(|name, _| groups.contains_key(name));
        }
        for (name, used) in &self.used {
            if !groups.contains_key(name) {
                let used = *used;
                let group = Group {
                    used,
                    ..Group::default()
                };
                groups.insert(name.clone(), group);
            }
        }
        groups.into_iter().collect()
    }

    /// Compat: threads of a name that is gone are forgotten, with what they have used.
    fn update_threads(&mut self, name: &str, group: &mut Group) {
        if let Some(before) = self.threads.get(name) {
            for (thread, now) in &mut group.threads {
                if let Some(before) = before.get(thread) {
                    now.used = now.used.plus(before.used);
                }
            }
        }
        self.threads.insert(name.to_owned(), group.threads.clone());
    }
}
