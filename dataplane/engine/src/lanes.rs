//! The open lanes of a shard, by folder: a folder has one owner, while instances come and go.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use wal::{Lane, LaneOptions};

use crate::build::BuildError;

#[derive(Default)]
pub struct Lanes {
    open: RefCell<HashMap<PathBuf, (LaneOptions, Lane)>>,
}

impl Lanes {
    /// The lane of a folder; opened when it is not yet, opened again when its options changed.
    pub async fn open(&self, path: PathBuf, options: LaneOptions) -> Result<Lane, BuildError> {
        let known = self.open.borrow_mut().remove(&path);
        let lane = match known {
            Some((same, lane)) if same == options => lane,
            Some((_, lane)) => {
                lane.close().await;
                open(&path, &options).await?
            }
            None => open(&path, &options).await?,
        };
        self.open.borrow_mut().insert(path, (options, lane.clone()));
        Ok(lane)
    }

    /// Syncs and closes all lanes.
    pub async fn close(&self) {
        let lanes: Vec<_> = self.open.borrow_mut().drain().collect();
        for (_, (_, lane)) in lanes {
            lane.close().await;
        }
    }
}

async fn open(path: &std::path::Path, options: &LaneOptions) -> Result<Lane, BuildError> {
    Lane::open(path, options.clone()).await.map_err(|cause| {
        let path = path.display();
        BuildError::new(format!(
            "cannot open the log \"{path}\": {cause}; check --storage.path"
        ))
    })
}
