//! The open lanes of a shard, by folder: a folder has one owner, while instances come and go.
//!
//! On disk a lane is `STORAGE/NODE/LANE/shard-INDEX`. What it holds outlives its settings and the
//! number of shards: a lane that is not in use any more is emptied by the shard that its index
//! falls to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use runtime::fs;
use wal::LaneOptions;

use crate::build::BuildError;
use crate::outbox::{Outbox, Owner};

#[derive(Default)]
pub struct Lanes {
    open: RefCell<HashMap<PathBuf, Outbox>>,
}

/// The folder of one shard's part of a lane.
pub fn shard_folder(shard_index: usize) -> String {
    format!("{SHARD}{shard_index}")
}

const SHARD: &str = "shard-";

impl Lanes {
    /// The lane of a folder; opened when it is not yet, opened again when its options changed.
    pub async fn open(
        &self,
        owner: &Owner<'_>,
        path: PathBuf,
        options: LaneOptions,
    ) -> Result<Outbox, BuildError> {
        let known = self.open.borrow().get(&path).cloned();
        if let Some(known) = &known {
            if *known.options() == options {
                return Ok(known.clone());
            }
            self.open.borrow_mut().remove(&path);
            known.lane().close().await;
            known.count_lost();
        }
        let outbox = Outbox::open(owner, &path, options, known.as_ref()).await?;
        self.open.borrow_mut().insert(path, outbox.clone());
        Ok(outbox)
    }

    /// Lets nobody wait any longer for others to share a commit: the process ends.
    pub fn hurry(&self) {
        self.open.borrow().values().for_each(Outbox::hurry);
    }

    /// Lanes below the node's folder that hold files, are not in use, and are this shard's to
    /// empty.
    pub async fn abandoned(
        &self,
        node_folder: &Path,
        shard_index: usize,
        shard_count: usize,
        in_use: &[String],
    ) -> Result<Vec<PathBuf>, BuildError> {
        let mut found = Vec::new();
        for lane in folders(node_folder).await? {
            let used = in_use.contains(&lane);
            let folder = node_folder.join(lane);
            for shard in folders(&folder).await? {
                let index = shard
                    .strip_prefix(SHARD)
                    .and_then(|index| index.parse::<usize>().ok());
                let Some(index) = index.filter(|index| index % shard_count == shard_index) else {
                    continue;
                };
                let path = folder.join(&shard);
                let live = used && index == shard_index;
                if !live && !entries(&path).await?.is_empty() {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Closes a lane and deletes its files. The folder stays, which costs nothing.
    pub async fn delete(&self, path: &Path) -> io::Result<()> {
        let known = self.open.borrow_mut().remove(path);
        if let Some(outbox) = known {
            outbox.lane().close().await;
        }
        for entry in fs::read_dir(path).await? {
            if !entry.is_dir {
                fs::remove_file(&path.join(entry.name)).await?;
            }
        }
        fs::sync_dir(path).await
    }

    /// Commits what is staged and closes the lanes below a folder.
    pub async fn close(&self, folder: &Path) {
        let mut closing = Vec::new();
        self.open.borrow_mut().retain(|path, outbox| {
            let stays = !path.starts_with(folder);
            if !stays {
                closing.push(outbox.clone());
            }
            stays
        });
        for outbox in closing {
            outbox.lane().close().await;
        }
    }
}

async fn folders(path: &Path) -> Result<Vec<String>, BuildError> {
    let entries = entries(path).await?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry.is_dir)
        .map(|entry| entry.name)
        .collect())
}

/// What a folder holds; nothing when it is not there.
async fn entries(path: &Path) -> Result<Vec<fs::DirEntry>, BuildError> {
    match fs::read_dir(path).await {
        Ok(entries) => Ok(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => {
            let path = path.display();
            let text = format!("cannot list \"{path}\": {cause}; check --storage.path");
            Err(BuildError::new(text))
        }
    }
}
