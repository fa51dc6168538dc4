//! Dead letters: records that a destination refused for good, kept with its reason.
//!
//! ```text
//! NODE/dead-letters/MS-SHARD-RANDOM.letter    a line of JSON, then the record's bytes
//!                  /MS-SHARD-RANDOM.redrive   the same, renamed by who wants it sent again
//! ```
//!
//! A letter is on disk before its record leaves the log. The sender of the first shard looks for
//! letters to send again; what is taken goes, what is refused once more becomes a new letter. Sent
//! again means late: such a record comes after what was logged since.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use runtime::Instant;
use runtime::fs;
use runtime::metrics::Counter;
use serde_json::{Value, json};
use wal::Record;

use crate::build::Build;
use crate::throttle::Throttle;

/// The folder of a node's letters.
pub const FOLDER: &str = "dead-letters";
/// The end of the name of a letter that is kept.
pub const KEPT: &str = "letter";
/// The end of the name of one that is to be sent again.
pub const REDRIVE: &str = "redrive";

/// Limit: letters of one node. At it refused records are counted and not kept, so that those stay
/// that tell how the trouble began.
const BYTES_MAX: u64 = 64 << 20;

/// Limit: the first line of a letter. What a destination said is cut to 1 KiB before.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How often a full folder is looked at again, for letters that were sent or removed.
const RECOUNT: Duration = Duration::from_secs(10);

/// How often trouble with the folder is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub node: String,
    pub destination: String,
    /// In one word, as in metrics.
    pub reason: String,
    /// In the destination's words.
    pub message: String,
    /// When it was logged, and when it was refused: milliseconds since 1970.
    pub appended_ms: i64,
    pub refused_ms: i64,
    /// Of the record, as its sender reads it.
    pub kind: u8,
    pub items: u32,
    pub payload: Bytes,
}

impl Letter {
    pub fn encode(&self) -> Vec<u8> {
        let head = json!({
            "node": self.node,
            "destination": self.destination,
            "reason": self.reason,
            "message": self.message,
            "appended_ms": self.appended_ms,
            "refused_ms": self.refused_ms,
            "kind": self.kind,
            "items": self.items,
            "payload_bytes": self.payload.len(),
        });
        let mut file = head.to_string().into_bytes();
        file.push(b'\n');
        file.extend_from_slice(&self.payload);
        file
    }

    /// Reads a file; the error says what is wrong with it.
    pub fn decode(file: &[u8]) -> Result<Letter, String> {
        let line_max = file.len().min(HEAD_BYTES_MAX);
        let line = file[..line_max].iter().position(|byte| *byte == b'\n');
        let end = line.ok_or("its first line has no end")?;
        let head: Value = serde_json::from_slice(&file[..end])
            .map_err(|error| format!("its first line is not JSON: {error}"))?;
        let payload = &file[end + 1..];
        let number = |name: &str| {
            let number = head.get(name).and_then(Value::as_i64);
            number.ok_or_else(|| format!("its field {name:?} is missing or no number"))
        };
        let text = |name: &str| {
            let text = head.get(name).and_then(Value::as_str);
            let text = text.map(str::to_owned);
            text.ok_or_else(|| format!("its field {name:?} is missing or no text"))
        };
        let small = |name: &str| {
            let number = u32::try_from(number(name)?);
            number.map_err(|_| format!("its field {name:?} is out of range"))
        };
        let (bytes, found) = (number("payload_bytes")?, payload.len());
        if usize::try_from(bytes).ok() != Some(found) {
            return Err(format!("it should hold {bytes} bytes and holds {found}"));
        }
        let kind = u8::try_from(small("kind")?).map_err(|_| "its kind is out of range")?;
        Ok(Letter {
            node: text("node")?,
            destination: text("destination")?,
            reason: text("reason")?,
            message: text("message")?,
            appended_ms: number("appended_ms")?,
            refused_ms: number("refused_ms")?,
            kind,
            items: small("items")?,
            payload: Bytes::copy_from_slice(payload),
        })
    }
}

/// Keeps the letters of one destination.
pub struct DeadLetters {
    cx: Build,
    destination: String,
    folder: PathBuf,
    /// Bytes in the folder, when it was counted.
    counted: Cell<Option<(u64, Instant)>>,
    kept: Counter,
    lost: Counter,
    trouble: Throttle,
}

const TOTAL: &str = "invar_dead_letters_total";
const TOTAL_HELP: &str =
    "Records that were refused for good: kept below the storage path, or lost for want of room.";

impl DeadLetters {
    pub fn new(cx: &Build, destination: &str) -> DeadLetters {
        let counter = |result| {
            let labels = [
                ("component_id", &*cx.node),
                ("endpoint", destination),
                ("result", result),
            ];
            cx.registry.counter(TOTAL, TOTAL_HELP, &labels)
        };
        DeadLetters {
            destination: destination.to_owned(),
            folder: cx.node_folder().join(FOLDER),
            counted: Cell::new(None),
            kept: counter("kept"),
            lost: counter("lost"),
            trouble: Throttle::new(LOG_INTERVAL),
            cx: cx.clone(),
        }
    }

    /// Writes a letter and syncs it. Without room, or when it cannot be written, the record is
    /// lost, which is counted.
    pub async fn keep(&self, record: &Record, reason: &str, message: &str) {
        let letter = Letter {
            node: self.cx.node.to_string(),
            destination: self.destination.clone(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            appended_ms: record.appended_ms,
            refused_ms: runtime::wall_ms(),
            kind: record.kind,
            items: record.items,
            payload: record.payload.clone(),
        };
        match self.write(&letter).await {
            Ok(true) => self.kept.inc(),
            Ok(false) => self.lost.inc(),
            Err(error) => {
                self.lost.inc();
                self.complain("write to", &self.folder, &error.to_string());
            }
        }
    }

    async fn write(&self, letter: &Letter) -> std::io::Result<bool> {
        fs::create_dir_all(&self.folder).await?;
        let file = letter.encode();
        let bytes = file.len() as u64;
        let before = self.count(bytes).await?;
        if BYTES_MAX < before.0 + bytes {
            return Ok(false);
        }
        let (time, shard) = (letter.refused_ms, self.cx.shard_index);
        let random = runtime::random_u64() as u32;
        let name = format!("{time}-{shard}-{random:08x}.{KEPT}");
        fs::write_atomic(&self.folder.join(name), file).await?;
        self.counted.set(Some((before.0 + bytes, before.1)));
        Ok(true)
    }

    /// How many bytes there are; counted again when there is no room for `more`, now and then.
    async fn count(&self, more: u64) -> std::io::Result<(u64, Instant)> {
        if let Some(counted) = self.counted.get()
            && (counted.0 + more <= BYTES_MAX || runtime::now() - counted.1 < RECOUNT)
        {
            return Ok(counted);
        }
        let entries = fs::read_dir(&self.folder).await?;
        let bytes = entries.iter().map(|entry| entry.len).sum();
        let counted = (bytes, runtime::now());
        self.counted.set(Some(counted));
        Ok(counted)
    }

    /// The files that somebody wants sent again, oldest first; nothing when there is no folder.
    pub async fn redriven(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).await.unwrap_or_default();
        let wanted = entries.into_iter().filter(|entry| {
            let end = Path::new(&entry.name).extension();
            !entry.is_dir && end.is_some_and(|end| end == REDRIVE)
        });
        wanted.map(|entry| self.folder.join(entry.name)).collect()
    }

    /// The letter in a file, if it is this destination's.
    pub async fn read(&self, path: &Path) -> Option<Letter> {
        let file = fs::read(path).await.map_err(|error| error.to_string());
        match file.and_then(|file| Letter::decode(&file)) {
            Ok(letter) => Some(letter).filter(|letter| letter.destination == self.destination),
            Err(error) => {
                self.complain("read", path, &error);
                None
            }
        }
    }

    /// A letter was sent, or refused again and kept anew.
    pub async fn remove(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path).await {
            self.complain("remove", path, &error.to_string());
        }
    }

    fn complain(&self, what: &str, path: &Path, error: &str) {
        if let Some(held_back) = self.trouble.pass() {
            tracing::warn!(
                component_id = &*self.cx.node,
                endpoint = self.destination,
                held_back,
                "cannot {what} \"{}\" for refused records: {error}",
                path.display(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            node: "test.out.x".to_owned(),
            destination: "d".to_owned(),
            reason: "rejected".to_owned(),
            message: "no\n\"thing\"".to_owned(),
            appended_ms: 1,
            refused_ms: 2,
            kind: 3,
            items: 4,
            payload: Bytes::from_static(b"\n{}\0"),
        }
    }

    #[test]
    fn a_letter_is_read_as_it_was_written() {
        assert_eq!(Letter::decode(&letter().encode()), Ok(letter()));
    }

    #[test]
    fn damaged_letters_are_refused_with_what_is_wrong() {
        let file = letter().encode();
        let short = &file[..file.len() - 1];
        let cases: [(&[u8], &str); 4] = [
            (b"", "its first line has no end"),
            (
                b"{}\n",
                "its field \"payload_bytes\" is missing or no number",
            ),
            (b"[\n", "its first line is not JSON"),
            (short, "it should hold 4 bytes and holds 3"),
        ];
        for (file, expected) in cases {
            let error = Letter::decode(file).expect_err("damaged");
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
