//! The traces of one shard: those that wait for a decision and those whose decision is known.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use batch::otlp::{OtlpBatch, ResourceGroup, ScopeGroup, Span, Tree};
use runtime::Instant;

pub type TraceId = [u8; 16];

/// How much is kept, and for how long.
pub struct Limits {
    pub traces_max: usize,
    pub bytes_max: usize,
    pub wait: Duration,
    pub wait_after_root: Duration,
    pub sampled_cached: usize,
    pub others_cached: usize,
}

/// Spans of one trace.
pub struct Part {
    pub id: TraceId,
    pub spans: OtlpBatch,
    has_root: bool,
}

/// What became of a part.
pub enum Arrived {
    /// It waits; for it, so many spans of older traces were forgotten.
    Waits { forgotten: usize },
    /// Its trace was sampled.
    Sampled(OtlpBatch),
    /// Its trace was not.
    NotSampled { spans: usize },
}

struct Entry {
    /// Tells an id that came back from its first life.
    number: u64,
    batches: Vec<OtlpBatch>,
    due: Instant,
    decision: Option<bool>,
}

impl Entry {
    fn waits(&self) -> bool {
        !self.batches.is_empty()
    }

    fn spans(&self) -> usize {
        self.batches.iter().map(OtlpBatch::items).sum()
    }
}

/// Invariant: at most `traces_max` entries, each in `order` once with its number.
pub struct Waiting {
    limits: Limits,
    traces: HashMap<TraceId, Entry>,
    /// From the oldest on; ids that are gone are skipped.
    order: VecDeque<(TraceId, u64)>,
    next_number: u64,
    sampled: Recent,
    others: Recent,
}

impl Waiting {
    pub fn new(limits: Limits) -> Waiting {
        Waiting {
            sampled: Recent::new(limits.sampled_cached),
            others: Recent::new(limits.others_cached),
            limits,
            traces: HashMap::new(),
            order: VecDeque::new(),
            next_number: 0,
        }
    }

    /// Whether there is no room for a trace that is not known yet.
    pub fn is_full(&self, id: &TraceId) -> bool {
        let known = self.traces.contains_key(id) || self.sampled.has(id) || self.others.has(id);
        !known && self.limits.traces_max <= self.traces.values().filter(|it| it.waits()).count()
    }

    pub fn arrive(&mut self, part: Part, now: Instant) -> Arrived {
        let spans = part.spans.items();
        if self.sampled.has(&part.id) {
            return Arrived::Sampled(part.spans);
        }
        if self.others.has(&part.id) {
            return Arrived::NotSampled { spans };
        }
        let forgotten = self.make_room(&part.id);
        let number = self.next_number;
        let entry = self.traces.entry(part.id).or_insert_with(|| {
            self.next_number += 1;
            self.order.push_back((part.id, number));
            Entry {
                number,
                batches: Vec::new(),
                due: now + self.limits.wait,
                decision: None,
            }
        });
        match entry.decision {
            Some(true) if !entry.waits() => return Arrived::Sampled(part.spans),
            Some(false) => return Arrived::NotSampled { spans },
            _ => entry.batches.push(part.spans),
        }
        if part.has_root {
            entry.due = entry.due.min(now + self.limits.wait_after_root);
        }
        let bytes: usize = entry.batches.iter().map(OtlpBatch::bytes).sum();
        if self.limits.bytes_max < bytes {
            let spans = entry.spans();
            entry.batches.clear();
            self.decided(&part.id, false);
            return Arrived::NotSampled { spans };
        }
        Arrived::Waits { forgotten }
    }

    /// Forgets the oldest trace if a new one would be too many; its spans.
    fn make_room(&mut self, id: &TraceId) -> usize {
        let mut forgotten = 0;
        while self.limits.traces_max <= self.traces.len() && !self.traces.contains_key(id) {
            let Some((oldest, number)) = self.order.pop_front() else {
                break;
            };
            if self
                .traces
                .get(&oldest)
                .is_some_and(|entry| entry.number == number)
            {
                forgotten += self.traces.remove(&oldest).map_or(0, |entry| entry.spans());
            }
        }
        // Amortized: half of them are gone by then.
        if 2 * self.traces.len() + ORDER_SLACK < self.order.len() {
            let traces = &self.traces;
            let live = |(id, number): &(TraceId, u64)| {
                traces.get(id).is_some_and(|entry| entry.number == *number)
            };
            self.order.retain(live);
        }
        forgotten
    }

    /// The traces to decide on, the oldest first. Costs a look at each.
    pub fn due(&self, now: Instant, all: bool) -> Vec<TraceId> {
        let is_due = |(id, number): &&(TraceId, u64)| {
            self.traces.get(id).is_some_and(|entry| {
                entry.number == *number && entry.waits() && (all || entry.due <= now)
            })
        };
        self.order
            .iter()
            .filter(is_due)
            .map(|(id, _)| *id)
            .collect()
    }

    /// What waits of a trace, and whether it was sampled before.
    pub fn take(&mut self, id: &TraceId) -> Option<(Vec<OtlpBatch>, bool)> {
        let entry = self.traces.get_mut(id)?;
        let batches = std::mem::take(&mut entry.batches);
        (!batches.is_empty()).then_some((batches, entry.decision == Some(true)))
    }

    /// Keeps a sampled trace for another try.
    pub fn put_back(&mut self, id: &TraceId, mut batches: Vec<OtlpBatch>, due: Instant) {
        let number = self.next_number;
        let entry = self.traces.entry(*id).or_insert_with(|| {
            self.next_number += 1;
            self.order.push_back((*id, number));
            Entry {
                number,
                batches: Vec::new(),
                due,
                decision: None,
            }
        });
        batches.append(&mut entry.batches);
        entry.batches = batches;
        entry.due = due;
        entry.decision = Some(true);
    }

    /// Remembers a decision: in its cache if there is one, else with the trace.
    pub fn decided(&mut self, id: &TraceId, sampled: bool) {
        let cache = if sampled {
            &mut self.sampled
        } else {
            &mut self.others
        };
        let waits = self.traces.get(id).is_some_and(Entry::waits);
        if cache.add(*id) && !waits {
            self.traces.remove(id);
        } else if let Some(entry) = self.traces.get_mut(id) {
            entry.decision = Some(sampled);
        }
    }

    /// Forgets everything; the spans that waited.
    pub fn clear(&mut self) -> usize {
        self.order.clear();
        self.traces.drain().map(|(_, entry)| entry.spans()).sum()
    }
}

/// Ids that are gone are taken out of the order when there are more of them than this.
const ORDER_SLACK: usize = 1024;

/// The newest ids, up to a number.
struct Recent {
    max: usize,
    ids: HashSet<TraceId>,
    order: VecDeque<TraceId>,
}

impl Recent {
    fn new(max: usize) -> Recent {
        Recent {
            max,
            ids: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    fn has(&self, id: &TraceId) -> bool {
        self.ids.contains(id)
    }

    /// Whether it is kept.
    fn add(&mut self, id: TraceId) -> bool {
        if self.max == 0 {
            return false;
        }
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.max < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// The spans of a batch by their trace. Costs a copy of each span.
pub fn by_trace(batch: &OtlpBatch) -> Vec<Part> {
    struct Trees<'a> {
        id: TraceId,
        tree: Tree<'a, Span<'a>>,
        has_root: bool,
        /// The group and scope that the last span came from.
        last: Option<(usize, usize)>,
    }
    let mut parts: Vec<Trees<'_>> = Vec::new();
    let mut index: HashMap<TraceId, usize> = HashMap::new();
    let tree = batch.spans();
    for (group_at, group) in tree.resources.iter().enumerate() {
        for (scope_at, scope) in group.scopes.iter().enumerate() {
            for span in &scope.items {
                let id = span.get().trace_id.as_ref().try_into().unwrap_or([0; 16]);
                let at = *index.entry(id).or_insert_with(|| {
                    parts.push(Trees {
                        id,
                        tree: Tree::default(),
                        has_root: false,
                        last: None,
                    });
                    parts.len() - 1
                });
                let part = &mut parts[at];
                part.has_root |= span.get().parent_span_id.iter().all(|byte| *byte == 0);
                if part.last.is_none_or(|(last, _)| last != group_at) {
                    part.tree.resources.push(ResourceGroup {
                        resource: group.resource.clone(),
                        scopes: Vec::new(),
                        schema_url: group.schema_url.clone(),
                    });
                    part.last = None;
                }
                let into = part.tree.resources.last_mut().expect("pushed above");
                if part.last != Some((group_at, scope_at)) {
                    into.scopes.push(ScopeGroup {
                        scope: scope.scope.clone(),
                        items: Vec::new(),
                        schema_url: scope.schema_url.clone(),
                    });
                }
                part.last = Some((group_at, scope_at));
                into.scopes
                    .last_mut()
                    .expect("pushed above")
                    .items
                    .push(span.clone());
            }
        }
    }
    let encode = |part: Trees<'_>| Part {
        id: part.id,
        spans: part.tree.encode(),
        has_root: part.has_root,
    };
    parts.into_iter().map(encode).collect()
}
