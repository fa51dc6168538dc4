//! What crosses between the planes: plans and questions downwards, reports and answers upwards.

use std::any::Any;
use std::sync::Arc;

use runtime::metrics::Snapshot;
use schema::Body;

use crate::component::Component;
use crate::health::Health;
use crate::own_logs::OwnLogs;
use crate::own_traces::OwnTraces;
use crate::taps::Tap;

/// The evaluated graph of one epoch. Immutable; applying it is a diff against what runs.
pub struct Plan {
    pub epoch: u64,
    pub nodes: Vec<Arc<PlanNode>>,
}

/// One node with decoded arguments.
pub struct PlanNode {
    /// `prometheus.scrape.name`, with a module's path in front when it is inside one.
    pub id: String,
    pub component: &'static Component,
    /// What `component.descriptor.decode` gave for `body`.
    pub arguments: Arc<dyn Any + Send + Sync>,
    /// The evaluated text, for comparison with the next epoch.
    pub body: Arc<Body>,
}

impl PlanNode {
    /// Equal nodes keep their sockets, queues and state.
    pub fn same_as(&self, other: &PlanNode) -> bool {
        self.id == other.id
            && std::ptr::eq(self.component, other.component)
            && (Arc::ptr_eq(&self.body, &other.body) || self.body == other.body)
    }
}

/// Control to one shard.
pub enum Command {
    Apply(Arc<Plan>),
    /// Answered with a copy of the shard's metrics.
    Snapshot(flume::Sender<Snapshot>),
    /// Answered with the node's debug information in the shape of the API's `debugInfo`, `None`
    /// when it has none. Blocks of several shards stand one after the other.
    Inspect {
        node: String,
        reply: flume::Sender<Option<Body>>,
    },
    /// Shows what passes a node, until the receiving end of its channel is dropped.
    Tap(Tap),
    /// Takes the process's own log lines, until their channel ends.
    OwnLogs(OwnLogs),
    /// Takes the process's own spans, until their channel ends.
    OwnTraces(OwnTraces),
    /// Stop taking, finish what was accepted, answer, end. The channel's other commands after this
    /// one are not read.
    Drain(flume::Sender<()>),
}

/// A shard to control.
#[derive(Debug)]
pub enum Report {
    /// The plan of `epoch` runs on `shard`, except for the nodes in `errors`, which go on as before
    /// (or not at all when they are new).
    Applied {
        shard: usize,
        epoch: u64,
        errors: Vec<NodeError>,
    },
    /// The health of an instance changed.
    Health {
        shard: usize,
        node: String,
        health: Health,
        message: String,
    },
}

#[derive(Clone, Debug)]
pub struct NodeError {
    pub node: String,
    pub message: String,
}
