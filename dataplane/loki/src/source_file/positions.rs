//! How far files were read, over restarts.
//!
//! `positions-shard-N.json` holds what a shard knows, a line for each file: path, labels, offset,
//! identity, head. `positions.yml` is the reference's file: read where there is none of ours yet,
//! written on so that its readers find what they know.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use runtime::fs::{self, Identity};
use serde_json::{Value, json};

use super::opened::Head;
use super::yaml;

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
    pub file: Option<(Identity, Head)>,
}

/// A position that could be read, or the text of one that could not.
pub type Stored = Result<Position, String>;

/// The reference's file.
const PROJECTION: &str = "positions.yml";
/// What files of shards begin with.
const OURS: &str = "positions-shard-";

/// Reads all positions below a node's folder, those of former shards, too.
pub async fn load(folder: &Path, legacy: &str) -> Result<HashMap<Key, Stored>, String> {
    let mut found: HashMap<Key, (Stored, i64)> = HashMap::new();
    let entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(told(folder, &error)),
    };
    let ours = |name: &str| name.starts_with(OURS) && name.ends_with(".json");
    let files: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| ours(&entry.name))
        .map(|entry| folder.join(&entry.name))
        .collect();
    for path in &files {
        let text = fs::read(path).await.map_err(|error| told(path, &error))?;
        for line in text.split(|byte| *byte == b'\n') {
            // A line that is none was written by nobody: files are replaced whole.
            let Some((key, position, at_ms)) = parse(line) else {
                continue;
            };
            // A shard that had the file before may have left an older one.
            let newer = |known: &(Stored, i64)| known.1 < at_ms;
            if found.get(&key).is_none_or(newer) {
                found.insert(key, (Ok(position), at_ms));
            }
        }
    }
    if !files.is_empty() {
        let entries = found.into_iter();
        return Ok(entries.map(|(key, (stored, _))| (key, stored)).collect());
    }
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

/// Replaces a shard's file.
pub async fn save(
    folder: &Path,
    shard_index: usize,
    positions: impl Iterator<Item = (&Key, Position)>,
) -> io::Result<()> {
    let saved_ms = runtime::wall_ms();
    let mut text = Vec::new();
    for (key, position) in positions {
        let (identity, head) = position.file.unwrap_or((
            Identity {
                device: 0,
                inode: 0,
            },
            Head::default(),
        ));
        let line = json!({
            "path": key.path,
            "labels": key.labels,
            "offset": position.offset,
            "device": identity.device,
            "inode": identity.inode,
            "head_bytes": head.len,
            "head_hash": head.hash,
            "saved_ms": saved_ms,
        });
        text.extend_from_slice(line.to_string().as_bytes());
        text.push(b'\n');
    }
    fs::create_dir_all(folder).await?;
    fs::write_atomic(&folder.join(format!("{OURS}{shard_index}.json")), text).await
}

/// Writes what all shards have saved as the reference's file.
pub async fn project(folder: &Path) -> Result<(), String> {
    let found = load(folder, "").await?;
    let mut entries: Vec<(&Key, u64)> = found
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

fn parse(line: &[u8]) -> Option<(Key, Position, i64)> {
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
    let unknown = identity.inode == 0 && head == Head::default();
    let position = Position {
        offset: number("offset")?,
        file: (!unknown).then_some((identity, head)),
    };
    let saved_ms = value.get("saved_ms")?.as_i64()?;
    Some((key, position, saved_ms))
}
