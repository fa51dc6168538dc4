//! loki.write: logs entries on disk and pushes them to Loki.
//!
//! ```text
//! receiver -> per encoding: labels, tenant -> push request -> lane -> sender -> endpoint
//!                                                                 \-> sender -> endpoint
//! ```
//!
//! A batch is acked once its requests are committed to the log, before any endpoint has seen them.
//! An endpoint gets each entry at least once and those of a stream in order; it is delayed by no
//! other one. Entries are lost only to a refusal of the endpoint for good (4xx), to
//! `max_backoff_retries` where it is set, to `max_streams` or to the log's own limits, and counted
//! then. Endpoints that encode alike share one record with a cursor for each.
//!
//! Compatible with loki.write of Alloy, whose queue and WAL the lane replaces. Other than there,
//! an endpoint that is away for long costs nothing: attempts are not counted unless
//! `max_backoff_retries` is set.

mod arguments;
mod endpoint;
mod messages;
mod metrics;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::LogsBatch;
use engine::outbox::{Abandoned, SenderHandle, Stage};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Globals, Leave};
use engine::{Ledger, Nack, Role, Spread, TaskSet};
use runtime::LocalBoxFuture;
use schema::{Body, ExportField, MetricDecl, Stability};
use wal::LaneOptions;

use arguments::WriteArguments;
use endpoint::Part;
use messages::{Cursor, Encoding, MessageEncoder};

pub static COMPONENT: Component = Component::of::<Write>();

/// The component.
pub struct Write;

impl DataComponent for Write {
    type Arguments = WriteArguments;
    const NAME: &'static str = "loki.write";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(arguments: Arc<WriteArguments>, cx: &Build) -> Result<Built, BuildError> {
        let parts = endpoint::parts(&arguments, cx)?;
        let encodings = distinct(&parts);
        let in_use: Vec<String> = encodings.iter().map(Encoding::lane_name).collect();
        let all = options(cx, parts.iter());
        let abandoned = Abandoned::open(cx, &in_use, &all).await?;
        let mut groups = Vec::new();
        let mut senders = Vec::new();
        let mut work: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
        for encoding in encodings {
            let of_group = || parts.iter().filter(|part| part.encoding == encoding);
            let outbox = cx
                .outbox(&encoding.lane_name(), options(cx, of_group()))
                .await?;
            for part in of_group() {
                let endpoint = endpoint::senders(cx, part, &outbox, &abandoned);
                senders.extend(endpoint.handles());
                work.push(Box::pin(endpoint.run()));
            }
            let delay = cx.globals.lanes.commit_delay;
            groups.push(Group {
                parts: of_group().cloned().collect(),
                ledger: cx.ledger(&encoding.lane_name()),
                patience_max: arguments.patience(),
                stage: Stage::new(outbox, MessageEncoder::new(encoding), delay),
            });
        }
        let receiver = Rc::new(Receiver { groups });
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

/// Each encoding once, in the order of the endpoints.
fn distinct(parts: &[Rc<Part>]) -> Vec<Encoding> {
    let mut distinct: Vec<Encoding> = Vec::new();
    for part in parts {
        if !distinct.contains(&part.encoding) {
            distinct.push(part.encoding.clone());
        }
    }
    distinct
}

/// Limit: a full message in the log's buffer is committed after this, whatever those wait for who
/// wrote it.
const COMMIT_DELAY_MAX: Duration = Duration::from_millis(100);

fn options<'a>(cx: &Build, parts: impl Iterator<Item = &'a Rc<Part>>) -> LaneOptions {
    let names = parts.map(|part| part.name.clone()).collect();
    let mut options = cx.globals.lanes.options(names);
    // The stage before the lane says when to commit.
    options.commit_delay = COMMIT_DELAY_MAX;
    options
}

/// The senders of all endpoints, until stopped.
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
}

/// All endpoints of one encoding.
struct Group {
    parts: Vec<Rc<Part>>,
    stage: Rc<Stage<MessageEncoder>>,
    /// No batch waits longer for others than the endpoints' settings say.
    patience_max: Duration,
    /// Of what comes in and what goes to the log; the log has its own.
    ledger: Ledger,
}

impl Consume for Receiver {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_logs();
            let pushes = self.groups.iter().map(|group| group.push(&batch)).collect();
            let answers = engine::join(pushes).await;
            answers.into_iter().fold(Ok(()), engine::worse)
        })
    }
}

impl Group {
    async fn push(&self, batch: &LogsBatch) -> Result<(), Nack> {
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
        for drop in &cursor.dropped {
            self.ledger.drop(drop.reason, drop.entries);
            for part in &self.parts {
                part.metrics.dropped(drop, &part.settings.tenant_id);
            }
        }
        self.ledger.pass(items - cursor.entries_dropped());
        answer
    }
}
