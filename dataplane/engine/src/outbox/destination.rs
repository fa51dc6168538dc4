//! One destination of an exporter: the sender of its lane, and before it those of lanes that
//! nobody appends to any more (of settings that have changed, of shards that are gone), so that a
//! reload loses nothing and what came first is sent first.

use std::cell::RefCell;
use std::rc::Rc;

use wal::LaneOptions;

use super::books::Outbox;
use super::sender::{Sender, SenderHandle, SenderOptions, Transport};
use crate::build::{Build, BuildError};

/// The names of destinations, given their names in the text and their URLs: one without a name has
/// that of its URL's hash, so that its place in the log is found again; a second of the same name
/// has a number behind it.
pub fn names_of<'a>(destinations: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, url) in destinations {
        let base = match name {
            "" => format!("{:06x}", stdx::fnv1a(url.as_bytes()) & 0xff_ffff),
            name => name.to_owned(),
        };
        let mut name = base.clone();
        let mut copies = 1;
        while names.contains(&name) {
            copies += 1;
            name = format!("{base}-{copies}");
        }
        names.push(name);
    }
    names
}

/// Lanes that nobody appends to any more, oldest name first. All destinations empty each of them.
pub struct Abandoned {
    outboxes: Vec<Outbox>,
    /// How many destinations have yet to empty each of them.
    left: Rc<RefCell<Vec<usize>>>,
}

impl Abandoned {
    /// Opens the lanes of the node that are not `in_use`; `options` names the destinations.
    pub async fn open(
        cx: &Build,
        in_use: &[String],
        options: &LaneOptions,
    ) -> Result<Abandoned, BuildError> {
        let mut outboxes = Vec::new();
        for path in cx.abandoned_lanes(in_use).await? {
            outboxes.push(cx.abandoned_outbox(path, options.clone()).await?);
        }
        let left = vec![options.destinations.len(); outboxes.len()];
        let left = Rc::new(RefCell::new(left));
        Ok(Abandoned { outboxes, left })
    }
}

/// One destination's senders: first of abandoned lanes, one after the other, then of its own.
pub struct Destination<T> {
    abandoned: Vec<(Outbox, Sender<T>)>,
    left: Rc<RefCell<Vec<usize>>>,
    sender: Sender<T>,
}

impl<T: Transport> Destination<T> {
    pub fn new(
        options: &SenderOptions,
        outbox: &Outbox,
        abandoned: &Abandoned,
        transport: impl Fn() -> T,
    ) -> Destination<T> {
        let sender = |outbox: &Outbox| Sender::new(options.clone(), outbox.clone(), transport());
        let old = abandoned.outboxes.iter();
        Destination {
            abandoned: old.map(|outbox| (outbox.clone(), sender(outbox))).collect(),
            left: abandoned.left.clone(),
            sender: sender(outbox),
        }
    }

    pub fn handles(&self) -> Vec<SenderHandle> {
        let old = self.abandoned.iter().map(|(_, sender)| sender.handle());
        old.chain([self.sender.handle()]).collect()
    }

    /// Sends until stopped through the handles.
    pub async fn run(self) {
        for (index, (outbox, sender)) in self.abandoned.iter().enumerate() {
            sender.run_until_empty().await;
            if sender.is_stopped() {
                return;
            }
            self.emptied(index, outbox).await;
        }
        self.sender.run().await;
    }

    /// The last destination to empty a lane deletes it.
    async fn emptied(&self, index: usize, outbox: &Outbox) {
        let last = {
            let left = &mut self.left.borrow_mut()[index];
            *left -= 1;
            *left == 0
        };
        if !last {
            return;
        }
        let options = self.sender.options();
        if let Err(error) = options.cx.delete_lane(outbox.path()).await {
            let (node, endpoint) = (&*options.cx.node, options.destination.as_str());
            let path = outbox.path().display();
            tracing::warn!(
                component_id = node,
                endpoint,
                "cannot delete the empty log \"{path}\": {error}"
            );
        }
    }
}
