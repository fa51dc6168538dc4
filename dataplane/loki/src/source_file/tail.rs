//! One target: the file of its name, and those that had it before and are not read to their end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use batch::LabelsBuf;
use runtime::Instant;
use runtime::fs::{self, Identity, Stat};
use runtime::metrics::{Counter, Gauge};

use super::charset::Charset;
use super::journal::Place;
use super::opened::{Head, Opened, Progress, Sink};
use super::positions::{Key, Known, Position};

/// How long a file that lost its name is read on after its last growth: whoever writes it may take
/// a while to notice.
const LEFT_KEPT: Duration = Duration::from_secs(5);

/// How long the bytes behind the last line of such a file may wait for the rest of their line.
const REST_KEPT: Duration = Duration::from_secs(1);

/// Times of files come of a clock that is read some milliseconds before.
const CLOCK_COARSE_NS: i64 = 20_000_000;

/// Limit: files that were read, by which they are told from new ones in the folder.
const RECENT_MAX: usize = 64;

/// What a tail begins with.
pub struct Start {
    pub position: Option<Position>,
    pub from_end: bool,
    pub charset: Charset,
}

/// One target.
pub struct Tail {
    pub key: Key,
    pub path: PathBuf,
    /// Of the target, with the file's name.
    pub labels: Rc<LabelsBuf>,
    pub start: Start,
    /// Taken out by the worker that works on it.
    pub state: RefCell<Option<State>>,
    /// What of the files has been acked.
    pub acked: Cell<Option<Position>>,
    /// Where the journal has it.
    pub place: Cell<Option<Place>>,
    /// What the last look showed; an error for a name that leads nowhere.
    pub seen: RefCell<Option<io::Result<Stat>>>,
    /// Wall clock just before the last look, and before the last one that is dealt with.
    pub looked_ns: Cell<i64>,
    pub seen_ns: Cell<i64>,
    pub due: Cell<Instant>,
    pub interval: Cell<Duration>,
    pub waits: Cell<bool>,
    pub removed: Cell<bool>,
    pub failed: Cell<bool>,
    /// A compressed file is read once.
    pub unpacked: Cell<bool>,
    pub metrics: Metrics,
}

pub struct Metrics {
    pub read_bytes: Gauge,
    pub file_bytes: Gauge,
    pub lines: Counter,
    pub truncations: Counter,
}

/// The files of a target.
#[derive(Default)]
pub struct State {
    /// The oldest first; the last one has the name unless it has `left`.
    opens: VecDeque<Opened>,
    started: bool,
    /// Once such a file is deleted another may get its inode, which the head then tells.
    recent: VecDeque<(Identity, Head)>,
}

impl Tail {
    /// Whether the last look showed something to do.
    pub fn is_ready(&self) -> bool {
        let state = self.state.borrow();
        let Some(state) = &*state else { return false };
        let seen = self.seen.borrow();
        let live = state.opens.back().filter(|open| open.left.is_none());
        let old = state.opens.len() - usize::from(live.is_some());
        if old > 0 {
            return true;
        }
        match (&*seen, live) {
            (None, _) => false,
            (Some(Err(_)), live) => live.is_some(),
            (Some(Ok(stat)), None) => !stat.is_dir,
            (Some(Ok(stat)), Some(live)) => {
                live.identity != stat.identity || live.seen != Some((stat.len, stat.modified_ns))
            }
        }
    }

    /// What there is to keep of the position.
    pub fn position(&self) -> Option<Position> {
        self.acked.get()
    }
}

impl State {
    /// Follows the name, then reads a chunk of the first file that has one.
    pub async fn pass(
        &mut self,
        tail: &Tail,
        sink: &mut Sink<'_>,
        mut buffer: Vec<u8>,
    ) -> (io::Result<Progress>, Vec<u8>) {
        if let Err(error) = self.follow(tail).await {
            return (Err(error), buffer);
        }
        let count = self.opens.len();
        for (index, open) in self.opens.iter_mut().enumerate() {
            let progress;
            (progress, buffer) = open.read(sink, buffer).await;
            match progress {
                Ok(Progress::End { partial }) if partial > 0 && index + 1 < count => {
                    // What comes after has to wait for the rest of the line.
                    if open.grew.elapsed() < REST_KEPT {
                        return (progress, buffer);
                    }
                    if let Err(error) = open.take_rest(sink).await {
                        return (Err(error), buffer);
                    }
                }
                Ok(Progress::End { .. }) => {}
                other => return (other, buffer),
            }
        }
        let result = self.close_left(sink).await;
        (result.map(|()| Progress::End { partial: 0 }), buffer)
    }

    /// Closes files that lost their name and grow no more.
    async fn close_left(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        while let Some(open) = self.opens.front_mut()
            && let Some(left) = open.left
            && left.elapsed() >= LEFT_KEPT
            && open.grew.elapsed() >= LEFT_KEPT
        {
            open.take_rest(sink).await?;
            let (identity, head) = (open.identity, open.head);
            let mut recent = self.recent.iter_mut();
            if let Some(known) = recent.find(|(other, _)| *other == identity) {
                known.1 = head;
            }
            self.opens.pop_front();
        }
        Ok(())
    }

    /// What is delivered with the lines that were read so far.
    pub fn position(&self) -> Option<Position> {
        // The oldest file with something left decides; younger ones are then read again.
        let unread = |open: &&Opened| open.left.is_none() || open.seen.is_none() || open.rest > 0;
        let open = self.opens.iter().find(unread).or(self.opens.back())?;
        Some(Position {
            offset: open.offset,
            file: Some(Known {
                identity: open.identity,
                head: open.head,
                modified_ns: open.modified_ns,
            }),
        })
    }

    /// Bytes read and bytes there, of the file with the name.
    pub fn bytes(&self) -> Option<(u64, u64)> {
        let live = self.opens.back()?;
        let len = live.file.stat().map_or(live.offset, |stat| stat.len);
        Some((live.offset, len))
    }

    async fn follow(&mut self, tail: &Tail) -> io::Result<()> {
        let seen = match &*tail.seen.borrow() {
            Some(Ok(stat)) => Some(*stat),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
            Some(Err(_)) | None => None,
        };
        let live = self.opens.back_mut().filter(|open| open.left.is_none());
        match (live, seen) {
            (None, None) => Ok(()),
            (Some(live), None) => {
                live.leave();
                Ok(())
            }
            (Some(live), Some(stat)) if live.identity == stat.identity => {
                grown_or_cut(live, &stat, tail).await
            }
            (_, Some(_)) => self.open_name(tail).await,
        }
    }

    /// Another file has the name, or there is the first one.
    async fn open_name(&mut self, tail: &Tail) -> io::Result<()> {
        let opened = Opened::open(&tail.path, tail.start.charset).await;
        let (mut opened, start) = match opened {
            Ok(opened) => opened,
            // Gone again: the next look tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !self.started {
            self.begin(tail, &mut opened, &start).await?;
            self.started = true;
        } else if let Some(old) = self.opens.back_mut() {
            if old.identity == opened.identity {
                old.left = None;
                return Ok(());
            }
            if old.left.is_none() {
                old.leave();
            }
            let links = old.file.stat().map_or(1, |stat| stat.links);
            if links == 0 && old.head.fits(&start) {
                // Compat: a file that was replaced by one that begins alike is the same, written
                // anew with its old content.
                let len = opened.file.stat()?.len;
                opened.resume(old.offset.min(len));
                self.opens.clear();
            } else {
                let since_ns = tail.seen_ns.get() - CLOCK_COARSE_NS;
                self.between(tail, opened.identity, since_ns, None).await?;
            }
        }
        self.note(&opened);
        self.opens.push_back(opened);
        Ok(())
    }

    /// The first file: goes on where an earlier run has ended, in another file if need be.
    async fn begin(&mut self, tail: &Tail, opened: &mut Opened, start: &[u8]) -> io::Result<()> {
        let Some(position) = tail.start.position else {
            if tail.start.from_end {
                opened.skip_to_end().await?;
            }
            return Ok(());
        };
        let len = opened.file.stat()?.len;
        let Some(known) = position.file else {
            // Of the reference, which knows no identity: a shorter file is another one.
            if position.offset <= len {
                opened.resume(position.offset);
            }
            return Ok(());
        };
        let Known { identity, head, .. } = known;
        // Of a file that was empty only the identity is known; nothing of it was read.
        let same_content = |start: &[u8]| head.len == 0 || head.fits(start);
        if opened.identity == identity && same_content(start) {
            if position.offset <= len {
                opened.resume(position.offset);
            }
            return Ok(());
        }
        // Renamed while nobody looked.
        for (path, stat) in siblings(&tail.path).await? {
            if stat.identity != identity {
                continue;
            }
            let (mut old, start) = Opened::open(&path, tail.start.charset).await?;
            if old.identity != identity || !same_content(&start) {
                continue;
            }
            old.resume(position.offset);
            old.leave();
            self.note(&old);
            self.opens.push_back(old);
            return self
                .between(tail, opened.identity, stat.modified_ns, None)
                .await;
        }
        // Compat: the file was replaced by one that begins alike.
        if head.fits(start) {
            opened.resume(position.offset.min(len));
            return Ok(());
        }
        if known.modified_ns == 0 {
            return Ok(());
        }
        // Deleted since, but not those that came after it; one that begins alike is its copy.
        let copy = Some((head, position.offset));
        self.between(tail, opened.identity, known.modified_ns, copy)
            .await
    }

    /// Files that had the name since `since_ns` and lost it before anybody looked. One with the
    /// head of `copy` was read that far under another identity.
    async fn between(
        &mut self,
        tail: &Tail,
        now: Identity,
        since_ns: i64,
        copy: Option<(Head, u64)>,
    ) -> io::Result<()> {
        let mut found = siblings(&tail.path).await?;
        let open = |identity: Identity| {
            let mut opens = self.opens.iter();
            identity == now || opens.any(|open| open.identity == identity)
        };
        found.retain(|(_, stat)| !open(stat.identity) && since_ns <= stat.modified_ns);
        // The oldest first; of one time the highest number is the oldest.
        found.sort_by(|(left_path, left), (right_path, right)| {
            let names = right_path.cmp(left_path);
            left.modified_ns.cmp(&right.modified_ns).then(names)
        });
        for (path, stat) in found {
            match Opened::open(&path, tail.start.charset).await {
                Ok((_, start)) if self.was_read(stat.identity, &start) => {}
                Ok((mut opened, start)) if opened.identity == stat.identity => {
                    if let Some((_, offset)) = copy.filter(|(head, _)| head.fits(&start)) {
                        opened.resume(offset);
                    }
                    opened.leave();
                    self.note(&opened);
                    self.opens.push_back(opened);
                }
                // Renamed once more: it is found under its next name at the next rotation.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn note(&mut self, opened: &Opened) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((opened.identity, opened.head));
    }

    /// Whether the file with this beginning is one that was open before.
    fn was_read(&self, identity: Identity, start: &[u8]) -> bool {
        let mut recent = self.recent.iter();
        recent.any(|(other, head)| *other == identity && head.fits(start))
    }
}

/// The file of the name is the same as before: longer, shorter, or written anew.
async fn grown_or_cut(live: &mut Opened, stat: &Stat, tail: &Tail) -> io::Result<()> {
    if live.seen == Some((stat.len, stat.modified_ns)) {
        return Ok(());
    }
    let before = live.head;
    if live.is_written_anew().await? {
        tail.metrics.truncations.inc();
        return live.rewind().await;
    }
    if stat.len < live.offset {
        tail.metrics.truncations.inc();
        // Compat: what begins as before was cut, and is not read again.
        if before.len > 0 && live.head.len >= before.len {
            live.offset = stat.len;
            return Ok(());
        }
        return live.rewind().await;
    }
    Ok(())
}

/// Files of the folder whose names go on from this one, as those of rotated files do; compressed
/// ones are copies.
async fn siblings(path: &Path) -> io::Result<Vec<(PathBuf, Stat)>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let name = name.to_string_lossy();
    let rotated = |other: &str| {
        let rest = other.strip_prefix(&*name);
        let rest = rest.filter(|rest| rest.starts_with(['.', '-', '_', '~']));
        rest.is_some_and(|rest| !COMPRESSED.iter().any(|suffix| rest.ends_with(suffix)))
    };
    let entries = fs::read_dir(folder).await?;
    let paths: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| !entry.is_dir && rotated(&entry.name))
        .map(|entry| folder.join(&entry.name))
        .collect();
    let stats = fs::stat_all(paths.clone()).await;
    let found = paths.into_iter().zip(stats);
    Ok(found
        .filter_map(|(path, stat)| Some((path, stat.ok()?)))
        .collect())
}

const COMPRESSED: [&str; 8] = [".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4", ".Z", ".tmp"];
