//! prometheus.exporter.process: metrics of groups of processes, as process-exporter shows them.
//!
//! Flow: scrape -> each process below `/proc` -> matchers give its group -> what it has used since
//! the last scrape is added to the group -> page.
//!
//! Counters of a group never fall when one of its processes ends. What a process had used before
//! the component started does not count. Works on Linux; elsewhere it warns, and its page is empty.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.process.md

mod groups;
mod names;
mod pages;
mod procfs;
#[cfg(test)]
mod tests;
mod track;

use std::path::Path;
use std::sync::{Arc, Mutex};

use eval::{Component, Page, ResolverCx, ResolverError};
use schema::Check;

use self::names::Namer;
use self::track::Tracker;
use crate::exporter::{Exporter, Exporting, Gather, Gathered};
use crate::families::Families;

pub static COMPONENT: Component = Component::of::<Exporting<Process>>();

/// Which processes to watch, and what to tell of them.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Where procfs is mounted.
    #[arg(default = "/proc")]
    pub procfs_path: String,
    /// Count children that match nothing with the group of their parent.
    #[arg(default = true)]
    pub track_children: bool,
    /// Show metrics of threads by their names.
    #[arg(default = true)]
    pub track_threads: bool,
    /// Show proportional memory, for which the kernel walks every mapping of a process.
    #[arg(default = true)]
    pub gather_smaps: bool,
    /// Try the matchers again at each scrape on processes that did not match.
    #[arg(default = false)]
    pub recheck_on_scrape: bool,
    /// Forget groups that have no process left.
    #[arg(default = false)]
    pub remove_empty_groups: bool,
    /// Rules that put processes into groups; the first that matches counts.
    #[arg(block, name = "matcher")]
    pub matcher: Vec<Matcher>,
}

/// A rule that puts processes into a group: each of its lists that is set has to match.
#[derive(schema::Arguments)]
pub struct Matcher {
    /// Template of the group's name, with `.Comm`, `.ExeBase`, `.ExeFull`, `.Username`, `.Matches`,
    /// `.PID`, `.StartTime` and `.Cgroups`.
    #[arg(default = "{{.ExeBase}}")]
    pub name: String,
    /// Names of commands as the kernel knows them, at most 15 characters long.
    pub comm: Vec<String>,
    /// Programs: a name, or a whole path if there is a slash in it.
    pub exe: Vec<String>,
    /// Regular expressions, each of which has to match the command line. Their named groups are the
    /// `.Matches` of the template.
    pub cmdline: Vec<String>,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        for (index, matcher) in self.matcher.iter().enumerate() {
            if let Err(error) = Namer::new(std::slice::from_ref(matcher)) {
                check.block("matcher", index, error);
            }
        }
    }
}

struct Process {
    machine: Arc<Machine>,
}

/// What is known of the processes; None on systems without procfs. Scrapes wait for one another,
/// since each counts from the one before.
struct Machine(Option<Mutex<Tracker>>);

impl Exporter for Process {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.process";
    const JOB: &'static str = "process";

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Process, ResolverError> {
        if !cfg!(target_os = "linux") {
            let message = "processes can be watched on Linux only; the page stays empty";
            tracing::warn!(component = cx.id(), message);
            let machine = Arc::new(Machine(None));
            return Ok(Process { machine });
        }
        let first_look = tokio::task::spawn_blocking(move || tracker(&arguments));
        let tracker = match first_look.await {
            Ok(tracker) => tracker.map_err(ResolverError::new)?,
            Err(error) => return Err(ResolverError::new(error.to_string())),
        };
        let machine = Arc::new(Machine(Some(Mutex::new(tracker))));
        Ok(Process { machine })
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        Some(Arc::new(Gathered(self.machine.clone())))
    }

    fn instance(_: &Arguments, cx: &ResolverCx) -> String {
        cx.environment().hostname.clone()
    }
}

/// A tracker that has looked once, so that the first scrape has something to count from.
fn tracker(arguments: &Arguments) -> Result<Tracker, String> {
    let namer = Namer::new(&arguments.matcher)?;
    let source = procfs::Source::open(Path::new(&arguments.procfs_path), arguments.gather_smaps)?;
    let mut tracker = Tracker::new(source, namer, arguments);
    tracker.look().map_err(|error| error.to_string())?;
    Ok(tracker)
}

impl Gather for Machine {
    fn gather(&self) -> Families {
        let mut out = Families::new();
        if let Some(tracker) = &self.0 {
            // A look that panicked has left counts that are still counts.
            let mut tracker = tracker.lock().unwrap_or_else(|it| it.into_inner());
            let found = tracker.look();
            pages::write(found, &tracker, &mut out);
        }
        out
    }
}
