//! Metadata of remote write 1.0: all that is known, in requests of its own, in an interval.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use batch::{Metadata, MetricsBatch};
use engine::Build;
use engine::outbox::{Backoff, Outcome};
use formats::remote_write::v1;
use formats::snappy::Compressor;
use net::Bytes;

use super::endpoint::Part;
use super::meanings::Described;
use super::wire::Version;

/// What each metric means, by name; what came last counts.
#[derive(Default)]
pub struct Families {
    known: RefCell<BTreeMap<String, Metadata>>,
    /// Those that go along with series in version 2.
    pub described: Rc<Described>,
}

/// Limit: metrics whose metadata is kept. Names beyond are sent without; a host with more than this
/// many metric names has lost control of them.
const FAMILIES_MAX: usize = 100_000;

impl Families {
    pub fn learn(&self, batch: &MetricsBatch) {
        if batch.describes_series {
            self.described.learn(&batch.metadata, FAMILIES_MAX);
        }
        let mut known = self.known.borrow_mut();
        for metadata in &batch.metadata {
            if known.len() < FAMILIES_MAX || known.contains_key(&metadata.name) {
                known.insert(metadata.name.clone(), metadata.clone());
            }
        }
    }

    fn all(&self) -> Vec<Metadata> {
        self.known.borrow().values().cloned().collect()
    }
}

/// Sends to one endpoint, until dropped. Version 2 of the message has metadata with each series.
pub async fn run(part: Rc<Part>, families: Rc<Families>, cx: Build) {
    let config = &part.settings.metadata_config;
    if !config.send || part.encoding.version != Version::V1 {
        return;
    }
    loop {
        runtime::sleep(config.send_interval).await;
        cx.guard(send(&part, &families.all())).await;
    }
}

async fn send(part: &Part, families: &[Metadata]) {
    let config = &part.settings.metadata_config;
    let mut encoder = v1::Encoder::new();
    let mut compressor = Compressor::new();
    for chunk in families.chunks(config.max_samples_per_send.max(1) as usize) {
        encoder.clear();
        for metadata in chunk {
            encoder.metadata(metadata);
        }
        let mut message = Vec::new();
        compressor.compress(encoder.finish(), &mut message);
        let deadline = runtime::now() + config.send_interval;
        let queue = &part.settings.queue_config;
        let mut backoff = Backoff::new(queue.min_backoff, queue.max_backoff);
        let body = Bytes::from(message);
        for attempt in 0.. {
            let outcome = part.post(body.clone(), Version::V1, attempt).await;
            part.metrics.metadata(&outcome, chunk.len(), body.len());
            let Outcome::Retry { after, .. } = outcome else {
                break;
            };
            let again = runtime::now() + backoff.wait(after, runtime::random_u64());
            if deadline <= again {
                // The next interval sends everything anyway.
                return;
            }
            runtime::sleep_until(again).await;
        }
    }
}
