//! The editable tree of a batch: resources, their scopes, their items.

use std::sync::Arc;

use stdx::protobuf::Fields;

use super::client::Client;
use super::lazy::Lazy;
use super::logs::LogRecord;
use super::metrics::Metric;
use super::origin::{Resource, Scope};
use super::trace::Span;
use super::value::Text;
use super::wire::{Message, put_bytes, put_nested};
use super::{OtlpBatch, OtlpSignal};

/// What a scope lists: spans, metrics, log records.
pub trait Item<'a>: Message<'a> {
    const SIGNAL: OtlpSignal;

    /// What the batch counts: itself, or the data points of a metric.
    fn count(&self) -> usize {
        1
    }
}

impl<'a> Item<'a> for Span<'a> {
    const SIGNAL: OtlpSignal = OtlpSignal::Traces;
}

impl<'a> Item<'a> for Metric<'a> {
    const SIGNAL: OtlpSignal = OtlpSignal::Metrics;

    fn count(&self) -> usize {
        self.data.points()
    }
}

impl<'a> Item<'a> for LogRecord<'a> {
    const SIGNAL: OtlpSignal = OtlpSignal::Logs;
}

/// All that a batch holds.
#[derive(Debug, Clone)]
pub struct Tree<'a, I> {
    pub resources: Vec<ResourceGroup<'a, I>>,
    /// Who sent it; what the tree is encoded to has the same client.
    pub client: Option<Arc<Client>>,
}

/// The items of one resource.
#[derive(Debug, Clone)]
pub struct ResourceGroup<'a, I> {
    pub resource: Lazy<'a, Resource<'a>>,
    pub scopes: Vec<ScopeGroup<'a, I>>,
    pub schema_url: Text<'a>,
}

/// The items of one scope.
#[derive(Debug, Clone)]
pub struct ScopeGroup<'a, I> {
    pub scope: Lazy<'a, Scope<'a>>,
    pub items: Vec<Lazy<'a, I>>,
    pub schema_url: Text<'a>,
}

impl<I> Default for Tree<'_, I> {
    fn default() -> Self {
        Tree {
            resources: Vec::new(),
            client: None,
        }
    }
}

/// Field numbers, the same in all three signals.
const RESOURCES: u32 = 1;
const HEAD: u32 = 1;
const LIST: u32 = 2;
const SCHEMA_URL: u32 = 3;

impl<'a, I: Item<'a>> Tree<'a, I> {
    pub(super) fn read(batch: &'a OtlpBatch) -> Tree<'a, I> {
        assert_eq!(batch.signal(), I::SIGNAL, "items of the batch's signal");
        let mut resources = Vec::new();
        for chunk in batch.chunks() {
            each(chunk, |number, bytes| {
                if number == RESOURCES {
                    resources.push(ResourceGroup::read(bytes));
                }
            });
        }
        Tree {
            resources,
            client: batch.client().cloned(),
        }
    }

    /// Visits every item with its resource and scope.
    pub fn for_each<F>(&mut self, mut visit: F)
    where
        F: FnMut(&mut Lazy<'a, Resource<'a>>, &mut Lazy<'a, Scope<'a>>, &mut Lazy<'a, I>),
    {
        for group in &mut self.resources {
            for scope in &mut group.scopes {
                for item in &mut scope.items {
                    visit(&mut group.resource, &mut scope.scope, item);
                }
            }
        }
    }

    /// Takes out scopes without items and resources without scopes.
    pub fn prune(&mut self) {
        for group in &mut self.resources {
            group.scopes.retain(|scope| !scope.items.is_empty());
        }
        self.resources.retain(|group| !group.scopes.is_empty());
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Spans, data points or log records. Decodes metrics, and nothing else.
    #[must_use]
    pub fn items(&self) -> usize {
        let scopes = self.resources.iter().flat_map(|group| &group.scopes);
        scopes.map(ScopeGroup::count).sum()
    }

    /// The tree as a batch again: changed messages are encoded, the others copied as they are.
    #[must_use]
    pub fn encode(&self) -> OtlpBatch {
        let mut out = Vec::with_capacity(self.expected_bytes());
        for group in &self.resources {
            group.write(&mut out);
        }
        OtlpBatch::from_checked(I::SIGNAL, out.into(), self.items())
            .from_client(self.client.clone())
    }

    fn expected_bytes(&self) -> usize {
        let mut bytes = 0;
        for group in &self.resources {
            bytes += HEADER_BYTES + raw_len(&group.resource);
            for scope in &group.scopes {
                let items = scope.items.iter();
                bytes += HEADER_BYTES + items.map(|item| raw_len(item) + 8).sum::<usize>();
            }
        }
        bytes
    }
}

/// About what a resource or scope takes by itself.
const HEADER_BYTES: usize = 128;

fn raw_len<'a, T: Message<'a>>(message: &Lazy<'a, T>) -> usize {
    // A changed message is about as large as most are.
    message.as_raw().map_or(512, <[u8]>::len)
}

impl<'a, I: Item<'a>> ResourceGroup<'a, I> {
    fn read(bytes: &'a [u8]) -> ResourceGroup<'a, I> {
        let mut group = ResourceGroup {
            resource: Lazy::default(),
            scopes: Vec::new(),
            schema_url: Text::default(),
        };
        each(bytes, |number, bytes| match number {
            HEAD => group.resource = Lazy::raw(bytes),
            LIST => group.scopes.push(ScopeGroup::read(bytes)),
            SCHEMA_URL => group.schema_url = Text::from_bytes(bytes),
            _ => {}
        });
        group
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_nested(out, RESOURCES, EXPECTED_BYTES, |out| {
            // Also when it is empty: the Collector knows no items without a resource.
            self.resource.put(out, HEAD);
            for scope in &self.scopes {
                scope.write(out);
            }
            put_schema_url(out, &self.schema_url);
        });
    }
}

impl<'a, I: Item<'a>> ScopeGroup<'a, I> {
    fn read(bytes: &'a [u8]) -> ScopeGroup<'a, I> {
        let mut group = ScopeGroup {
            scope: Lazy::default(),
            items: Vec::new(),
            schema_url: Text::default(),
        };
        each(bytes, |number, bytes| match number {
            HEAD => group.scope = Lazy::raw(bytes),
            LIST => group.items.push(Lazy::raw(bytes)),
            SCHEMA_URL => group.schema_url = Text::from_bytes(bytes),
            _ => {}
        });
        group
    }

    fn count(&self) -> usize {
        match I::SIGNAL {
            OtlpSignal::Traces | OtlpSignal::Logs => self.items.len(),
            OtlpSignal::Metrics => self.items.iter().map(|item| item.get().count()).sum(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_nested(out, LIST, EXPECTED_BYTES, |out| {
            self.scope.put(out, HEAD);
            for item in &self.items {
                item.put(out, LIST);
            }
            put_schema_url(out, &self.schema_url);
        });
    }
}

/// A group of a few items, whose length takes three bytes.
const EXPECTED_BYTES: usize = 20_000;

fn put_schema_url(out: &mut Vec<u8>, schema_url: &Text<'_>) {
    if !schema_url.is_empty() {
        put_bytes(out, SCHEMA_URL, schema_url.as_bytes());
    }
}

/// Visits the length-delimited fields of a message that was checked before.
fn each<'a>(bytes: &'a [u8], mut visit: impl FnMut(u32, &'a [u8])) {
    let mut fields = Fields::new("request", bytes);
    let checked = "the messages of a batch were checked";
    while let Some((number, value)) = fields.next().expect(checked) {
        if let (Ok(number), stdx::protobuf::Value::Bytes(bytes)) = (u32::try_from(number), value) {
            visit(number, bytes);
        }
    }
}
