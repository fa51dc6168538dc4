//! An open lane with the ledgers of its destinations.
//!
//! The ledgers go on when the instance is replaced or the lane is opened with other settings: they
//! belong to the lane's content, not to who works on it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use runtime::metrics::Registry;
use runtime::sync::Notify;
use wal::{Dropped, Lane, LaneOptions};

use crate::build::BuildError;
use crate::ledger::Ledger;

/// A lane and its books. Clones are the same.
#[derive(Clone)]
pub struct Outbox {
    inner: Rc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: LaneOptions,
    lane: Lane,
    books: Vec<Book>,
    hurried: Cell<bool>,
    /// Who waits for others to share a commit looks again whether it still has to.
    sooner: Notify,
}

struct Book {
    destination: String,
    ledger: Ledger,
    /// What the lane itself has dropped, as far as it is in the ledger.
    lost: Cell<Dropped>,
}

/// Whose books they are.
pub(crate) struct Owner<'a> {
    pub registry: &'a Registry,
    pub node: &'a str,
}

impl Outbox {
    /// Opens a lane; `before` is the same lane with other options, closed by now.
    pub(crate) async fn open(
        owner: &Owner<'_>,
        path: &Path,
        options: LaneOptions,
        before: Option<&Outbox>,
    ) -> Result<Outbox, BuildError> {
        let lane = Lane::open(path, options.clone()).await.map_err(|cause| {
            let path = path.display();
            BuildError::new(format!(
                "cannot open the log \"{path}\": {cause}; check --storage.path"
            ))
        })?;
        let mut books = Vec::with_capacity(options.destinations.len());
        for destination in &options.destinations {
            let ledger = Ledger::new(owner.registry, owner.node, destination);
            if before.is_none_or(|before| before.book(destination).is_none()) {
                // What an earlier process left is held from the start.
                ledger.take(lane.held_items(destination));
            }
            let lost = Cell::new(Dropped::default());
            books.push(Book {
                destination: destination.clone(),
                ledger,
                lost,
            });
        }
        if let Some(before) = before {
            before.leave_out(&options.destinations);
        }
        let path = path.to_owned();
        Ok(Outbox {
            inner: Rc::new(Inner {
                path,
                options,
                lane,
                books,
                hurried: Cell::new(false),
                sooner: Notify::new(),
            }),
        })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    pub fn lane(&self) -> &Lane {
        &self.inner.lane
    }

    /// From now on nobody waits for others to share a commit: the process ends.
    pub(crate) fn hurry(&self) {
        self.inner.hurried.set(true);
        self.inner.sooner.notify_all();
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.inner.hurried.get()
    }

    pub(super) fn sooner(&self) -> &Notify {
        &self.inner.sooner
    }

    pub(crate) fn options(&self) -> &LaneOptions {
        &self.inner.options
    }

    /// The books of a destination. Panics if the lane's options did not name it.
    pub fn ledger(&self, destination: &str) -> &Ledger {
        &self
            .book(destination)
            .expect("a destination of this lane")
            .ledger
    }

    /// Items were committed, and are held for each destination from now on.
    pub fn committed(&self, items: u64) {
        for book in &self.inner.books {
            book.ledger.take(items);
        }
    }

    /// Books what the lane dropped by itself: by age, size or damage.
    pub fn count_lost(&self) {
        let stats = self.inner.lane.stats();
        for (book, destination) in self.inner.books.iter().zip(&stats.destinations) {
            assert_eq!(
                book.destination, destination.name,
                "in the order of the options"
            );
            let before = book.lost.replace(destination.dropped).by_reason();
            let now = destination.dropped.by_reason();
            for ((reason, now), (_, before)) in now.into_iter().zip(before) {
                book.ledger.drop(reason, now - before);
            }
        }
    }

    /// Destinations that are not in `kept` get nothing any more: the user has removed them.
    fn leave_out(&self, kept: &[String]) {
        for book in &self.inner.books {
            if !kept.contains(&book.destination) {
                let held = self.inner.lane.held_items(&book.destination);
                book.ledger.drop("destination_removed", held);
            }
        }
    }

    fn book(&self, destination: &str) -> Option<&Book> {
        self.inner
            .books
            .iter()
            .find(|book| book.destination == destination)
    }
}
