//! Batches to messages, and each to its file.

use std::cell::RefCell;
use std::io;

use batch::otlp::{AnyValue, Item, OtlpBatch, OtlpSignal, ResourceGroup, Tree};
use bytes::Bytes;
use engine::{Batch, Consume, Ledger, Nack};
use formats::otlp_json;
use net::codec::Codec;
use runtime::LocalBoxFuture;
use runtime::sync::Semaphore;

use super::groups::Groups;
use super::output::Output;
use crate::exporting::ItemMetrics;

/// How a batch becomes a message.
#[derive(Clone, Copy)]
pub struct Encoding {
    pub json: bool,
    pub packed: bool,
}

impl Encoding {
    /// A message as it stands in the file, with what separates it from the next one.
    fn message(self, batch: &OtlpBatch) -> Result<Vec<u8>, Nack> {
        let request = batch.to_request();
        let mut message: Vec<u8> = match self.json {
            true => otlp_json::encode(batch.signal().request(), &request)
                .map_err(|error| Nack::permanent("unencodable", error.to_string()))?,
            false => Bytes::into(request),
        };
        if self.packed {
            let pieces = std::iter::once(&*message);
            let packed = Codec::Zstd.pack(pieces, None);
            message = packed.map_err(|error| Nack::permanent("unencodable", error.to_string()))?;
        }
        if self.json && !self.packed {
            message.push(b'\n');
            return Ok(message);
        }
        let len = u32::try_from(message.len())
            .map_err(|_| Nack::permanent("too_large", "a message has 4 GiB at most"))?;
        message.splice(..0, len.to_be_bytes());
        Ok(message)
    }
}

/// Where messages go.
pub enum Files {
    One(Output),
    Grouped(Groups),
}

/// The input.
pub struct Exporter {
    /// Out while it is written to.
    files: RefCell<Option<Files>>,
    /// Who writes; messages go one after the other.
    turn: Semaphore,
    encoding: Encoding,
    /// Attribute that tells the file, with groups.
    attribute: Option<String>,
    ledger: Ledger,
    metrics: ItemMetrics,
}

impl Exporter {
    pub fn new(files: Files, encoding: Encoding, ledger: Ledger, metrics: ItemMetrics) -> Exporter {
        let attribute = match &files {
            Files::One(_) => None,
            Files::Grouped(groups) => Some(groups.attribute.clone()),
        };
        Exporter {
            files: RefCell::new(Some(files)),
            turn: Semaphore::new(1),
            encoding,
            attribute,
            ledger,
            metrics,
        }
    }

    /// Writes a message, when it is its turn.
    async fn write(&self, segment: &str, message: Vec<u8>) -> io::Result<()> {
        let _turn = self.turn.acquire(1).await;
        let files = self.files.take();
        // Put back even if the batch is given up while it is written.
        let mut files = Returned(&self.files, files);
        match &mut files.1 {
            Some(Files::One(output)) => output.write(message).await,
            Some(Files::Grouped(groups)) => groups.write(segment, message).await,
            None => Err(io::Error::other("the file is in use")),
        }
    }

    async fn export(&self, segment: &str, batch: &OtlpBatch) -> Result<(), Nack> {
        let message = self.encoding.message(batch)?;
        let written = self.write(segment, message).await;
        written.map_err(|error| Nack::retry("write_failed", format!("cannot write: {error}")))
    }
}

/// Gives the files back when it goes.
struct Returned<'a>(&'a RefCell<Option<Files>>, Option<Files>);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.0.replace(self.1.take());
    }
}

impl Consume for Exporter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let items = batch.items() as u64;
            let mut held = self.ledger.hold(items);
            let Some(attribute) = &self.attribute else {
                let result = self.export("", &batch).await;
                self.count(batch.signal(), items, &result);
                held.settle(&result);
                return result;
            };
            let mut left = items;
            let mut written = false;
            for (segment, group) in grouped(&batch, attribute) {
                let count = group.items() as u64;
                left -= count;
                let Some(segment) = segment else {
                    held.lose("no_path_segment", count);
                    continue;
                };
                let result = self.export(&segment, &group).await;
                self.count(batch.signal(), count, &result);
                match result {
                    Ok(()) => written = true,
                    Err(nack) if !written => {
                        let result = Err(nack);
                        held.settle(&result);
                        return result;
                    }
                    // To ask for all again would write other groups twice.
                    Err(nack) => {
                        tracing::error!(items = count, "a group is dropped: {}", nack.message);
                        held.lose(nack.reason, count);
                    }
                }
            }
            assert_eq!(left, 0, "each item is of one group");
            held.settle(&Ok(()));
            Ok(())
        })
    }
}

impl Exporter {
    fn count(&self, signal: OtlpSignal, items: u64, result: &Result<(), Nack>) {
        match result {
            Ok(()) => self.metrics.sent(signal, items),
            Err(_) => self.metrics.failed(signal, items),
        }
    }
}

/// The batch's resources by their segments, in the order in which these come.
fn grouped(batch: &OtlpBatch, attribute: &str) -> Vec<(Option<String>, OtlpBatch)> {
    match batch.signal() {
        OtlpSignal::Traces => apart(batch.spans(), attribute),
        OtlpSignal::Metrics => apart(batch.metrics(), attribute),
        OtlpSignal::Logs => apart(batch.log_records(), attribute),
    }
}

fn apart<'a, I: Item<'a>>(tree: Tree<'a, I>, attribute: &str) -> Vec<(Option<String>, OtlpBatch)> {
    let mut groups: Vec<(Option<String>, Vec<ResourceGroup<'a, I>>)> = Vec::new();
    for group in tree.resources {
        let segment = match group.resource.get().attributes.get(attribute) {
            Some(AnyValue::String(segment)) => Some(segment.to_string()),
            _ => None,
        };
        match groups.iter_mut().find(|(known, _)| *known == segment) {
            Some((_, groups)) => groups.push(group),
            None => groups.push((segment, vec![group])),
        }
    }
    let encoded = groups.into_iter().map(|(segment, resources)| {
        let tree = Tree {
            client: None,
            resources,
        };
        (segment, tree.encode())
    });
    encoded.collect()
}
