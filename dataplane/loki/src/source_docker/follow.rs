//! One container: asks whether it is there, and follows its log.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch};
use formats::docker_log::{Frames, Line, Stream};
use net::{BodyLimits, Request, StatusCode, Streamed, Target};
use ops::gotime::parse_rfc3339;
use serde_json::Value;

use super::run::{Containers, Reading};
use crate::cursors::Cursors;
use crate::source_file::positions::Key;

/// How long after its end a container is looked at again, as in the reference.
const RESTART_INTERVAL: Duration = Duration::from_secs(5);

/// Limit: bytes of the answer about one container.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

const SECOND_NS: i64 = 1_000_000_000;

/// A container that is followed.
pub struct Tail {
    pub id: String,
    pub key: Key,
    /// Labels of lines of stdout and stderr.
    streams: [Rc<LabelsBuf>; 2],
    reading: Rc<Reading>,
    cursors: Rc<Cursors>,
    cursor: Cell<Cursor>,
    /// Seconds since 1970 when a line came last.
    last_s: Cell<i64>,
    pub running: Cell<bool>,
    /// What went wrong last.
    pub error: RefCell<String>,
}

/// How far a log was read.
///
/// Times of one stream ascend, those of the two do not quite: so each has its own, and the engine
/// is asked from a second before the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Seconds since 1970, all that the reference knows.
    since_s: i64,
    /// The last line of each stream, in nanoseconds.
    streams_ns: [i64; 2],
}

/// Lines that were read, and where that leads.
pub struct Followed {
    pub batch: LogsBatch,
    pub cursor: Cursor,
    pub untimed: u64,
    pub too_long: u64,
}

/// What the engine says of a container.
struct Inspected {
    terminal: bool,
    running: bool,
    /// Seconds since 1970.
    finished_s: i64,
}

/// Why a container is not followed.
enum Failure {
    /// There is no such container any more.
    Gone,
    Failed(String),
}

impl Cursor {
    /// Of one, or of the reference's: anything else is none.
    fn parse(text: &str) -> Option<Cursor> {
        let mut numbers = text.split(' ').map(str::parse::<i64>);
        let since_s = numbers.next()?.ok()?;
        let mut stream = || numbers.next().and_then(Result::ok).unwrap_or(0);
        let streams_ns = [stream(), stream()];
        Some(Cursor {
            since_s,
            streams_ns,
        })
    }

    pub fn to_text(self) -> String {
        let [stdout, stderr] = self.streams_ns;
        format!("{} {stdout} {stderr}", self.since_s)
    }

    /// Where to ask from.
    fn since(self) -> i64 {
        match self.streams_ns {
            [0, 0] => self.since_s,
            _ => (self.since_s - 1).max(0),
        }
    }

    /// Whether a line was not read before.
    fn take(&mut self, stream: Stream, time_ns: i64) -> bool {
        let last = &mut self.streams_ns[stream as usize];
        if time_ns <= *last {
            return false;
        }
        *last = time_ns;
        self.since_s = self.since_s.max(time_ns.div_euclid(SECOND_NS));
        true
    }
}

impl Tail {
    pub fn new(
        id: String,
        key: Key,
        streams: [Rc<LabelsBuf>; 2],
        reading: Rc<Reading>,
        cursors: Rc<Cursors>,
    ) -> Tail {
        let stored = cursors.get(&key);
        let cursor = stored.as_deref().and_then(Cursor::parse);
        Tail {
            id,
            key,
            streams,
            reading,
            cursors,
            cursor: Cell::new(cursor.unwrap_or_default()),
            last_s: Cell::new(0),
            running: Cell::new(false),
            error: RefCell::default(),
        }
    }

    pub fn moved(&self, cursor: Cursor) {
        self.cursor.set(cursor);
        self.cursors.set(&self.key, cursor.to_text());
    }

    /// Adds a line that has come.
    fn take(&self, stream: Stream, line: Line<'_>, seen: &mut Followed) {
        let Line::Whole(line) = line else {
            seen.too_long += 1;
            return;
        };
        let entry = || {
            let blank = memchr::memchr(b' ', line)?;
            let time = std::str::from_utf8(&line[..blank]).ok()?;
            Some((parse_rfc3339(time)?, &line[blank + 1..]))
        };
        let Some((time_ns, text)) = entry() else {
            seen.untimed += 1;
            return;
        };
        if seen.cursor.take(stream, time_ns) && !text.is_empty() {
            let labels = &self.streams[stream as usize];
            seen.batch.add_line(labels, time_ns, text);
        }
    }

    /// Asks the engine how the container is.
    async fn inspect(&self) -> Result<Inspected, Failure> {
        let target = self.target("json")?;
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        let request = Request::get(&target);
        let answer = self
            .reading
            .client
            .send(&request, self.reading.answer_timeout, limits)
            .await;
        let answer = answer.map_err(|error| Failure::Failed(error.to_string()))?;
        match answer.head.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Failure::Gone),
            status => return Err(Failure::Failed(format!("the engine answered {status}"))),
        }
        let found: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::Failed(format!("the engine's answer is no JSON: {error}")))?;
        let flag = |of: &str, name: &str| found[of][name].as_bool().unwrap_or(false);
        let finished = found["State"]["FinishedAt"].as_str();
        let finished_ns = finished.and_then(parse_rfc3339).unwrap_or(0);
        Ok(Inspected {
            terminal: flag("Config", "Tty"),
            running: flag("State", "Running"),
            finished_s: finished_ns.div_euclid(SECOND_NS),
        })
    }

    async fn open_log(&self) -> Result<Streamed, Failure> {
        let since = self.cursor.get().since();
        let query = format!("logs?follow=1&since={since}&stderr=1&stdout=1&timestamps=1");
        let request = Request::get(&self.target(&query)?);
        let opened = self
            .reading
            .client
            .open(&request, self.reading.answer_timeout)
            .await;
        let opened = opened.map_err(|error| Failure::Failed(error.to_string()))?;
        match opened.head.status {
            StatusCode::OK => Ok(opened),
            StatusCode::NOT_FOUND => Err(Failure::Gone),
            status => Err(Failure::Failed(format!("the engine answered {status}"))),
        }
    }

    fn target(&self, rest: &str) -> Result<Target, Failure> {
        // Ids are of users' labels.
        let mut escaped = String::with_capacity(self.id.len());
        for byte in self.id.bytes() {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => {
                    escaped.push(char::from(byte));
                }
                other => write!(escaped, "%{other:02X}").expect("a text takes all"),
            }
        }
        let url = format!("{}/containers/{escaped}/{rest}", self.reading.url);
        Target::parse(&url).map_err(|error| Failure::Failed(error.to_string()))
    }
}

impl Containers {
    /// Follows a container until it is gone.
    pub(super) async fn follow(self: Rc<Self>, tail: Rc<Tail>) {
        let mut first = true;
        loop {
            match self.turn(&tail, first).await {
                Ok(()) => tail.error.borrow_mut().clear(),
                Err(Failure::Gone) => {
                    tail.cursors.remove(&tail.key);
                    let (node, id) = (self.node(), tail.id.as_str());
                    tracing::info!(component_id = node, container = id, "the container is gone");
                    return;
                }
                Err(Failure::Failed(error)) => self.report(&tail, error),
            }
            tail.running.set(false);
            first = false;
            runtime::sleep(RESTART_INTERVAL).await;
        }
    }

    async fn turn(&self, tail: &Tail, first: bool) -> Result<(), Failure> {
        let found = tail.inspect().await?;
        // A container that has ended may still have lines that were not read.
        if !first && !found.running && found.finished_s < tail.last_s.get() {
            return Ok(());
        }
        let mut log = tail.open_log().await?;
        tail.running.set(true);
        let mut frames = Frames::new(found.terminal);
        loop {
            let chunk = log.chunk().await;
            let chunk = chunk.map_err(|error| Failure::Failed(error.to_string()))?;
            let mut seen = Followed {
                batch: LogsBatch::default(),
                cursor: tail.cursor.get(),
                untimed: 0,
                too_long: 0,
            };
            let mut take = |stream: Stream, line: Line<'_>| tail.take(stream, line, &mut seen);
            let fed = match &chunk {
                Some(bytes) => frames.feed(bytes, &mut take),
                None => {
                    frames.finish(&mut take);
                    Ok(())
                }
            };
            if self.stopping.get() {
                return std::future::pending().await;
            }
            if seen.cursor != tail.cursor.get() || seen.untimed + seen.too_long > 0 {
                tail.last_s.set(runtime::wall_ms().div_euclid(1000));
                self.pass_on(tail, seen).await;
            }
            fed.map_err(Failure::Failed)?;
            if chunk.is_none() {
                return Ok(());
            }
        }
    }

    /// Says once what is wrong, until it is something else.
    fn report(&self, tail: &Tail, error: String) {
        let known = tail.error.replace(error.clone());
        if known != error {
            let (node, container) = (self.node(), tail.id.as_str());
            tracing::error!(
                component_id = node,
                container,
                "cannot follow the log: {error}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_the_reference_are_read() {
        let seconds = Cursor::parse("1700").expect("it is one");
        assert_eq!((seconds.since(), seconds.streams_ns), (1700, [0, 0]));
        let own = Cursor::parse("1700 1700000000001 5").expect("it is one");
        assert_eq!(own.since(), 1699);
        assert_eq!(Cursor::parse(&own.to_text()), Some(own));
        assert_eq!(Cursor::parse("x"), None);
    }

    #[test]
    fn a_line_is_taken_once() {
        let mut cursor = Cursor::default();
        assert!(cursor.take(Stream::Stdout, 2 * SECOND_NS));
        assert!(!cursor.take(Stream::Stdout, 2 * SECOND_NS));
        // The other stream may be a little behind.
        assert!(cursor.take(Stream::Stderr, 2 * SECOND_NS - 1));
        assert_eq!((cursor.since_s, cursor.since()), (2, 1));
    }
}
