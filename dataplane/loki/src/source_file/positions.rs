//! How far files were read, over restarts.
//!
//! `positions-shard-N.json` holds what a shard knows, a line for each file: path, labels, offset,
//! identity, head; what moved since is in its journal. `positions.yml` is the reference's file:
//! read where there is none of ours yet, written on so that its readers find what they know.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use runtime::fs::{self, Identity};
use serde_json::{Value, json};

use super::opened::Head;
use super::{journal, yaml};

/// What a position is kept for: a path and the labels of its target, as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub path: String,
    pub labels: String,
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub offset: u64,
    /// Which file that was; not known of the reference's positions.
    pub file: Option<Known>,
}

/// A file as it was when it was read that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub identity: Identity,
    pub head: Head,
    /// Its last change, by which files that came later are found once it is deleted; 0 where that
    /// is not known.
    pub modified_ns: i64,
}

/// A position that could be read, or the text of one that could not.
pub type Stored = Result<Position, String>;

/// The reference's file.
const PROJECTION: &str = "positions.yml";
/// What files of shards begin with.
const OURS: &str = "positions-shard-";

/// A position that a process has saved, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub key: Key,
    pub position: Position,
    pub saved_ms: i64,
}

/// What is written of a file that is not known.
pub const NO_FILE: Known = Known {
    identity: Identity {
        device: 0,
        inode: 0,
    },
    head: Head { len: 0, hash: 0 },
    modified_ns: 0,
};

/// All that was found.
#[derive(Default)]
pub struct Found {
    pub positions: HashMap<Key, Stored>,
    /// The latest time of a position.
    pub saved_ms: i64,
}

/// Reads all positions below a node's folder, those of former shards, too.
pub async fn load(folder: &Path, legacy: &str) -> Result<Found, String> {
    if let Some(found) = load_ours(folder).await? {
        return Ok(found);
    }
    let positions = load_foreign(folder, legacy).await?;
    Ok(Found {
        positions,
        saved_ms: 0,
    })
}

/// Nothing when no shard has saved any yet.
async fn load_ours(folder: &Path) -> Result<Option<Found>, String> {
    let entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(folder, &error)),
    };
    let ours = |name: &str| Some(name.strip_suffix(".json")?.to_owned());
    let shards: Vec<String> = entries
        .iter()
        .filter(|entry| entry.name.starts_with(OURS))
        .filter_map(|entry| ours(&entry.name))
        .collect();
    if shards.is_empty() {
        // A journal is begun only after that.
        return Ok(None);
    }
    let mut found: HashMap<Key, (Position, i64)> = HashMap::new();
    // A shard that had the file before may have left an older one.
    let mut take = |saved: Saved| match found.get(&saved.key) {
        Some((_, known_ms)) if saved.saved_ms < *known_ms => {}
        _ => {
            found.insert(saved.key, (saved.position, saved.saved_ms));
        }
    };
    let mut latest_ms = 0;
    for shard in &shards {
        let path = folder.join(format!("{shard}.json"));
        let text = fs::read(&path).await.map_err(|error| told(&path, &error))?;
        let mut whole_ms = 0;
        for line in text.split(|byte| *byte == b'\n') {
            // A line that is none was written by nobody: files are replaced whole.
            whole_ms = whole_ms.max(read_time(line).unwrap_or(0));
            if let Some((saved, _)) = read_line(line) {
                take(saved);
            }
        }
        latest_ms = latest_ms.max(whole_ms);
        let journals = entries.iter().map(|entry| &*entry.name);
        for name in journals.filter(|name| journal::stem_of(name) == Some(shard)) {
            let path = folder.join(name);
            let text = fs::read(&path).await.map_err(|error| told(&path, &error))?;
            // What was there when all was written whole is in that, unless it was forgotten.
            for saved in journal::read(&text).filter(|saved| whole_ms < saved.saved_ms) {
                latest_ms = latest_ms.max(saved.saved_ms);
                take(saved);
            }
        }
    }
    let entries = found.into_iter();
    Ok(Some(Found {
        positions: entries.map(|(key, (at, _))| (key, Ok(at))).collect(),
        saved_ms: latest_ms,
    }))
}

/// The positions of the reference, or those that it would have begun with.
async fn load_foreign(folder: &Path, legacy: &str) -> Result<HashMap<Key, Stored>, String> {
    let mut found = HashMap::new();
    let projection = folder.join(PROJECTION);
    if let Some(text) = read_text(&projection).await? {
        let entries = yaml::positions(&text).map_err(|error| {
            let path = projection.display();
            format!("\"{path}\" does not hold positions: {error}; remove it to start anew")
        })?;
        for (key, text) in entries {
            found.insert(key, stored(&text));
        }
        return Ok(found);
    }
    if legacy.is_empty() {
        return Ok(found);
    }
    let legacy = Path::new(legacy);
    let Some(text) = read_text(legacy).await? else {
        return Ok(found);
    };
    match yaml::legacy_positions(&text) {
        Ok(entries) => {
            for (path, text) in entries {
                let labels = "{}".to_owned();
                found.insert(Key { path, labels }, stored(&text));
            }
        }
        Err(error) => {
            let path = legacy.display();
            tracing::error!("the legacy positions file \"{path}\" is not read: {error}");
        }
    }
    Ok(found)
}

fn stored(text: &str) -> Stored {
    match text.parse() {
        Ok(offset) => Ok(Position { offset, file: None }),
        Err(_) => Err(text.to_owned()),
    }
}

async fn read_text(path: &Path) -> Result<Option<String>, String> {
    match fs::read(path).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(path, &error)),
    }
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("cannot read \"{}\": {error}", path.display())
}

/// Where a shard's files are, without their ends.
pub fn stem(folder: &Path, shard_index: usize) -> PathBuf {
    folder.join(format!("{OURS}{shard_index}"))
}

/// Replaces a shard's file.
pub async fn save(
    folder: &Path,
    shard_index: usize,
    saved_ms: i64,
    positions: impl Iterator<Item = (&Key, Position)>,
) -> io::Result<()> {
    // Said even of no file at all.
    let mut text = format!("{}\n", json!({ "saved_ms": saved_ms })).into_bytes();
    for (key, position) in positions {
        line_of(key, position, saved_ms, None, &mut text);
    }
    fs::create_dir_all(folder).await?;
    fs::write_atomic(&folder.join(format!("{OURS}{shard_index}.json")), text).await
}

/// All of a position, in a line.
pub fn line_of(
    key: &Key,
    position: Position,
    saved_ms: i64,
    number: Option<u64>,
    out: &mut Vec<u8>,
) {
    let file = position.file.unwrap_or(NO_FILE);
    let mut line = json!({
        "path": key.path,
        "labels": key.labels,
        "offset": position.offset,
        "device": file.identity.device,
        "inode": file.identity.inode,
        "head_bytes": file.head.len,
        "head_hash": file.head.hash,
        "modified_ns": file.modified_ns,
        "saved_ms": saved_ms,
    });
    if let Some(number) = number {
        line["number"] = number.into();
    }
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

/// Writes what all shards have saved as the reference's file.
pub async fn project(folder: &Path) -> Result<(), String> {
    let found = load(folder, "").await?;
    let mut entries: Vec<(&Key, u64)> = found
        .positions
        .iter()
        .filter_map(|(key, stored)| Some((key, stored.as_ref().ok()?.offset)))
        .collect();
    entries.sort();
    let text = yaml::write(&entries);
    let path = folder.join(PROJECTION);
    fs::write_atomic(&path, text.into_bytes())
        .await
        .map_err(|error| told(&path, &error))
}

fn read_time(line: &[u8]) -> Option<i64> {
    let value: Value = serde_json::from_slice(line).ok()?;
    value.get("saved_ms")?.as_i64()
}

/// A position, and the number that its file has in a journal.
pub fn read_line(line: &[u8]) -> Option<(Saved, Option<u64>)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let number = |name: &str| value.get(name)?.as_u64();
    let key = Key {
        path: text("path")?,
        labels: text("labels")?,
    };
    let identity = Identity {
        device: number("device")?,
        inode: number("inode")?,
    };
    let head = Head {
        len: u16::try_from(number("head_bytes")?).ok()?,
        hash: number("head_hash")?,
    };
    let file = Known {
        identity,
        head,
        modified_ns: value
            .get("modified_ns")
            .and_then(Value::as_i64)
            .unwrap_or(0),
    };
    let position = Position {
        offset: number("offset")?,
        file: (file != NO_FILE).then_some(file),
    };
    let saved = Saved {
        key,
        position,
        saved_ms: value.get("saved_ms")?.as_i64()?,
    };
    Some((saved, number("number")))
}
