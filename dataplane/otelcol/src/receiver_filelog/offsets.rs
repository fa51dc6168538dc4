//! How far files were read, over restarts: a line of JSON with an entry for each file.

use std::collections::HashMap;
use std::path::PathBuf;

use runtime::fs::{self, Identity};
use serde_json::{Value, json};

/// The offsets and the file that they are kept in.
pub struct Offsets {
    path: PathBuf,
    known: HashMap<Identity, u64>,
}

impl Offsets {
    /// Reads what an earlier run has left; nothing when there was none.
    pub async fn read(folder: PathBuf) -> std::io::Result<Offsets> {
        fs::create_dir_all(&folder).await?;
        let path = folder.join("filelog-offsets.json");
        let mut known = HashMap::new();
        if fs::exists(&path).await? {
            let content = fs::read(&path).await?;
            let entries: Vec<Value> = serde_json::from_slice(&content)
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
            for entry in &entries {
                let number = |key: &str| entry[key].as_u64();
                if let (Some(device), Some(inode), Some(offset)) =
                    (number("device"), number("inode"), number("offset"))
                {
                    known.insert(Identity { device, inode }, offset);
                }
            }
        }
        Ok(Offsets { path, known })
    }

    pub fn get(&self, identity: Identity) -> Option<u64> {
        self.known.get(&identity).copied()
    }

    /// Keeps the offsets of the files that are there, if any has changed.
    pub async fn keep(&mut self, now: HashMap<Identity, u64>) -> std::io::Result<()> {
        if now == self.known {
            return Ok(());
        }
        let entries = now.iter().map(|(identity, offset)| {
            json!({"device": identity.device, "inode": identity.inode, "offset": offset})
        });
        let content = Value::Array(entries.collect()).to_string();
        fs::write_atomic(&self.path, content.into_bytes()).await?;
        self.known = now;
        Ok(())
    }
}
