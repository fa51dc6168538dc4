//! The simulated disk.
//!
//! What is written is seen at once (page cache) and survives the process, but not a crash: for that
//! a file's content needs a sync and its name a sync of the folder. A crash leaves of what was not
//! synced any part: each write is cut in sectors of 512 or 4,096 bytes, each of which arrived or
//! did not, in no order; of a folder's changes a beginning arrived.
//!
//! Every operation that touches the device has a number. At a number the disk can be told to fail
//! ([`Disk::fail`]) or the machine to stop ([`Disk::crash_at`]); the state at each number can be
//! recorded ([`Disk::record`]).

mod content;
mod crash;
mod names;
mod ops;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use stdx::Rng;

use content::Node;
use names::{Entry, NameChange};

pub(crate) use content::Mapping;
pub(crate) use ops::File;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device does not answer as it should.
    Eio,
    /// There is no space. Operations that need none are spared.
    Enospc,
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    state: Rc<RefCell<State>>,
}

type NodeId = u64;

struct State {
    rng: Rng,
    nodes: BTreeMap<NodeId, Node>,
    next_node: NodeId,
    /// What is seen.
    names: BTreeMap<PathBuf, Entry>,
    /// What a crash certainly leaves.
    durable_names: BTreeMap<PathBuf, Entry>,
    /// By folder, in order, what a crash may leave a beginning of.
    name_changes: BTreeMap<PathBuf, Vec<NameChange>>,
    capacity: Option<u64>,
    ops: u64,
    faults: BTreeMap<u64, Fault>,
    failing: Option<Fault>,
    crash_at: Option<u64>,
    crashed: bool,
    record: Option<Vec<Image>>,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        Disk::with(BTreeMap::new(), BTreeMap::new())
    }

    fn with(names: BTreeMap<PathBuf, Entry>, nodes: BTreeMap<NodeId, Node>) -> Disk {
        let state = State {
            rng: Rng::new(0),
            next_node: nodes.last_key_value().map_or(0, |(id, _)| id + 1),
            nodes,
            durable_names: names.clone(),
            names,
            name_changes: BTreeMap::new(),
            capacity: None,
            ops: 0,
            faults: BTreeMap::new(),
            failing: None,
            crash_at: None,
            crashed: false,
            record: None,
        };
        Disk {
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// Operations so far; the next one has this number.
    pub fn ops(&self) -> u64 {
        self.borrow().ops
    }

    /// Lets operation number `op` fail, once.
    pub fn fail(&self, op: u64, fault: Fault) {
        self.borrow_mut().faults.insert(op, fault);
    }

    /// Lets every operation fail from now on, until told `None`.
    pub fn fail_all(&self, fault: Option<Fault>) {
        self.borrow_mut().failing = fault;
    }

    /// Limits the bytes of all files together; what does not fit is ENOSPC.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.borrow_mut().capacity = bytes;
    }

    /// Bytes of all files together.
    pub fn used(&self) -> u64 {
        self.borrow().used()
    }

    /// Stops the machine at operation number `op`, which does not come to its end: the simulation
    /// ends with `Stopped::Crashed`. [`Disk::crash`] then says what is left.
    pub fn crash_at(&self, op: u64) {
        self.borrow_mut().crash_at = Some(op);
    }

    /// Keeps an image of the disk before each operation from now on.
    pub fn record(&self) {
        self.borrow_mut().record.get_or_insert_default();
    }

    /// The images kept so far, one an operation.
    pub fn recorded(&self) -> Vec<Image> {
        self.borrow().record.clone().unwrap_or_default()
    }

    /// The disk that a crash at this moment leaves, by chance of `seed`. This one stays as it is.
    pub fn crash(&self, seed: u64) -> Disk {
        self.image().crash(seed)
    }

    /// The disk as the process's death leaves it: all that was written is there.
    pub fn kill(&self) -> Disk {
        self.image().kill()
    }

    /// The state at this moment.
    pub fn image(&self) -> Image {
        self.borrow().image()
    }

    /// Changes bytes behind the back of the file system, as a bad sector does. Panics if the file
    /// is not there or is shorter.
    pub fn corrupt(&self, path: &Path, offset: u64, bytes: &[u8]) {
        let mut state = self.borrow_mut();
        let Some(Entry::File(node)) = state.names.get(path).copied() else {
            panic!("{} is no file", path.display());
        };
        state
            .nodes
            .get_mut(&node)
            .expect("a name leads to a node")
            .corrupt(offset, bytes);
    }

    pub(super) fn seed(&self, seed: u64) {
        self.borrow_mut().rng = Rng::new(seed);
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.borrow().crashed
    }

    fn borrow(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    fn borrow_mut(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.borrow();
        f.debug_struct("Disk")
            .field("ops", &state.ops)
            .field("names", &state.names)
            .finish()
    }
}

impl State {
    fn used(&self) -> u64 {
        let mut nodes: Vec<NodeId> = self
            .names
            .values()
            .filter_map(|entry| match entry {
                Entry::File(node) => Some(*node),
                Entry::Folder => None,
            })
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.iter().map(|node| self.nodes[node].len()).sum()
    }

    fn image(&self) -> Image {
        Image {
            op: self.ops,
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            name_changes: self.name_changes.clone(),
            nodes: self
                .nodes
                .iter()
                .map(|(id, node)| (*id, node.frozen()))
                .collect(),
        }
    }
}

/// A disk at the boundary before one operation: from it follows what crashes there can leave.
#[derive(Clone)]
pub struct Image {
    op: u64,
    names: BTreeMap<PathBuf, Entry>,
    durable_names: BTreeMap<PathBuf, Entry>,
    name_changes: BTreeMap<PathBuf, Vec<NameChange>>,
    nodes: BTreeMap<NodeId, content::Frozen>,
}

impl Image {
    /// The number of the operation that this is the state before.
    pub fn op(&self) -> u64 {
        self.op
    }
}
