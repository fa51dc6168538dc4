//! Which processes are watched, and what each has used between two looks.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Arguments;
use super::groups::{Group, Groups};
use super::names::Namer;
use super::procfs::{Begun, Counts, Id, Reading, Source, Users};

/// What is known of the processes of this machine.
pub struct Tracker {
    source: Source,
    namer: Namer,
    users: Users,
    children: bool,
    recheck: bool,
    pub threads: bool,
    pub smaps: bool,
    groups: Groups,
    /// None for processes that are ignored.
    known: HashMap<Id, Option<Watched>>,
    by_pid: HashMap<u32, Id>,
    /// Nanoseconds since 1970.
    first_look: Option<i64>,
    pub failures: Failures,
}

/// What could not be read since the component started.
#[derive(Default)]
pub struct Failures {
    /// Looks that gave nothing.
    pub looks: u64,
    /// Processes that gave nothing.
    pub reads: u64,
    /// Processes that did not give all.
    pub partial: u64,
}

/// A process of a group.
pub struct Watched {
    pub group: String,
    /// Seconds since 1970.
    pub started: i64,
    pub reading: Reading,
    /// Used since the look before.
    pub used: Counts,
    threads: HashMap<Id, (Counts, Counts)>,
}

impl Watched {
    fn new(group: String, started: i64, reading: Reading) -> Watched {
        let threads = reading.threads.iter();
        let threads = threads.map(|it| (it.id, (it.counts, Counts::default())));
        Watched {
            group,
            started,
            threads: threads.collect(),
            used: Counts::default(),
            reading,
        }
    }

    fn update(&mut self, reading: Reading) {
        self.used = reading.counts.minus(self.reading.counts);
        let mut threads = HashMap::with_capacity(reading.threads.len());
        for thread in &reading.threads {
            // Compat: what a thread has used before it is first seen does not count.
            let before = self.threads.get(&thread.id);
            let state = match before {
                Some((counts, _)) => (thread.counts, thread.counts.minus(*counts)),
                None => (thread.counts, Counts::default()),
            };
            threads.insert(thread.id, state);
        }
        self.threads = threads;
        self.reading = reading;
    }

    /// Names of threads, and what each has used since the look before.
    pub fn threads(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.reading.threads.iter().map(|thread| {
            let state = self.threads.get(&thread.id);
            (
                thread.name.as_str(),
                state.map_or(Counts::default(), |it| it.1),
            )
        })
    }
}

/// A process that was not there at the look before.
struct New {
    begun: Begun,
    reading: Reading,
}

impl Tracker {
    pub fn new(source: Source, namer: Namer, arguments: &Arguments) -> Tracker {
        Tracker {
            source,
            namer,
            users: Users::of(Path::new("/etc/passwd")),
            children: arguments.track_children,
            recheck: arguments.recheck_on_scrape,
            threads: arguments.track_threads,
            smaps: arguments.gather_smaps,
            groups: Groups::new(arguments.remove_empty_groups),
            known: HashMap::new(),
            by_pid: HashMap::new(),
            first_look: None,
            failures: Failures::default(),
        }
    }

    /// Looks at all processes, and gives the groups as they are now.
    pub fn look(&mut self) -> io::Result<Vec<(String, Group)>> {
        if self.first_look.is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.map_or(0, |it| it.as_nanos() as i64);
            self.first_look = Some(now);
        }
        let pids = match self.source.pids() {
            Ok(pids) => pids,
            Err(error) => {
                self.failures.looks += 1;
                return Err(error);
            }
        };
        let new = self.read_all(&pids);
        self.place(new);
        Ok(self.groups.update(self.known.values().flatten()))
    }

    /// Brings what is known up to date, and gives the processes that are new.
    fn read_all(&mut self, pids: &[u32]) -> HashMap<Id, New> {
        let mut new = HashMap::new();
        let mut seen = HashSet::with_capacity(pids.len());
        for &pid in pids {
            // A process that ends while it is looked at has ended.
            let Ok(id) = self.source.id(pid) else {
                continue;
            };
            if let Some(None) = self.known.get(&id) {
                seen.insert(id);
                continue;
            }
            let reading = match self.source.reading(pid) {
                Ok(reading) => reading,
                Err(error) => {
                    self.failures.reads += u64::from(!is_gone(&error));
                    continue;
                }
            };
            self.failures.partial += u64::from(reading.partial);
            if let Some(Some(watched)) = self.known.get_mut(&id) {
                watched.update(reading);
                seen.insert(id);
                continue;
            }
            if let Ok(begun) = self.source.begun(pid, &mut self.users) {
                self.by_pid.insert(pid, id);
                seen.insert(id);
                new.insert(id, New { begun, reading });
            }
        }
        self.known.retain(|id, _| seen.contains(id));
        self.by_pid.retain(|_, id| seen.contains(id));
        new
    }

    /// Finds the groups of new processes.
    fn place(&mut self, mut new: HashMap<Id, New>) {
        let ids: Vec<Id> = new.keys().copied().collect();
        for &id in &ids {
            let group = new
                .get(&id)
                .map(|it| self.namer.group(&it.begun.attributes));
            if let Some(Some(group)) = group {
                self.watch(id, &group, &mut new);
            }
        }
        for id in ids {
            let mut chain = vec![id];
            let group = match self.children {
                true => self.inherited(&mut chain, &new),
                false => None,
            };
            for id in chain {
                match &group {
                    Some(group) => self.watch(id, group, &mut new),
                    None if new.remove(&id).is_some() && !self.recheck => {
                        self.known.insert(id, None);
                    }
                    None => {}
                }
            }
        }
    }

    /// The group of the nearest forebear that is known; `chain` takes the new ones on the way.
    fn inherited(&self, chain: &mut Vec<Id>, new: &HashMap<Id, New>) -> Option<String> {
        loop {
            let child = new.get(chain.last()?)?;
            let parent = *self.by_pid.get(&child.begun.parent)?;
            if let Some(known) = self.known.get(&parent) {
                return known.as_ref().map(|it| it.group.clone());
            }
            // Numbers that are used again could lead in a circle.
            if chain.contains(&parent) || !new.contains_key(&parent) {
                return None;
            }
            chain.push(parent);
        }
    }

    fn watch(&mut self, id: Id, group: &str, new: &mut HashMap<Id, New>) {
        let Some(New { reading, .. }) = new.remove(&id) else {
            return;
        };
        let counts = reading.counts;
        let mut watched = Watched::new(group.to_owned(), self.source.started(id), reading);
        // All that a process has used that began after we did, it has used since.
        let began = self.source.started_ns(id.start_ticks);
        if self.first_look.is_some_and(|first| first < began) {
            watched.used = counts;
        }
        self.known.insert(id, Some(watched));
    }
}

fn is_gone(error: &io::Error) -> bool {
    const NO_SUCH_PROCESS: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}
