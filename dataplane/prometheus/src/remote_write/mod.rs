//! prometheus.remote_write: logs samples on disk and sends them to endpoints by remote write.
//!
//! ```text
//! receiver -> per encoding: labels, rules -> snappy message -> lane -> sender -> endpoint
//!                                                                 \-> sender -> endpoint
//! ```
//!
//! A batch is acked once its messages are committed to the log, before any endpoint has seen them.
//! An endpoint gets each sample at least once and those of a series in order; it is delayed by no
//! other one. Samples are lost only to a refusal of the endpoint for good (4xx), to
//! `sample_age_limit` or to the log's own limits, and counted then. Endpoints that encode alike
//! share one record with a cursor for each. Metadata is sent from memory, again and again, and is
//! not logged.
//!
//! Lanes of settings that have changed are emptied first, so that a reload loses nothing.
//!
//! Compatible with prometheus.remote_write of Alloy, whose WAL and queues the lane replaces. Not
//! served: google_iam, the roles of sigv4, identities of azuread other than oauth.

mod arguments;
mod encoding;
mod endpoint;
mod meanings;
mod messages;
mod metadata;
mod metrics;
mod runs;
#[cfg(test)]
mod runs_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod version_tests;
mod wire;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::MetricsBatch;
use engine::outbox::{Abandoned, SenderHandle, Stage};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Globals, Leave};
use engine::{Ledger, Nack, Role, Spread, TaskSet};
use runtime::LocalBoxFuture;
use schema::{Body, ExportField, MetricDecl, Stability};

use arguments::RemoteWriteArguments;
use encoding::Encoding;
use messages::{Cursor, MessageEncoder};
use metadata::Families;
use metrics::{Drops, Intake};

pub static COMPONENT: Component = Component::of::<RemoteWrite>();

/// The component.
pub struct RemoteWrite;

impl DataComponent for RemoteWrite {
    type Arguments = RemoteWriteArguments;
    const NAME: &'static str = "prometheus.remote_write";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(arguments: Arc<RemoteWriteArguments>, cx: &Build) -> Result<Built, BuildError> {
        let parts = endpoint::parts(&arguments, cx)?;
        let encodings = Encoding::distinct(&parts);
        let in_use: Vec<String> = encodings.iter().map(Encoding::lane_name).collect();
        let names = parts.iter().map(|part| part.name.clone()).collect();
        let options = arguments.wal.options(cx, names);
        let abandoned = Abandoned::open(cx, &in_use, &options).await?;
        let families = Rc::new(Families::default());
        let delay = arguments.delay(cx.globals.lanes.commit_delay);
        let mut groups = Vec::new();
        let mut senders = Vec::new();
        let mut work: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
        for encoding in encodings {
            let options = arguments.wal.options(cx, encoding.destinations(&parts));
            let outbox = cx.outbox(&encoding.lane_name(), options).await?;
            for part in parts.iter().filter(|part| part.encoding == encoding) {
                let endpoint = endpoint::senders(cx, part, &outbox, &abandoned);
                senders.extend(endpoint.handles());
                work.push(Box::pin(endpoint.run()));
                work.push(Box::pin(metadata::run(
                    part.clone(),
                    families.clone(),
                    cx.clone(),
                )));
            }
            groups.push(Group {
                ledger: cx.ledger(&encoding.lane_name()),
                drops: Drops::new(cx),
                patience_max: arguments.delay(Duration::MAX),
                stage: Stage::new(outbox, MessageEncoder::new(cx, encoding, &families), delay),
            });
        }
        let receiver = Rc::new(Receiver {
            groups,
            families,
            intake: Intake::new(cx),
        });
        let drained = receiver.clone();
        Ok(Built::new()
            .port("receiver", receiver)
            .run(run(work))
            .drain(move |why| drain(drained.clone(), senders.clone(), why)))
    }

    fn shown(body: &Body, globals: &Globals) -> Body {
        arguments::shown(body, globals)
    }
}

/// Senders and metadata of all endpoints, until stopped.
async fn run(work: Vec<LocalBoxFuture<'static, ()>>) {
    let tasks = TaskSet::new();
    for task in work {
        tasks.spawn(task);
    }
    std::future::pending().await
}

async fn drain(receiver: Rc<Receiver>, senders: Vec<SenderHandle>, why: Leave) {
    for group in &receiver.groups {
        group.stage.flush().await;
    }
    engine::join(senders.iter().map(|sender| sender.finish(why)).collect()).await;
}

struct Receiver {
    groups: Vec<Group>,
    families: Rc<Families>,
    intake: Intake,
}

/// Limit: a full message in the log's buffer is committed after this, whatever those wait for who
/// wrote it.
const COMMIT_DELAY_MAX: Duration = Duration::from_millis(500);

/// All endpoints of one encoding.
struct Group {
    stage: Rc<Stage<MessageEncoder>>,
    /// No batch waits longer for others than the queue settings say.
    patience_max: Duration,
    /// Of what comes in and what goes to the log; the log has its own.
    ledger: Ledger,
    drops: Drops,
}

impl Consume for Receiver {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_metrics();
            self.families.learn(&batch);
            let pushes = self.groups.iter().map(|group| group.push(&batch)).collect();
            let answers = engine::join(pushes).await;
            let answer = answers.into_iter().fold(Ok(()), engine::worse);
            if answer.is_ok() {
                self.intake.count(&batch);
            }
            answer
        })
    }
}

impl Group {
    async fn push(&self, batch: &MetricsBatch) -> Result<(), Nack> {
        let items = batch.items() as u64;
        let mut cursor = Cursor::default();
        self.ledger.take(items);
        let patience = batch.patience.min(self.patience_max);
        let answer = self
            .stage
            .push(patience, |encoder| encoder.write(batch, &mut cursor))
            .await;
        if answer.is_err() {
            self.ledger.refuse(items);
            return answer;
        }
        let Cursor {
            ruled_out,
            histograms_off,
            custom_buckets,
            ..
        } = cursor;
        self.ledger.drop("relabel", ruled_out);
        self.ledger.drop("native_histograms_off", histograms_off);
        self.ledger.drop(metrics::CUSTOM_BUCKETS, custom_buckets);
        self.ledger
            .pass(items - ruled_out - histograms_off - custom_buckets);
        self.drops.count(&cursor);
        answer
    }
}
