//! Keeps positions on disk, and shows them.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use runtime::fs;
use schema::{Block, Body, Value};

use super::files::Files;
use super::journal::Journal;
use super::positions::{self, Key, Position};
use super::tail::Tail;

/// How often it is asked whether positions have to be written whole.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// Limit: bytes of a journal; beyond it and beyond a few times what all positions take, they are
/// written whole. Reading it at the start costs some milliseconds.
const JOURNAL_BYTES_MIN: u64 = 1 << 20;

/// What a file's position takes, written whole, and how often that may stand in the journal first.
const POSITION_BYTES: u64 = 250;
const JOURNAL_FACTOR: u64 = 4;

/// How often the reference's positions file is written.
const PROJECT_INTERVAL: Duration = Duration::from_secs(10);

impl Files {
    pub(super) async fn keep_positions(self: Rc<Self>) {
        loop {
            runtime::sleep(SAVE_INTERVAL).await;
            let whole = self.tails.borrow().len() as u64 * POSITION_BYTES * JOURNAL_FACTOR;
            if self.journal.borrow().bytes() > whole.max(JOURNAL_BYTES_MIN) {
                self.unsaved.set(true);
            }
            self.save().await;
        }
    }

    /// Begins with what is known: files that no target names yet keep their positions, those that
    /// are gone do not.
    pub(super) async fn save_first(&self) {
        let waiting = |key: &&Key| !self.tails.borrow().contains_key(*key);
        let keys: Vec<Key> = self
            .stored
            .borrow()
            .keys()
            .filter(waiting)
            .cloned()
            .collect();
        let paths = keys.iter().map(|key| PathBuf::from(&key.path)).collect();
        let stats = fs::stat_all(paths).await;
        for (key, stat) in keys.iter().zip(stats) {
            if stat.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                self.stored.borrow_mut().remove(key);
            }
        }
        self.unsaved.set(true);
        self.save().await;
    }

    /// Positions that have just been acked are on disk before their files are read on. What a
    /// killed process delivers again is what was acked and had not come to this.
    pub(super) async fn note(&self, moved: &[Rc<Tail>]) {
        let moved = moved
            .iter()
            .filter_map(|tail| Some((&tail.key, tail.position()?, &tail.place)));
        let piece = self.journal.borrow_mut().lines(moved);
        let Some(piece) = piece else { return };
        if let Err(error) = piece.write().await {
            self.unsaved.set(true);
            self.report_unsaved(&error);
        }
    }

    /// Writes positions whole, and begins the next journal before that, so that none is lost
    /// between.
    pub(super) async fn save(&self) {
        if !self.unsaved.replace(false) {
            return;
        }
        if let Err(error) = self.try_save().await {
            self.unsaved.set(true);
            self.report_unsaved(&error);
        }
    }

    async fn try_save(&self) -> io::Result<()> {
        let _turn = self.saving.acquire(1).await;
        fs::create_dir_all(&self.folder).await?;
        let (stem, begun) = {
            let journal = self.journal.borrow();
            (journal.stem().to_owned(), journal.begun())
        };
        let file = Journal::open_next(&stem, begun).await?;
        let saved_ms = {
            let mut journal = self.journal.borrow_mut();
            journal.begin(file);
            journal.next_ms()
        };
        let all = self.positions();
        let entries = all.iter().map(|(key, position)| (key, *position));
        positions::save(&self.folder, self.cx.shard_index, saved_ms, entries).await
    }

    /// Of all files that this shard reads, or will when a target names them.
    fn positions(&self) -> Vec<(Key, Position)> {
        let tails = self.tails.borrow();
        let stored = self.stored.borrow();
        let owned = |key: &Key| self.cx.owns(stdx::fnv1a(key.path.as_bytes()));
        let waiting = stored.iter().filter_map(|(key, position)| {
            let position = *position.as_ref().ok()?;
            (!tails.contains_key(key) && owned(key)).then(|| (key.clone(), position))
        });
        let read = tails
            .iter()
            .filter_map(|(key, tail)| Some((key.clone(), tail.position()?)));
        waiting.chain(read).collect()
    }

    fn report_unsaved(&self, error: &io::Error) {
        let node = &*self.cx.node;
        tracing::error!(
            component_id = node,
            "cannot save positions of files: {error}"
        );
    }

    pub(super) async fn project(self: Rc<Self>) {
        if self.cx.shard_index != 0 {
            return;
        }
        loop {
            runtime::sleep(PROJECT_INTERVAL).await;
            self.write_projection().await;
        }
    }

    pub(super) async fn write_projection(&self) {
        if let Err(error) = positions::project(&self.folder).await {
            let node = &*self.cx.node;
            tracing::warn!(component_id = node, "positions.yml is not written: {error}");
        }
    }

    /// What the API shows of the targets.
    pub fn inspect(&self) -> Body {
        let mut body = Body::default();
        for (key, tail) in &*self.tails.borrow() {
            let offset = tail.position().map_or(0, |position| position.offset);
            let fields = [
                ("path", Value::string(key.path.as_str())),
                ("labels", Value::string(key.labels.as_str())),
                ("is_running", Value::from(!tail.failed.get())),
                ("read_offset", Value::from(offset as i64)),
            ];
            let block = Block::new("targets_info", Body::of(fields));
            body.blocks.push(block);
        }
        body
    }
}
