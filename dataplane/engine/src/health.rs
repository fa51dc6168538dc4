//! Health of an instance, told to control when it changes.

use std::cell::RefCell;
use std::rc::Rc;

use crate::plan::Report;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Unhealthy,
    /// The instance ended and does not come back by itself.
    Exited,
}

/// A component says here how it is. Cheap to call with what is already known.
#[derive(Clone)]
pub struct HealthHandle {
    inner: Rc<Inner>,
}

struct Inner {
    shard: usize,
    node: String,
    reports: flume::Sender<Report>,
    last: RefCell<Option<(Health, String)>>,
}

impl HealthHandle {
    pub(crate) fn new(shard: usize, node: &str, reports: flume::Sender<Report>) -> HealthHandle {
        let last = RefCell::new(None);
        HealthHandle {
            inner: Rc::new(Inner {
                shard,
                node: node.to_owned(),
                reports,
                last,
            }),
        }
    }

    pub fn set(&self, health: Health, message: impl Into<String>) {
        let message = message.into();
        let mut last = self.inner.last.borrow_mut();
        if last
            .as_ref()
            .is_some_and(|(state, text)| *state == health && *text == message)
        {
            return;
        }
        *last = Some((health, message.clone()));
        let report = Report::Health {
            shard: self.inner.shard,
            node: self.inner.node.clone(),
            health,
            message,
        };
        // Control ends first at a shutdown; nobody is left to be told then.
        drop(self.inner.reports.send(report));
    }
}
