//! Between shards: a port on this shard of a node that lives on another one.
//!
//! ```text
//! branch -> slot -> Handover ==channel==> the owner's slot -> instance
//!           answer <============== reply ==============
//! ```
//!
//! Only OTLP data crosses, as the bytes that it is: nothing is copied. The sender waits for the
//! answer as it would on its own shard, so what is under way is bounded by what receivers took in,
//! and an acknowledgement means the same. A shard that has ended refuses, retryable.

use std::rc::Rc;
use std::sync::Arc;

use batch::OtlpBatch;
use runtime::LocalBoxFuture;
use schema::PortKind;

use crate::fanout::{Slot, Slots};
use crate::flow::{Batch, Consume, Nack};
use crate::plan::PlanNode;

/// What a shard is told of the others.
#[derive(Clone)]
pub struct Peers {
    /// The ways to all shards, in the order of their indexes.
    ways: Arc<[flume::Sender<Offer>]>,
    /// The end of this shard's way.
    offers: flume::Receiver<Offer>,
}

impl Peers {
    /// For each of so many shards.
    #[must_use]
    pub fn of(count: usize) -> Vec<Peers> {
        // What is in a channel is bounded by who waits for an answer, not by the channel.
        let (ways, ends): (Vec<_>, Vec<_>) = (0..count).map(|_| flume::unbounded()).unzip();
        let ways: Arc<[_]> = ways.into();
        let peers = ends.into_iter().map(|offers| Peers {
            ways: ways.clone(),
            offers,
        });
        peers.collect()
    }

    /// Takes what others hand over, until the shard ends.
    pub(crate) async fn take_offers(self, slots: Rc<Slots>) {
        while let Ok(offer) = self.offers.recv_async().await {
            runtime::spawn(offer.deliver(slots.clone()));
        }
    }
}

/// A batch on its way to a port on another shard.
struct Offer {
    node: String,
    port: &'static str,
    batch: OtlpBatch,
    reply: flume::Sender<Result<(), Nack>>,
}

impl Offer {
    /// Gives the batch to the port and the answer to who waits for it.
    async fn deliver(self, slots: Rc<Slots>) {
        let slot = slots.slot(&self.node, self.port);
        let answer = slot.consume(Batch::Otlp(Rc::new(self.batch))).await;
        // Who offered may have given up waiting: it offers again or its client does.
        let _ = self.reply.send(answer);
    }
}

/// Puts hand-overs where neighbours on this shard look for the node's ports. The slots are to be
/// emptied when the node goes.
pub(crate) fn hand_over(node: &PlanNode, owner: usize, peers: &Peers, slots: &Slots) -> Vec<Slot> {
    let Some(peer) = peers.ways.get(owner) else {
        return Vec::new();
    };
    let mut filled = Vec::new();
    for export in node.component.descriptor.exports {
        if PortKind::from_type_name(export.type_name) != Some(PortKind::Otlp) {
            continue;
        }
        let slot = slots.slot(&node.id, export.name);
        slot.fill(Some(Rc::new(Handover {
            node: node.id.clone(),
            port: export.name,
            peer: peer.clone(),
        })));
        filled.push(slot);
    }
    filled
}

struct Handover {
    node: String,
    port: &'static str,
    peer: flume::Sender<Offer>,
}

impl Consume for Handover {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let (reply, answer) = flume::bounded(1);
            let offer = Offer {
                node: self.node.clone(),
                port: self.port,
                batch: (*batch.into_otlp()).clone(),
                reply,
            };
            let ended = || Nack::retry("shard_ended", "the owner of the component has ended");
            if self.peer.send(offer).is_err() {
                return Err(ended());
            }
            answer.recv_async().await.unwrap_or_else(|_| Err(ended()))
        })
    }
}
