//! Files that hold secrets and certificates: read when needed, and again when they change.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;

/// How long what a file said is believed without looking again. Rotated secrets are valid beside
/// the old ones for minutes, and a client may ask for its secret thousands of times a second.
const BELIEVED: Duration = Duration::from_secs(5);

/// A small file and what it last said.
pub(crate) struct WatchedFile {
    path: PathBuf,
    last: RefCell<Option<Read>>,
    /// Whether the last look failed, so that a lasting failure is logged once.
    failing: Cell<bool>,
}

struct Read {
    at: Instant,
    content: Rc<[u8]>,
}

impl WatchedFile {
    pub(crate) fn new(path: &Path) -> WatchedFile {
        WatchedFile {
            path: path.to_owned(),
            last: RefCell::new(None),
            failing: Cell::new(false),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The content. As long as it does not change, the same allocation is given again. A file that
    /// was readable and no longer is keeps what it last said: a rotation may replace it in steps.
    pub(crate) async fn content(&self) -> io::Result<Rc<[u8]>> {
        if let Some(read) = &*self.last.borrow()
            && runtime::now() - read.at < BELIEVED
        {
            return Ok(read.content.clone());
        }
        let fresh = runtime::fs::read(&self.path).await;
        let at = runtime::now();
        let mut last = self.last.borrow_mut();
        match (fresh, last.as_mut()) {
            (Ok(fresh), Some(read)) if *read.content == *fresh => read.at = at,
            (Ok(fresh), _) => {
                *last = Some(Read {
                    at,
                    content: fresh.into(),
                })
            }
            (Err(error), None) => return Err(error),
            (Err(error), Some(read)) => {
                read.at = at;
                if !self.failing.replace(true) {
                    let path = self.path.display();
                    tracing::warn!("cannot read \"{path}\" again: {error}; using its last content");
                }
                return Ok(read.content.clone());
            }
        }
        self.failing.set(false);
        Ok(last
            .as_ref()
            .map(|read| read.content.clone())
            .expect("stored just above"))
    }
}
