//! Batches to push requests: one open for each tenant, ended when it has as much as an endpoint
//! wants.

use std::collections::HashMap;
use std::rc::Rc;

use batch::{LabelsBuf, LogEntry, LogsBatch, TENANT_LABEL};
use engine::outbox::{Encoder, Message, Order, OrderWriter, Write};
use formats::loki_push;
use formats::snappy::Compressor;

use crate::outcomes::Outcomes;

/// Limit: bytes of lines in one request, whatever batch_size says: a record of the log has to hold
/// it, compressed or not, and a segment has 16 MiB.
pub const BATCH_BYTES_MAX: u64 = 8 << 20;

/// Limit: bytes of one entry; Loki itself refuses lines of more than 256 KiB by default. Longer
/// ones are dropped and counted.
pub const ENTRY_BYTES_MAX: usize = 8 << 20;

/// The kind of a record: a header, then a push request as protobuf in a snappy block.
pub const KIND: u8 = 1;

/// What decides the bytes of a request. Endpoints of equal encoding share a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    pub external_labels: Vec<(String, String)>,
    pub streams_max: usize,
    pub batch_bytes: u64,
}

impl Encoding {
    /// The same for the same settings in each run of the program, so that a lane is found again.
    pub fn lane_name(&self) -> String {
        let text = format!("{self:?}");
        format!("v{KIND}-{:016x}", stdx::fnv1a(text.as_bytes()))
    }
}

/// What a record's payload begins with. Little endian: order (16 bytes), length of the tenant (2),
/// the tenant.
#[derive(Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub order: Order,
    pub tenant: &'a str,
}

impl<'a> Header<'a> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order.run.to_le_bytes());
        out.extend_from_slice(&self.order.number.to_le_bytes());
        out.extend_from_slice(&self.order.depends_on.to_le_bytes());
        let len = u16::try_from(self.tenant.len()).expect("longer ones are refused before");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(self.tenant.as_bytes());
    }

    /// The header and the compressed request; `None` when the payload is none of ours.
    pub fn read(payload: &'a [u8]) -> Option<(Header<'a>, &'a [u8])> {
        let (run, rest) = payload.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (depends_on, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (tenant, request) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        let order = Order {
            run: u64::from_le_bytes(*run),
            number: u32::from_le_bytes(*number),
            depends_on: u32::from_le_bytes(*depends_on),
        };
        let tenant = std::str::from_utf8(tenant).ok()?;
        Some((Header { order, tenant }, request))
    }
}

/// How far a batch has been written, and what of it was dropped on purpose.
#[derive(Debug, Default)]
pub struct Cursor {
    stream: usize,
    entry: usize,
    pub dropped: Vec<Drop>,
}

/// Entries of one tenant that were dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct Drop {
    pub tenant: Rc<str>,
    pub reason: &'static str,
    pub entries: u64,
    pub bytes: u64,
}

/// Why entries are dropped, in the reference's words.
pub const STREAM_LIMITED: &str = "stream_limited";
pub const LINE_TOO_LONG: &str = "line_too_long";

impl Cursor {
    pub fn entries_dropped(&self) -> u64 {
        self.dropped.iter().map(|drop| drop.entries).sum()
    }

    fn drop(&mut self, tenant: &Rc<str>, reason: &'static str, bytes: u64) {
        match self.dropped.last_mut() {
            Some(last) if last.tenant == *tenant && last.reason == reason => {
                last.entries += 1;
                last.bytes += bytes;
            }
            _ => self.dropped.push(Drop {
                tenant: tenant.clone(),
                reason,
                entries: 1,
                bytes,
            }),
        }
    }
}

/// Writes the requests of one lane.
pub struct MessageEncoder {
    encoding: Encoding,
    /// What labels are sent as; only of those that do not go out as they came in.
    sent: Outcomes<Rc<LabelsBuf>, Sent>,
    no_tenant: Rc<str>,
    open: HashMap<Rc<str>, Open>,
    /// The tenant whose message is full.
    full: Option<Rc<str>>,
    order: OrderWriter,
    compressor: Compressor,
    spare: Vec<u8>,
    spare_open: Option<Open>,
}

/// What a label set is sent as.
#[derive(Clone)]
struct Sent {
    tenant: Rc<str>,
    labels: Rc<LabelsBuf>,
}

/// An open message.
#[derive(Default)]
struct Open {
    encoder: loki_push::Encoder,
    entries: u32,
    bytes: u64,
    /// Slots of `OrderWriter` of its streams.
    slots: Vec<usize>,
}

/// Limit: label sets whose fate is remembered; beyond, it is found anew.
const SENT_MAX: usize = 50_000;

/// Streams share this many slots by the hash of their labels: two of one slot only wait for each
/// other. Costs four bytes a slot.
const ORDER_SLOTS: u64 = 1 << 14;

/// Limit: bytes of a tenant's name that are kept; Loki refuses more than 150.
const TENANT_BYTES_MAX: usize = 1024;

impl MessageEncoder {
    pub fn new(encoding: Encoding) -> MessageEncoder {
        MessageEncoder {
            encoding,
            sent: Outcomes::new(SENT_MAX),
            no_tenant: Rc::from(""),
            open: HashMap::new(),
            full: None,
            order: OrderWriter::new(),
            compressor: Compressor::new(),
            spare: Vec::new(),
            spare_open: None,
        }
    }

    /// Adds the entries behind the cursor, as many as the open messages take.
    pub fn write(&mut self, batch: &LogsBatch, cursor: &mut Cursor) -> Write {
        while let Some(stream) = batch.streams.get(cursor.stream) {
            let sent = self.sent(&stream.labels);
            let entries = &stream.entries[cursor.entry..];
            if self.write_stream(batch, &sent, entries, cursor) == Write::Full {
                return Write::Full;
            }
            cursor.stream += 1;
            cursor.entry = 0;
        }
        Write::Done
    }

    fn write_stream(
        &mut self,
        batch: &LogsBatch,
        sent: &Sent,
        entries: &[LogEntry],
        cursor: &mut Cursor,
    ) -> Write {
        let mut open = match self.open.remove(&sent.tenant) {
            Some(open) => open,
            None => self.spare_open.take().unwrap_or_default(),
        };
        let written = open.write(&self.encoding, batch, sent, entries, cursor);
        if written == Write::Full {
            self.full = Some(sent.tenant.clone());
        }
        match open.entries {
            0 => self.spare_open = Some(open),
            _ => {
                self.open.insert(sent.tenant.clone(), open);
            }
        }
        written
    }

    /// Tenant and labels that entries with these labels are sent with.
    fn sent(&mut self, labels: &Rc<LabelsBuf>) -> Sent {
        let internal = labels.iter().any(|(name, _)| name.starts_with("__"));
        if !internal && self.encoding.external_labels.is_empty() {
            return Sent {
                tenant: self.no_tenant.clone(),
                labels: labels.clone(),
            };
        }
        if let Some(sent) = self.sent.get(&**labels) {
            return sent;
        }
        let mut tenant = labels.get(TENANT_LABEL).unwrap_or_default();
        tenant = &tenant[..tenant.floor_char_boundary(TENANT_BYTES_MAX)];
        let mut changed = LabelsBuf::clone(labels);
        for (name, value) in &self.encoding.external_labels {
            if !changed.contains(name) {
                changed.set(name, value);
            }
        }
        changed.retain(|name, _| !name.starts_with("__"));
        let sent = Sent {
            tenant: Rc::from(tenant),
            labels: Rc::new(changed),
        };
        self.sent.insert(labels.clone(), sent.clone());
        sent
    }
}

impl Open {
    fn write(
        &mut self,
        encoding: &Encoding,
        batch: &LogsBatch,
        sent: &Sent,
        entries: &[LogEntry],
        cursor: &mut Cursor,
    ) -> Write {
        let mut stream = self.encoder.find(&sent.labels);
        for entry in entries {
            let bytes = entry_bytes(batch, entry);
            let drop = if bytes > ENTRY_BYTES_MAX {
                Some(LINE_TOO_LONG)
            } else if stream.is_none() && self.has_all_streams(encoding) {
                Some(STREAM_LIMITED)
            } else {
                None
            };
            if let Some(reason) = drop {
                cursor.entry += 1;
                cursor.drop(&sent.tenant, reason, bytes as u64);
                continue;
            }
            if self.entries > 0 && self.bytes + bytes as u64 > encoding.batch_bytes {
                return Write::Full;
            }
            let index = *stream.get_or_insert_with(|| {
                self.slots.push(order_slot(&sent.labels));
                self.encoder.open(&sent.labels)
            });
            let metadata = batch.metadata(entry);
            self.encoder
                .entry(index, entry.timestamp_ns, batch.line(entry), metadata);
            self.entries += 1;
            self.bytes += bytes as u64;
            cursor.entry += 1;
        }
        Write::Done
    }

    fn has_all_streams(&self, encoding: &Encoding) -> bool {
        (1..=self.encoder.streams()).contains(&encoding.streams_max)
    }
}

/// What an entry counts for. Compat: the reference counts a pair with its bytes as protobuf.
fn entry_bytes(batch: &LogsBatch, entry: &LogEntry) -> usize {
    let pairs = &batch.pairs[entry.metadata.range()];
    let metadata = pairs
        .iter()
        .map(|pair| pair.name.len() + pair.value.len() + 4);
    entry.line.len() + metadata.sum::<usize>()
}

fn order_slot(labels: &LabelsBuf) -> usize {
    let mut hash = stdx::Fnv1a::new();
    for (name, value) in labels.iter() {
        hash.write(name.as_bytes());
        hash.write(value.as_bytes());
    }
    (hash.finish() % ORDER_SLOTS) as usize
}

impl Encoder for MessageEncoder {
    fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn is_full(&self) -> bool {
        self.full.is_some()
    }

    fn seal(&mut self) -> Message {
        let tenant = self.full.take();
        let tenant = tenant.or_else(|| self.open.keys().next().cloned());
        let tenant = tenant.expect("a message is open");
        let mut open = self.open.remove(&tenant).expect("it is open");
        for slot in open.slots.drain(..) {
            self.order.note(slot);
        }
        let mut payload = std::mem::take(&mut self.spare);
        payload.clear();
        let header = Header {
            order: self.order.end_message(),
            tenant: &tenant,
        };
        header.write(&mut payload);
        self.compressor
            .compress_onto(open.encoder.finish(), &mut payload);
        let items = open.entries;
        open.encoder.clear();
        open.entries = 0;
        open.bytes = 0;
        self.spare_open = Some(open);
        Message {
            kind: KIND,
            items,
            payload,
        }
    }

    fn recycle(&mut self, payload: Vec<u8>) {
        self.spare = payload;
    }
}
