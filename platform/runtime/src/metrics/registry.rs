//! The metrics of one shard by name and labels.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::handles::{Counter, Gauge, Histogram};
use super::snapshot::{Family, Kind, Labels, Sample, Snapshot, Value};

type HookId = u64;
type Update = Rc<dyn Fn()>;
type Collect = Rc<dyn Fn(&mut Vec<Family>)>;

/// All metrics of one shard. Clones share.
#[derive(Clone, Default)]
pub struct Registry {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    families: RefCell<BTreeMap<String, Series>>,
    hooks: RefCell<Vec<(HookId, Update)>>,
    collectors: RefCell<Vec<(HookId, Collect)>>,
    next_hook: Cell<HookId>,
}

struct Series {
    help: String,
    kind: Kind,
    /// By the value of `OWNER`, so that a component's end looks at its own series alone.
    handles: BTreeMap<String, BTreeMap<Labels, Handle>>,
}

/// The label that names to whom a series belongs; without it, it is the shard's own.
const OWNER: &str = "component_id";

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
        let owner = owner(labels);
        let is_gone_or_ended = |handles: &mut BTreeMap<Labels, Handle>| {
            handles.retain(|labels, _| !gone(labels));
            handles.is_empty()
        };
        let mut families = self.state.families.borrow_mut();
        families.retain(|_, series| {
            match owner {
                Some(owner) => {
                    if series.handles.get_mut(owner).is_some_and(is_gone_or_ended) {
                        series.handles.remove(owner);
                    }
                }
                None => series
                    .handles
                    .retain(|_, handles| !is_gone_or_ended(handles)),
            }
            !series.handles.is_empty()
        });
    }

    /// Calls `update` before each snapshot until the returned hook is dropped, for values that are
    /// cheaper to read when asked than to keep up to date.
    pub fn on_snapshot(&self, update: impl Fn() + 'static) -> Hook {
        let id = self.next_hook();
        self.state.hooks.borrow_mut().push((id, Rc::new(update)));
        Hook {
            registry: self.clone(),
            id,
        }
    }

    /// Adds the families that `collect` pushes to each snapshot until the returned hook is
    /// dropped, for metrics that users name. A family whose name has another kind already is left
    /// out: users cannot break the metrics of the code, or of each other.
    pub fn on_collect(&self, collect: impl Fn(&mut Vec<Family>) + 'static) -> Hook {
        let id = self.next_hook();
        let mut collectors = self.state.collectors.borrow_mut();
        collectors.push((id, Rc::new(collect)));
        Hook {
            registry: self.clone(),
            id,
        }
    }

    fn next_hook(&self) -> HookId {
        let id = self.state.next_hook.get();
        self.state.next_hook.set(id + 1);
        id
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
        let mut families = self.own_families();
        let collectors = self.state.collectors.borrow().clone();
        for (_, collect) in collectors {
            let mut collected = Vec::new();
            collect(&mut collected);
            for family in collected {
                add_family(&mut families, family);
            }
        }
        Snapshot { families }
    }

    fn own_families(&self) -> Vec<Family> {
        let families = self.state.families.borrow();
        let family = |(name, series): (&String, &Series)| {
            let handles = series.handles.values().flatten();
            let sample = |(labels, handle): (&Labels, &Handle)| Sample {
                labels: labels.clone(),
                value: handle.value(),
            };
            let mut samples: Vec<Sample> = handles.map(sample).collect();
            samples.sort_by(|left, right| left.labels.cmp(&right.labels));
            Family {
                name: name.clone(),
                help: series.help.clone(),
                kind: series.kind,
                samples,
            }
        };
        families.iter().map(family).collect()
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
        let owner = owner(labels).unwrap_or_default();
        let handles = series.handles.entry(owner.to_owned()).or_default();
        handles.entry(sorted).or_insert_with(make).clone()
    }
}

/// To whom a series with these labels belongs.
fn owner<'a>(labels: &[(&str, &'a str)]) -> Option<&'a str> {
    let named = labels.iter().find(|(name, _)| *name == OWNER);
    named.map(|(_, value)| *value)
}

/// Families are sorted by name, and samples by labels.
fn add_family(families: &mut Vec<Family>, mut family: Family) {
    let place = families.binary_search_by(|own| own.name.cmp(&family.name));
    match place {
        Err(place) => families.insert(place, family),
        Ok(place) if families[place].kind == family.kind => {
            let own = &mut families[place];
            own.samples.append(&mut family.samples);
            own.samples
                .sort_by(|left, right| left.labels.cmp(&right.labels));
            own.samples
                .dedup_by(|later, first| later.labels == first.labels);
        }
        Ok(_) => {}
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
        let state = &self.registry.state;
        let hook = take(&state.hooks, self.id);
        let collector = take(&state.collectors, self.id);
        // What they owned may itself hold hooks: it is dropped outside of the borrow.
        drop((hook, collector));
    }
}

fn take<T>(hooks: &RefCell<Vec<(HookId, T)>>, id: HookId) -> Option<(HookId, T)> {
    let mut hooks = hooks.borrow_mut();
    let index = hooks.iter().position(|(own, _)| *own == id)?;
    Some(hooks.remove(index))
}
