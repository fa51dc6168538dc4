//! From targets to tails: which files there are, where reading them begins.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use batch::LabelsBuf;
use runtime::fs;
use stdx::glob::Glob;

use super::files::Files;
use super::positions::{Key, Position};
use super::tail::{Metrics, Start, State, Tail};
use super::{FILE_BYTES, OnPositionsFileError, READ_BYTES, READ_LINES, SourceFileArguments};

impl Files {
    /// Makes the tails those of the targets.
    pub(super) async fn resolve(self: &Rc<Self>) {
        let arguments = self.arguments.borrow().clone();
        let mut wanted: BTreeMap<Key, (PathBuf, Rc<LabelsBuf>)> = BTreeMap::new();
        for target in arguments.targets.iter() {
            let path = target.get("__path__").unwrap_or_default();
            let exclude = target.get("__path_exclude__").unwrap_or_default();
            let own = target.iter().filter(|(name, _)| !name.starts_with("__"));
            let own: LabelsBuf = own.collect();
            for path in self.paths(&arguments, path, exclude).await {
                let Some(text) = path.to_str() else { continue };
                if !self.cx.owns(stdx::fnv1a(text.as_bytes())) {
                    continue;
                }
                let mut labels = own.clone();
                labels.set("filename", text);
                let key = Key {
                    path: text.to_owned(),
                    labels: label_text(&own),
                };
                wanted.insert(key, (path, Rc::new(labels)));
            }
        }
        let gone = |key: &Key| !wanted.contains_key(key);
        let removed: Vec<Rc<Tail>> = {
            let mut tails = self.tails.borrow_mut();
            let keys: Vec<Key> = tails.keys().filter(|key| gone(key)).cloned().collect();
            keys.iter().filter_map(|key| tails.remove(key)).collect()
        };
        for tail in removed {
            self.remove(&tail);
        }
        for (key, (path, labels)) in wanted {
            if !self.tails.borrow().contains_key(&key)
                && let Some(tail) = self.tail(key.clone(), path, labels)
            {
                self.tails.borrow_mut().insert(key, tail);
            }
        }
        self.active.set(self.tails.borrow().len() as f64);
    }

    async fn paths(
        &self,
        arguments: &SourceFileArguments,
        path: &str,
        exclude: &str,
    ) -> Vec<PathBuf> {
        if path.is_empty() {
            return Vec::new();
        }
        if !arguments.file_match.enabled {
            return vec![PathBuf::from(path)];
        }
        let glob = match Glob::new(path) {
            Ok(glob) => glob,
            Err(error) => {
                let node = &*self.cx.node;
                tracing::error!(component_id = node, path, "not a pattern of paths: {error}");
                return Vec::new();
            }
        };
        let exclude = Glob::new(exclude).ok().filter(|_| !exclude.is_empty());
        let mut found = runtime::service::blocking(move || glob.expand()).await;
        found.retain(|path| {
            let text = path.to_str();
            let excluded = |exclude: &Glob| text.is_some_and(|text| exclude.matches(text));
            !exclude.as_ref().is_some_and(excluded)
        });
        let older = arguments.file_match.ignore_older_than;
        let stats = fs::stat_all(found.clone()).await;
        let since_ns = runtime::wall_ns() - i64::try_from(older.as_nanos()).unwrap_or(i64::MAX);
        let fits = |stat: &io::Result<fs::Stat>| match stat {
            Ok(stat) => !stat.is_dir && (older.is_zero() || since_ns <= stat.modified_ns),
            Err(_) => false,
        };
        let found = found.into_iter().zip(stats);
        found
            .filter_map(|(path, stat)| fits(&stat).then_some(path))
            .collect()
    }

    /// A tail for a target; none when its position is not known and the settings say to skip it.
    fn tail(&self, key: Key, path: PathBuf, labels: Rc<LabelsBuf>) -> Option<Rc<Tail>> {
        let (position, from_end) = self.begin(&key)?;
        let metrics = self.metrics(&key.path);
        let start = Start {
            position: position.filter(|position| position.offset > 0 || position.file.is_some()),
            from_end,
            charset: self.charset,
        };
        Some(Rc::new(Tail {
            acked: Cell::new(position),
            place: Cell::new(None),
            key,
            path,
            labels,
            start,
            state: RefCell::new(Some(State::default())),
            seen: RefCell::default(),
            looked_ns: Cell::new(runtime::wall_ns()),
            seen_ns: Cell::new(runtime::wall_ns()),
            due: Cell::new(runtime::now()),
            interval: Cell::new(self.arguments.borrow().file_watch.min_poll_frequency),
            waits: Cell::new(false),
            removed: Cell::new(false),
            failed: Cell::new(false),
            unpacked: Cell::new(false),
            metrics,
        }))
    }

    /// Where to begin, and whether at the end where that is not known; none to skip the file.
    fn begin(&self, key: &Key) -> Option<(Option<Position>, bool)> {
        let arguments = self.arguments.borrow();
        let stored = self.stored.borrow();
        let mut from_end = arguments.tail_from_end;
        let without_labels = Key {
            path: key.path.clone(),
            labels: "{}".to_owned(),
        };
        let legacy = || {
            let allowed = !arguments.legacy_positions_file.is_empty();
            stored.get(&without_labels).filter(|_| allowed)
        };
        let position = match stored.get(key).or_else(legacy) {
            None => None,
            Some(Ok(position)) => Some(*position),
            Some(Err(text)) => match arguments.on_positions_file_error {
                OnPositionsFileError::Skip => {
                    let (node, path) = (&*self.cx.node, key.path.as_str());
                    tracing::error!(
                        component_id = node,
                        path,
                        "the position \"{text}\" is no number, the file is skipped; see \
                         on_positions_file_error"
                    );
                    return None;
                }
                OnPositionsFileError::RestartFromEnd => {
                    from_end = true;
                    None
                }
                OnPositionsFileError::RestartFromBeginning => {
                    from_end = false;
                    None
                }
            },
        };
        Some((position, from_end))
    }

    fn metrics(&self, path: &str) -> Metrics {
        let names = [("component_id", &*self.cx.node), ("path", path)];
        let registry = &self.cx.registry;
        Metrics {
            read_bytes: registry.gauge(READ_BYTES.name, READ_BYTES.help, &names),
            file_bytes: registry.gauge(FILE_BYTES.name, FILE_BYTES.help, &names),
            lines: registry.counter(READ_LINES.name, READ_LINES.help, &names),
            truncations: registry.counter(
                "invar_source_file_truncations_total",
                "Files that were cut or written anew while they were read.",
                &names[..1],
            ),
        }
    }

    /// A target that is gone: its file is forgotten, as in the reference.
    fn remove(&self, tail: &Rc<Tail>) {
        tail.removed.set(true);
        self.stored.borrow_mut().remove(&tail.key);
        let names = [("component_id", &*self.cx.node), ("path", &*tail.key.path)];
        self.cx.registry.remove(&names);
        self.unsaved.set(true);
    }
}

/// Labels as the reference's positions have them.
pub fn label_text(labels: &LabelsBuf) -> String {
    let pairs = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", stdx::quote(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}
