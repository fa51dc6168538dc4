//! The metrics of one shard by name and labels.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::handles::{Counter, Gauge, Histogram};
use super::snapshot::{Family, Kind, Labels, Sample, Snapshot, Value};

type HookId = u64;
type Update = Rc<dyn Fn()>;

/// All metrics of one shard. Clones share.
#[derive(Clone, Default)]
pub struct Registry {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    families: RefCell<BTreeMap<String, Series>>,
    hooks: RefCell<Vec<(HookId, Update)>>,
    next_hook: Cell<HookId>,
}

struct Series {
    help: String,
    kind: Kind,
    handles: BTreeMap<Labels, Handle>,
}

#[derive(Clone)]
enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Registry {
    /// A registry without metrics.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The counter of this name and labels, made at the first call. Panics if the name was used for
    /// another kind.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        let make = || Handle::Counter(Counter::default());
        match self.handle(name, help, Kind::Counter, labels, make) {
            Handle::Counter(counter) => counter,
            _ => unreachable!("a counter family holds counters"),
        }
    }

    /// The gauge of this name and labels, made at the first call. Panics if the name was used for
    /// another kind.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        let make = || Handle::Gauge(Gauge::default());
        match self.handle(name, help, Kind::Gauge, labels, make) {
            Handle::Gauge(gauge) => gauge,
            _ => unreachable!("a gauge family holds gauges"),
        }
    }

    /// The histogram of this name and labels, made at the first call with these bounds (positive,
    /// ascending, in the unit that is recorded). Panics if the name was used for another kind.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Histogram {
        let make = || Handle::Histogram(Histogram::new(bounds));
        match self.handle(name, help, Kind::Histogram, labels, make) {
            Handle::Histogram(histogram) => histogram,
            _ => unreachable!("a histogram family holds histograms"),
        }
    }

    /// Forgets every series that carries all of these labels, for a component that is gone. Handles
    /// that are still held go on counting unseen.
    pub fn remove(&self, labels: &[(&str, &str)]) {
        let gone = |series: &Labels| {
            labels.iter().all(|(name, value)| {
                series
                    .iter()
                    .any(|(own_name, own_value)| own_name == name && own_value == value)
            })
        };
        let mut families = self.state.families.borrow_mut();
        families.retain(|_, series| {
            series.handles.retain(|labels, _| !gone(labels));
            !series.handles.is_empty()
        });
    }

    /// Calls `update` before each snapshot until the returned hook is dropped, for values that are
    /// cheaper to read when asked than to keep up to date.
    pub fn on_snapshot(&self, update: impl Fn() + 'static) -> Hook {
        let id = self.state.next_hook.get();
        self.state.next_hook.set(id + 1);
        self.state.hooks.borrow_mut().push((id, Rc::new(update)));
        Hook {
            registry: self.clone(),
            id,
        }
    }

    /// All values now.
    pub fn snapshot(&self) -> Snapshot {
        // A hook may register or drop hooks: none is called under the borrow.
        let hooks: Vec<_> = self
            .state
            .hooks
            .borrow()
            .iter()
            .map(|(_, hook)| hook.clone())
            .collect();
        for hook in hooks {
            hook();
        }
        let families = self.state.families.borrow();
        let families = families.iter().map(|(name, series)| Family {
            name: name.clone(),
            help: series.help.clone(),
            kind: series.kind,
            samples: series
                .handles
                .iter()
                .map(|(labels, handle)| Sample {
                    labels: labels.clone(),
                    value: handle.value(),
                })
                .collect(),
        });
        Snapshot {
            families: families.collect(),
        }
    }

    fn handle(
        &self,
        name: &str,
        help: &str,
        kind: Kind,
        labels: &[(&str, &str)],
        make: impl FnOnce() -> Handle,
    ) -> Handle {
        let mut families = self.state.families.borrow_mut();
        let series = families.entry(name.to_owned()).or_insert_with(|| Series {
            help: help.to_owned(),
            kind,
            handles: BTreeMap::new(),
        });
        assert_eq!(series.kind, kind, "metric {name} is used as two kinds");
        let mut sorted: Labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        sorted.sort();
        series.handles.entry(sorted).or_insert_with(make).clone()
    }
}

impl Handle {
    fn value(&self) -> Value {
        match self {
            Handle::Counter(counter) => counter.value(),
            Handle::Gauge(gauge) => gauge.value(),
            Handle::Histogram(histogram) => histogram.value(),
        }
    }
}

/// Keeps a snapshot hook of a [`Registry`] alive.
#[must_use = "the hook ends when this is dropped"]
pub struct Hook {
    registry: Registry,
    id: HookId,
}

impl Drop for Hook {
    fn drop(&mut self) {
        let mut hooks = self.registry.state.hooks.borrow_mut();
        let removed = hooks
            .iter()
            .position(|(id, _)| *id == self.id)
            .map(|index| hooks.remove(index));
        drop(hooks);
        // What the hook owned may itself hold hooks: it is dropped outside of the borrow.
        drop(removed);
    }
}
