//! What a component finds around it while it is built: its place, its books, its downstream.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use batch::SeriesTable;
use runtime::budget::Budget;
use runtime::metrics::Registry;
use schema::Port;
use wal::LaneOptions;

use crate::fanout::{Fanout, Slots};
use crate::guard::{self, CatchPanic};
use crate::health::HealthHandle;
use crate::lanes::{Lanes, shard_folder};
use crate::ledger::Ledger;
use crate::outbox::{Outbox, Owner};

/// Facts of the process, the same on both planes.
#[derive(Clone, Debug)]
pub struct Globals {
    /// `invar/1.2.3`, sent as User-Agent.
    pub user_agent: String,
    /// Where the process's own HTTP server is reached, for targets of built-in exporters.
    pub http_address: Option<SocketAddr>,
    /// Fully qualified host name, or the short one.
    pub hostname: String,
    /// Random per installation, sent as `X-Agent-Id`.
    pub instance_id: String,
    pub storage_path: PathBuf,
    pub lanes: LaneDefaults,
}

/// How lanes are laid out and synced unless a component's settings say otherwise.
#[derive(Clone, Debug)]
pub struct LaneDefaults {
    pub segment_bytes: u64,
    /// Most bytes of one lane.
    pub budget_bytes: u64,
    /// What happens at `budget_bytes`.
    pub when_full: wal::WhenFull,
    pub sync: wal::SyncPolicy,
    /// How long an append may wait for others to share its sync.
    pub commit_delay: Duration,
}

impl LaneDefaults {
    /// 16 MiB segments: a dead destination frees space in steps that are small beside the budget,
    /// and a new one (preallocation, header) is needed only each 300,000 samples or so.
    pub fn standard() -> LaneDefaults {
        LaneDefaults {
            segment_bytes: 16 << 20,
            budget_bytes: 10 << 30,
            when_full: wal::WhenFull::Refuse,
            sync: wal::SyncPolicy::EveryCommit,
            commit_delay: Duration::from_millis(2),
        }
    }
}

impl LaneDefaults {
    /// The settings of a lane with these destinations.
    pub fn options(&self, destinations: Vec<String>) -> LaneOptions {
        LaneOptions {
            segment_bytes: self.segment_bytes,
            budget_bytes: self.budget_bytes,
            age_max: None,
            when_full: self.when_full,
            sync: self.sync,
            commit_delay: self.commit_delay,
            commit_bytes_max: COMMIT_BYTES_MAX,
            reserve_bytes: RESERVE_BYTES,
            destinations,
        }
    }
}

/// Limit: a commit starts early at this size. A message of 2,000 samples takes some 50 KiB, so that
/// a commit still groups a few dozen of them while its write stays below a few milliseconds.
const COMMIT_BYTES_MAX: u64 = 1 << 20;

/// Limit: space for cursor files on a full disk; each takes less than a page.
const RESERVE_BYTES: u64 = 64 << 10;

/// Why an instance could not be made. The old one, if any, goes on.
#[derive(Debug)]
pub struct BuildError {
    pub message: String,
}

impl BuildError {
    pub fn new(message: impl Into<String>) -> BuildError {
        BuildError {
            message: message.into(),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

/// The surroundings of one instance. Clones share everything.
#[derive(Clone)]
pub struct Build {
    /// The node's id.
    pub node: Rc<str>,
    pub shard_index: usize,
    pub shard_count: usize,
    pub globals: Arc<Globals>,
    pub registry: Registry,
    pub budget: Budget,
    pub series: Rc<RefCell<SeriesTable>>,
    pub health: HealthHandle,
    /// Weak, for the slots hold instances that hold this.
    pub(crate) slots: Weak<Slots>,
    pub(crate) lanes: Rc<Lanes>,
}

impl Build {
    /// Whether work with this hash belongs to this shard, for `Spread::ByKey`.
    pub fn owns(&self, key_hash: u64) -> bool {
        key_hash % self.shard_count as u64 == self.shard_index as u64
    }

    /// The way to the nodes behind `ports`, with the books of each edge.
    pub fn fanout(&self, ports: &[Port]) -> Fanout {
        Fanout::new(&self.slots(), &self.registry, &self.node, ports)
    }

    /// The books of an edge that is not a port: a destination, or the component itself.
    pub fn ledger(&self, edge: &str) -> Ledger {
        Ledger::new(&self.registry, &self.node, edge)
    }

    /// Runs a part of the instance's work so that a panic in it is caught, counted and shown in the
    /// node's health; `None` then.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match CatchPanic::new(work).await {
            Ok(output) => Some(output),
            Err(text) => {
                guard::report(self, &text);
                None
            }
        }
    }

    /// A lane of this node with its books. An instance gets the lane that the one before it left
    /// open, with all that it holds.
    pub async fn outbox(&self, name: &str, options: LaneOptions) -> Result<Outbox, BuildError> {
        let path = self
            .node_path()
            .join(name)
            .join(shard_folder(self.shard_index));
        self.abandoned_outbox(path, options).await
    }

    /// Lanes of this node with content that are not in use any more: of settings that have changed
    /// since, or of shards that are no longer there. Each belongs to one shard that empties it.
    pub async fn abandoned_lanes(&self, in_use: &[String]) -> Result<Vec<PathBuf>, BuildError> {
        let folder = self.node_path();
        self.lanes
            .abandoned(&folder, self.shard_index, self.shard_count, in_use)
            .await
    }

    /// Opens one of `abandoned_lanes`.
    pub async fn abandoned_outbox(
        &self,
        path: PathBuf,
        options: LaneOptions,
    ) -> Result<Outbox, BuildError> {
        let owner = Owner {
            registry: &self.registry,
            node: &self.node,
        };
        self.lanes.open(&owner, path, options).await
    }

    /// Deletes an abandoned lane whose content has reached its destinations.
    pub async fn delete_lane(&self, path: &Path) -> std::io::Result<()> {
        self.lanes.delete(path).await
    }

    pub(crate) fn slots(&self) -> Rc<Slots> {
        self.slots
            .upgrade()
            .expect("the shard outlives its instances")
    }

    /// Closes the node's lanes, when it is gone.
    pub(crate) async fn close_lanes(&self) {
        self.lanes.close(&self.node_path()).await;
    }

    /// Where the node keeps what it has to find again: below it are its lanes.
    pub fn node_folder(&self) -> PathBuf {
        self.node_path()
    }

    fn node_path(&self) -> PathBuf {
        node_path(&self.globals.storage_path, &self.node)
    }
}

/// `STORAGE/NODE`; below it stand `LANE/shard-INDEX`.
fn node_path(storage: &Path, node: &str) -> PathBuf {
    let mut folder = String::with_capacity(node.len());
    for character in node.chars() {
        // Ids may hold characters that mean something in paths, such as the slash of a module.
        let plain = character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        folder.push(if plain { character } else { '+' });
    }
    storage.join(folder)
}
