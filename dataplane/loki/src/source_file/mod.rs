//! loki.source.file: reads the lines of files, and those that are added.
//!
//! ```text
//! targets -> tails -> poll (length, identity) -> ready -> workers: lines of many files in a batch
//!                                                             -> forward_to -> ack: offsets move
//! ```
//!
//! A file's offset moves only when its lines are acked, and is written before the file is read on:
//! no line that was not acked is passed over, a killed process delivers again at most the batches
//! that were on their way, a stopped one nothing. A file is known by device, inode and the hash of
//! its beginning, so that a renamed one is read to its end under its old labels, files made and
//! renamed between two looks included, and one that was written anew is read from its start. Lines
//! of a stream keep their order. What `copytruncate` throws away before it was read is lost: at
//! most what was written since the last look; truncations are counted.
//!
//! Lines longer than 8 MiB are dropped and counted. Compatible with loki.source.file of Alloy,
//! whose `positions.yml` is read at the first start and written on; other than there, a file that
//! does not exist yet is waited for.

mod archive;
mod charset;
mod files;
mod journal;
mod keep;
mod opened;
pub mod positions;
mod tail;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod yaml;

use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread, Update};
use schema::{Arguments, Check, Choice, MetricDecl, MetricKind, Port, Stability, Targets};

pub static COMPONENT: Component = Component::of::<SourceFile>();

/// The component.
pub struct SourceFile;

#[derive(Arguments)]
#[arg(check = SourceFileArguments::check)]
pub struct SourceFileArguments {
    /// Files to read: `__path__` and labels.
    #[arg(required)]
    pub targets: Targets,
    /// Where lines go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Encoding of the files by its IANA name; UTF-8, or what a byte order mark says, unless set.
    pub encoding: String,
    /// Begin behind the last line of files that were not read before.
    #[arg(default = false)]
    pub tail_from_end: bool,
    /// Positions of Promtail or Agent Static to begin with.
    pub legacy_positions_file: String,
    /// What to do about a file whose position cannot be read.
    #[arg(default = OnPositionsFileError::RestartFromBeginning)]
    pub on_positions_file_error: OnPositionsFileError,
    /// Reads compressed files, once.
    #[arg(block)]
    pub decompression: Option<Decompression>,
    /// How often files are looked at.
    #[arg(block)]
    pub file_watch: FileWatch,
    /// Takes `__path__` for a pattern.
    #[arg(block)]
    pub file_match: FileMatch,
}

/// What to do about a position that cannot be read.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPositionsFileError {
    Skip,
    RestartFromEnd,
    RestartFromBeginning,
}

/// Reads compressed files, once.
#[derive(Arguments, Clone, Debug, PartialEq)]
pub struct Decompression {
    /// Whether files are compressed.
    #[arg(required)]
    pub enabled: bool,
    /// How they are compressed.
    #[arg(required, one_of("gz", "z", "bz2"))]
    pub format: String,
    /// How long to wait before a file is read, so that it can be written first.
    #[arg(default = Duration::ZERO)]
    pub initial_delay: Duration,
}

/// How often files are looked at.
#[derive(Arguments, Clone, Debug, PartialEq)]
pub struct FileWatch {
    /// Shortest time between two looks at a file.
    #[arg(default = Duration::from_millis(250))]
    pub min_poll_frequency: Duration,
    /// Longest time between two looks at a file that does not change.
    #[arg(default = Duration::from_millis(250))]
    pub max_poll_frequency: Duration,
}

/// Takes `__path__` for a pattern, and `__path_exclude__` for one of paths to leave out.
#[derive(Arguments, Clone, Debug, PartialEq)]
#[arg(check = FileMatch::check)]
pub struct FileMatch {
    /// Whether paths are patterns.
    #[arg(default = false)]
    pub enabled: bool,
    /// How often to look for files.
    #[arg(default = Duration::from_secs(10))]
    pub sync_period: Duration,
    /// Leave out files that were last changed longer ago than this; 0s leaves out none.
    #[arg(default = Duration::ZERO)]
    pub ignore_older_than: Duration,
}

impl FileMatch {
    fn check(&self, check: &mut Check<'_>) {
        if self.sync_period.is_zero() {
            check.attribute("sync_period", "sync period must be greater than 0");
        }
    }
}

impl SourceFileArguments {
    fn check(&self, check: &mut Check<'_>) {
        if charset::Charset::of_name(&self.encoding).is_none() {
            let message = format!("unknown encoding \"{}\"", self.encoding);
            check.attribute("encoding", message);
        }
    }
}

const fn declare(name: &'static str, kind: MetricKind, help: &'static str) -> MetricDecl {
    MetricDecl { name, kind, help }
}

const READ_BYTES: MetricDecl = declare(
    "loki_source_file_read_bytes_total",
    MetricKind::Gauge,
    "Number of bytes read.",
);
const FILE_BYTES: MetricDecl = declare(
    "loki_source_file_file_bytes_total",
    MetricKind::Gauge,
    "Number of bytes total.",
);
const READ_LINES: MetricDecl = declare(
    "loki_source_file_read_lines_total",
    MetricKind::Counter,
    "Number of lines read.",
);
const ACTIVE: MetricDecl = declare(
    "loki_source_file_files_active_total",
    MetricKind::Gauge,
    "Number of active files.",
);

impl DataComponent for SourceFile {
    type Arguments = SourceFileArguments;
    const NAME: &'static str = "loki.source.file";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByKey;
    const METRICS: &'static [MetricDecl] = &[READ_BYTES, FILE_BYTES, READ_LINES, ACTIVE];

    async fn build(arguments: Arc<SourceFileArguments>, cx: &Build) -> Result<Built, BuildError> {
        let files = files::Files::new(arguments, cx);
        let (update, drained, shown) = (files.clone(), files.clone(), files.clone());
        Ok(Built::new()
            .run(files.run())
            .update(move |arguments: Arc<SourceFileArguments>| {
                Ok(match update.update(&arguments) {
                    true => Update::Done,
                    false => Update::Rebuild,
                })
            })
            .drain(move |_| {
                let files = drained.clone();
                async move { files.drain().await }
            })
            .inspect(move || shown.inspect()))
    }
}
