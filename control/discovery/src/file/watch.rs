//! Looking at the files, and what came of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eval::ResolverCx;
use schema::Target;
use stdx::glob::Glob;
use tokio::time::Instant;

use super::READ_ERRORS;
use super::decode::{Format, decode};
use crate::limits::ANSWER_BYTES_MAX;
use crate::refresh::found;

/// How soon a change is noticed.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What one file gave, and how it looked then.
#[derive(Default)]
struct Known {
    mark: Option<Mark>,
    targets: Vec<Target>,
}

/// What changes when a file's content does, as far as can be seen without reading it.
#[derive(PartialEq, Eq)]
struct Mark {
    bytes: u64,
    modified: Option<SystemTime>,
}

pub(super) async fn run(globs: Vec<Glob>, refresh_interval: Duration, cx: ResolverCx) {
    let mut known: BTreeMap<PathBuf, Known> = BTreeMap::new();
    let mut read_all_at = Instant::now();
    loop {
        let all = read_all_at <= Instant::now();
        if all {
            read_all_at = Instant::now() + refresh_interval;
        }
        if look(&globs, all, &mut known, &cx) {
            let targets = known.values().flat_map(|file| file.targets.iter().cloned());
            found(&cx, targets.collect());
        }
        tokio::time::sleep(LOOK_INTERVAL.min(refresh_interval)).await;
    }
}

/// Reads what changed, or all. Whether the targets may be others now.
fn look(globs: &[Glob], all: bool, known: &mut BTreeMap<PathBuf, Known>, cx: &ResolverCx) -> bool {
    let mut paths: Vec<PathBuf> = globs.iter().flat_map(Glob::expand).collect();
    paths.sort_unstable();
    paths.dedup();
    let before = known.len();
    known.retain(|path, _| paths.binary_search(path).is_ok());
    let mut changed = all || known.len() < before;
    for path in paths {
        // The mark is taken first: a change in between is then seen as one.
        let mark = Mark::of(&path);
        if !all && known.get(&path).is_some_and(|file| file.mark == mark) {
            continue;
        }
        let file = known.entry(path.clone()).or_default();
        changed = true;
        file.mark = mark;
        match read(&path) {
            Ok(targets) => file.targets = targets,
            Err(error) => {
                cx.add(READ_ERRORS, 1.0);
                let path = path.display().to_string();
                tracing::error!(
                    component_id = cx.id(),
                    path,
                    err = error,
                    "cannot read targets, the last ones of this file stay"
                );
            }
        }
    }
    changed
}

fn read(path: &Path) -> Result<Vec<Target>, String> {
    let name = path.display().to_string();
    let format = Format::of(&name).ok_or("it ends neither in .json nor in .yml or .yaml")?;
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > ANSWER_BYTES_MAX {
        return Err(format!("it is larger than {ANSWER_BYTES_MAX} bytes"));
    }
    let content = fs::read(path).map_err(|error| error.to_string())?;
    decode(&content, format, &name)
}

impl Mark {
    fn of(path: &Path) -> Option<Mark> {
        let metadata = fs::metadata(path).ok()?;
        Some(Mark {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}
