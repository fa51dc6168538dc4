//! All targets of an instance: which files there are, when they are looked at, who reads them.
//!
//! Limit: memory is that of the workers (a buffer and a batch each) and some hundred bytes for each
//! file, however many lines wait in them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::LogsBatch;
use engine::{Batch, Build, Fanout, Ledger, TaskSet};
use runtime::fs;
use runtime::metrics::Gauge;
use runtime::sync::{Notify, Semaphore};

use super::charset::Charset;
use super::journal::Journal;
use super::opened::{CHUNK_BYTES, Progress, Sink};
use super::positions::{self, Key, Stored};
use super::tail::{State, Tail};
use super::{ACTIVE, SourceFileArguments, archive};
use crate::clock::Clock;

/// Batches that may be on their way at the same time. Each waits for a commit of the log, so that
/// one alone would leave the disk idle.
const WORKERS: usize = 8;

/// A batch is passed on at this size.
const BATCH_BYTES: usize = 1 << 20;

/// How long lines of files at their end may wait for others: nobody waits for their answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looking at a file costs a few microseconds. With many files they are looked at less often, so
/// that looking takes at most a twentieth of a core.
const LOOK_COST: Duration = Duration::from_micros(40);

/// Limit: how often a shard looks, whatever the settings say.
const LOOK_MIN: Duration = Duration::from_millis(10);

/// How long workers may take to finish when the instance ends.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// An instance.
pub struct Files {
    pub(super) cx: Build,
    pub(super) arguments: RefCell<Arc<SourceFileArguments>>,
    pub(super) forward: RefCell<Fanout>,
    pub(super) charset: Charset,
    pub(super) folder: PathBuf,
    pub(super) stored: RefCell<HashMap<Key, Stored>>,
    pub(super) tails: RefCell<BTreeMap<Key, Rc<Tail>>>,
    pub(super) ready: RefCell<VecDeque<Rc<Tail>>>,
    pub(super) wake: Notify,
    pub(super) changed: Notify,
    pub(super) working: Cell<usize>,
    pub(super) stopping: Cell<bool>,
    /// Positions are to be written whole.
    pub(super) unsaved: Cell<bool>,
    pub(super) saving: Semaphore,
    pub(super) journal: RefCell<Journal>,
    pub(super) loaded: Cell<bool>,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) active: Gauge,
}

impl Files {
    pub fn new(arguments: Arc<SourceFileArguments>, cx: &Build) -> Rc<Files> {
        let labels = [("component_id", &*cx.node)];
        let folder = cx.node_folder();
        let stem = positions::stem(&folder, cx.shard_index);
        Rc::new(Files {
            forward: RefCell::new(cx.fanout(&arguments.forward_to)),
            charset: Charset::of_name(&arguments.encoding).expect("checked: it is known"),
            folder,
            stored: RefCell::default(),
            tails: RefCell::default(),
            ready: RefCell::default(),
            wake: Notify::new(),
            changed: Notify::new(),
            working: Cell::new(0),
            stopping: Cell::new(false),
            unsaved: Cell::new(false),
            saving: Semaphore::new(1),
            journal: RefCell::new(Journal::new(stem, 0)),
            loaded: Cell::new(false),
            clock: Clock::default(),
            ledger: cx.ledger("lines"),
            active: cx.registry.gauge(ACTIVE.name, ACTIVE.help, &labels),
            arguments: RefCell::new(arguments),
            cx: cx.clone(),
        })
    }

    pub async fn run(self: Rc<Self>) {
        let legacy = self.arguments.borrow().legacy_positions_file.clone();
        match positions::load(&self.folder, &legacy).await {
            Ok(found) => {
                *self.stored.borrow_mut() = found.positions;
                let stem = positions::stem(&self.folder, self.cx.shard_index);
                *self.journal.borrow_mut() = Journal::new(stem, found.saved_ms);
            }
            Err(error) => {
                let text = format!("{error}; no file is read before that is settled");
                self.cx.health.set(engine::Health::Unhealthy, text);
                return std::future::pending().await;
            }
        }
        self.loaded.set(true);
        self.resolve().await;
        self.save_first().await;
        let tasks = TaskSet::new();
        for _ in 0..WORKERS {
            tasks.spawn(self.clone().work());
        }
        tasks.spawn(self.clone().keep_positions());
        tasks.spawn(self.clone().project());
        while !self.stopping.get() {
            self.resolve().await;
            let file_match = self.arguments.borrow().file_match.clone();
            let until = match file_match.enabled {
                true => runtime::now() + file_match.sync_period,
                false => runtime::now() + Duration::from_secs(1 << 30),
            };
            self.look_until(until).await;
        }
        // Until the engine ends it: workers finish what they have begun.
        std::future::pending().await
    }

    /// Takes other arguments, if nothing changed that instances are made of.
    pub fn update(&self, arguments: &Arc<SourceFileArguments>) -> bool {
        let now = self.arguments.borrow().clone();
        let same = now.encoding == arguments.encoding
            && now.decompression == arguments.decompression
            && now.legacy_positions_file == arguments.legacy_positions_file;
        if same {
            *self.forward.borrow_mut() = self.cx.fanout(&arguments.forward_to);
            *self.arguments.borrow_mut() = arguments.clone();
            self.changed.notify_one();
        }
        same
    }

    /// Ends reading, waits for what is on its way, and saves.
    pub async fn drain(&self) {
        self.stopping.set(true);
        self.wake.notify_all();
        let idle = async {
            while self.working.get() > 0 {
                self.changed.notified().await;
            }
        };
        // What is not answered by then is read again after the start.
        let _in_time = runtime::timeout(DRAIN_MAX, idle).await;
        if self.loaded.get() {
            self.unsaved.set(true);
            self.save().await;
            if self.cx.shard_index == 0 {
                self.write_projection().await;
            }
        }
    }

    /// Looks at files when they are due, until then or until the arguments change.
    async fn look_until(self: &Rc<Self>, until: runtime::Instant) {
        while runtime::now() < until && !self.stopping.get() {
            let due = self.due();
            let paths = due.iter().map(|tail| tail.path.clone()).collect();
            let now_ns = runtime::wall_ns();
            let stats = fs::stat_all(paths).await;
            for (tail, stat) in due.into_iter().zip(stats) {
                tail.looked_ns.set(now_ns);
                self.looked(tail, stat);
            }
            let wait = self.next_look().min(until - runtime::now());
            if runtime::timeout(wait, self.changed.notified())
                .await
                .is_ok()
            {
                return;
            }
        }
    }

    fn due(&self) -> Vec<Rc<Tail>> {
        let now = runtime::now();
        let tails = self.tails.borrow();
        let due = tails.values().filter(|tail| {
            let idle = !tail.waits.get() && tail.state.borrow().is_some();
            idle && tail.due.get() <= now
        });
        due.cloned().collect()
    }

    fn next_look(&self) -> Duration {
        let watch = &self.arguments.borrow().file_watch;
        let least = LOOK_COST * u32::try_from(self.tails.borrow().len()).unwrap_or(u32::MAX);
        let shortest = watch.min_poll_frequency.min(watch.max_poll_frequency);
        shortest.max(least).max(LOOK_MIN)
    }

    fn looked(&self, tail: Rc<Tail>, stat: io::Result<fs::Stat>) {
        let watch = self.arguments.borrow().file_watch.clone();
        let archive = self.archive().is_some();
        if let Ok(stat) = &stat {
            tail.metrics.file_bytes.set(stat.len as f64);
        }
        *tail.seen.borrow_mut() = Some(stat);
        let ready = match archive {
            true => !tail.unpacked.get() && matches!(&*tail.seen.borrow(), Some(Ok(_))),
            false => tail.is_ready(),
        };
        let interval = match ready {
            true => watch.min_poll_frequency,
            false => (tail.interval.get() * 2).min(watch.max_poll_frequency),
        };
        tail.interval.set(interval.max(LOOK_MIN));
        tail.due.set(runtime::now() + tail.interval.get());
        match ready {
            true => self.enqueue(tail),
            false => tail.seen_ns.set(tail.looked_ns.get()),
        }
    }

    fn enqueue(&self, tail: Rc<Tail>) {
        tail.waits.set(true);
        self.ready.borrow_mut().push_back(tail);
        self.wake.notify_one();
    }

    fn archive(&self) -> Option<super::Decompression> {
        let arguments = self.arguments.borrow();
        let archive = arguments.decompression.clone();
        archive.filter(|archive| archive.enabled)
    }

    /// Reads what is ready, batch by batch.
    async fn work(self: Rc<Self>) {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut text = Vec::new();
        loop {
            let woken = self.wake.notified();
            if self.stopping.get() {
                return;
            }
            if self.ready.borrow().is_empty() {
                woken.await;
                continue;
            }
            self.working.set(self.working.get() + 1);
            (buffer, text) = self.batch(buffer, text).await;
            self.working.set(self.working.get() - 1);
            if self.stopping.get() {
                self.changed.notify_all();
            }
        }
    }

    async fn batch(&self, mut buffer: Vec<u8>, text: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        let mut batch = LogsBatch {
            text,
            ..LogsBatch::default()
        };
        let archive = self.archive();
        let mut taken = Vec::new();
        while batch.text.len() < BATCH_BYTES {
            let next = self.ready.borrow_mut().pop_front();
            let Some(tail) = next else { break };
            if let Some(archive) = &archive {
                tail.unpacked.set(true);
                self.unpack(&tail, archive).await;
                tail.waits.set(false);
                continue;
            }
            let state = tail.state.borrow_mut().take();
            let mut state = state.expect("it waits for nobody else");
            let lines = batch.items();
            let mut sink = Sink {
                batch: &mut batch,
                labels: &tail.labels,
                clock: &self.clock,
                too_long: 0,
            };
            let progress;
            (progress, buffer) = state.pass(&tail, &mut sink, buffer).await;
            let too_long = sink.too_long;
            self.ledger.take(too_long);
            self.ledger.drop("line_too_long", too_long);
            tail.metrics.lines.add((batch.items() - lines) as u64);
            taken.push((tail, state, progress));
        }
        let more = |(_, _, progress): &(_, _, io::Result<Progress>)| {
            matches!(progress, Ok(Progress::More))
        };
        if !taken.iter().any(more) && self.ready.borrow().is_empty() {
            batch.patience = PATIENCE;
        }
        let mut text = self.pass_on(batch).await;
        text.clear();
        let moved: Vec<Rc<Tail>> = taken
            .iter()
            .filter(|(tail, state, _)| moves(tail, state))
            .map(|(tail, ..)| tail.clone())
            .collect();
        if !moved.is_empty() {
            self.note(&moved).await;
        }
        for (tail, state, progress) in taken {
            self.settle(tail, state, progress);
        }
        (buffer, text)
    }

    /// Offers a batch until it is taken or refused for good, which its edge counts.
    async fn pass_on(&self, batch: LogsBatch) -> Vec<u8> {
        let items = batch.items() as u64;
        if items == 0 {
            return batch.text;
        }
        self.ledger.take(items);
        let forward = self.forward.borrow().clone();
        let batch = Rc::new(batch);
        match forward.insist(Batch::Logs(batch.clone())).await {
            Ok(()) => self.ledger.pass(items),
            Err(nack) => self.ledger.drop(nack.reason, items),
        }
        Rc::try_unwrap(batch).map_or_else(|_| Vec::new(), |batch| batch.text)
    }

    /// The lines that were read are acked, and that is noted.
    fn settle(&self, tail: Rc<Tail>, state: State, progress: io::Result<Progress>) {
        if let Some((read, len)) = state.bytes() {
            tail.metrics.read_bytes.set(read as f64);
            tail.metrics.file_bytes.set(len as f64);
        }
        *tail.state.borrow_mut() = Some(state);
        tail.waits.set(false);
        match progress {
            Ok(Progress::More) if !tail.removed.get() && !self.stopping.get() => self.enqueue(tail),
            Ok(_) => {
                tail.failed.set(false);
                tail.seen_ns.set(tail.looked_ns.get());
            }
            Err(error) => self.report(&tail, &error),
        }
    }

    /// Says once that a file cannot be read; it is tried again at each look.
    fn report(&self, tail: &Tail, error: &io::Error) {
        if !tail.failed.replace(true) {
            let (node, path) = (&*self.cx.node, tail.key.path.as_str());
            tracing::error!(component_id = node, path, "cannot read the file: {error}");
        }
    }

    /// Reads a compressed file, once.
    async fn unpack(&self, tail: &Rc<Tail>, archive: &super::Decompression) {
        runtime::sleep(archive.initial_delay).await;
        let start = tail.acked.get().map_or(0, |position| position.offset);
        let opened = archive::Archive::open(&tail.path, &archive.format, self.charset, start).await;
        let mut archive = match opened {
            Ok(archive) => archive,
            Err(error) => {
                let (node, path) = (&*self.cx.node, tail.key.path.as_str());
                tracing::error!(component_id = node, path, "cannot read the file: {error}");
                return;
            }
        };
        loop {
            let mut batch = LogsBatch::default();
            let mut sink = Sink {
                batch: &mut batch,
                labels: &tail.labels,
                clock: &self.clock,
                too_long: 0,
            };
            let progress = archive.read(&mut sink).await;
            let too_long = sink.too_long;
            self.ledger.take(too_long);
            self.ledger.drop("line_too_long", too_long);
            tail.metrics.lines.add(batch.items() as u64);
            self.pass_on(batch).await;
            tail.acked.set(Some(archive.position()));
            self.note(std::slice::from_ref(tail)).await;
            tail.metrics
                .read_bytes
                .set(archive.position().offset as f64);
            match progress {
                Ok(true) if !self.stopping.get() => {}
                Ok(_) => return,
                Err(error) => {
                    let (node, path) = (&*self.cx.node, tail.key.path.as_str());
                    tracing::error!(component_id = node, path, "cannot read on: {error}");
                    return;
                }
            }
        }
    }
}

/// Takes over what has been acked with the lines that were read; whether that is something new.
fn moves(tail: &Tail, state: &State) -> bool {
    let position = state.position();
    let moved = position.is_some() && position != tail.acked.get();
    if moved {
        tail.acked.set(position);
    }
    moved
}
