//! A processor: a program with what is around it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use batch::LogsBatch;
use engine::{Batch, Build, Consume, Fanout, Ledger, Nack};
use ops::stages::{Program, Run, Status};
use runtime::LocalBoxFuture;
use runtime::metrics::Hook;
use runtime::sync::Notify;
use schema::Port;

use super::export;
use super::output::{LabelSets, Output};

/// Limit: how long lines that have left the program are offered again before their sender is
/// told. Stages have counted them and may hold back some, so that the sender's own retry would
/// have them twice.
const OFFER_FOR: Duration = Duration::from_secs(30);

pub(super) struct Processor {
    cx: Build,
    state: Rc<RefCell<State>>,
    ledger: Ledger,
    /// A line was held back, which may be due before all others.
    held: Notify,
    _metrics: Hook,
}

struct State {
    program: Program,
    sets: LabelSets,
    forward: Fanout,
    /// Allocations of the last runs.
    spare: Vec<Run>,
}

impl Processor {
    pub fn new(cx: &Build, forward_to: &[Port], program: Program) -> Processor {
        let state = Rc::new(RefCell::new(State {
            program,
            sets: LabelSets::new(),
            forward: cx.fanout(forward_to),
            spare: Vec::new(),
        }));
        let (node, read) = (cx.node.clone(), state.clone());
        let metrics = cx.registry.on_collect(move |families| {
            let program = &mut read.borrow_mut().program;
            export::collect(&node, program, runtime::wall_ns(), families);
        });
        Processor {
            cx: cx.clone(),
            state,
            ledger: cx.ledger("stages"),
            held: Notify::new(),
            _metrics: metrics,
        }
    }

    pub fn forward_to(&self, ports: &[Port]) {
        self.state.borrow_mut().forward = self.cx.fanout(ports);
    }

    /// What becomes of a batch, and how many of its entries were dropped.
    async fn process(&self, batch: &LogsBatch) -> (LogsBatch, u64) {
        let mut run = self.state.borrow_mut().spare.pop().unwrap_or_default();
        let mut out = Output::default();
        out.batch.text.reserve(batch.text.len());
        out.batch.patience = batch.patience;
        let before = self.dropped();
        let mut now_ns = runtime::wall_ns();
        for stream in &batch.streams {
            for own in &stream.entries {
                let entry = run.start();
                entry.labels.assign(&stream.labels);
                entry.timestamp_ns = own.timestamp_ns;
                entry.line.extend_from_slice(batch.line(own));
                for (name, value) in batch.metadata(own) {
                    entry.metadata.push(name, value);
                }
                while let Status::Wait(until) = self.step(&mut run, now_ns, &mut out) {
                    let wait = u64::try_from(until - now_ns).unwrap_or(0);
                    runtime::sleep(Duration::from_nanos(wait)).await;
                    now_ns = runtime::wall_ns();
                }
            }
        }
        self.state.borrow_mut().spare.push(run);
        (out.batch, self.dropped() - before)
    }

    fn step(&self, run: &mut Run, now_ns: i64, out: &mut Output) -> Status {
        let State { program, sets, .. } = &mut *self.state.borrow_mut();
        program.run(run, now_ns, &mut |entry| out.add(entry, sets))
    }

    fn dropped(&self) -> u64 {
        self.state.borrow().program.counters().dropped_entries
    }

    async fn forward(&self, batch: LogsBatch) -> Result<(), Nack> {
        if batch.is_empty() {
            return Ok(());
        }
        let forward = self.state.borrow().forward.clone();
        let deadline = runtime::now() + OFFER_FOR;
        forward
            .consume_until(Batch::Logs(Rc::new(batch)), deadline)
            .await
    }

    /// Lets go of what is held back, each when its time has come.
    pub async fn let_go_in_time(&self) {
        loop {
            let deadline = self.state.borrow().program.deadline_ns();
            let Some(deadline) = deadline else {
                self.held.notified().await;
                continue;
            };
            let wait = deadline.saturating_sub(runtime::wall_ns());
            if let Ok(wait @ 1..) = u64::try_from(wait) {
                // A later line moves the deadline on; an earlier one cannot come.
                runtime::sleep(Duration::from_nanos(wait)).await;
                continue;
            }
            let mut run = Run::default();
            let mut out = Output::default();
            let now_ns = runtime::wall_ns();
            self.state.borrow_mut().program.expire(&mut run, now_ns);
            while let Status::Wait(until) = self.step(&mut run, now_ns, &mut out) {
                let wait = u64::try_from(until - now_ns).unwrap_or(0);
                runtime::sleep(Duration::from_nanos(wait)).await;
            }
            self.forward_held(out.batch).await;
        }
    }

    /// Lets go of everything, for the end.
    pub async fn let_go_of_all(&self) {
        let mut out = Output::default();
        {
            let State { program, sets, .. } = &mut *self.state.borrow_mut();
            let mut add = |entry: &mut ops::stages::Entry| out.add(entry, sets);
            program.finish(&mut Run::default(), runtime::wall_ns(), &mut add);
        }
        self.forward_held(out.batch).await;
    }

    /// Nobody waits for these lines any more: what is not taken now is lost, and told.
    async fn forward_held(&self, batch: LogsBatch) {
        let lines = batch.items() as u64;
        if let Err(nack) = self.forward(batch).await {
            let node = &*self.cx.node;
            tracing::error!(
                component_id = node,
                lines,
                "dropped lines that a stage had held back: {}",
                nack.message
            );
        }
    }
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let taken = batch.items();
            let held = self.ledger.hold(taken);
            let (out, dropped) = self.process(&batch.into_logs()).await;
            // Entries that a stage has made of others may be dropped too.
            let dropped = dropped.min(taken);
            self.held.notify_one();
            let result = self.forward(out).await;
            held.settle_kept(&result, taken - dropped, "stage");
            result
        })
    }
}
