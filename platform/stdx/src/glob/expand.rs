//! The paths on disk that a pattern stands for.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Glob, Part};

/// Limit: folders inside each other that `**` walks into. Paths of systems end at 4,096 bytes,
/// which is deeper only with names of a few letters.
const DEPTH_MAX: usize = 255;

impl Glob {
    /// The paths that exist and match, in the order of names, a folder before what is in it. What
    /// cannot be listed is passed over: a path that cannot be seen is as good as none.
    pub fn expand(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for parts in &self.alternatives {
            let mut walk = Walk {
                fold_case: self.fold_case,
                found: Vec::new(),
            };
            let (base, parts) = base(parts);
            walk.follow(&base, parts);
            for path in walk.found {
                if seen.insert(path.clone()) {
                    found.push(path);
                }
            }
        }
        found
    }
}

/// The part of the path that is written out, and what is left to look for.
fn base(parts: &[Part]) -> (PathBuf, &[Part]) {
    let mut base = PathBuf::new();
    let mut used = 0;
    // The last name is looked for in any case, so that a path without patterns must exist.
    while used + 1 < parts.len() {
        let Part::Literal(text) = &parts[used] else {
            break;
        };
        if used == 0 && (text.is_empty() || (cfg!(windows) && text.ends_with(':'))) {
            // A leading slash, or a drive of Windows.
            base.push(format!("{text}/"));
        } else {
            base.push(text);
        }
        used += 1;
    }
    (base, &parts[used..])
}

struct Walk {
    fold_case: bool,
    found: Vec<PathBuf>,
}

impl Walk {
    /// Looks for `parts` below `folder`; an empty folder is the current one.
    fn follow(&mut self, folder: &Path, parts: &[Part]) {
        let Some((part, rest)) = parts.split_first() else {
            self.found.push(folder.to_owned());
            return;
        };
        match part {
            Part::Literal(text) => {
                let path = folder.join(text);
                // A name that stands for itself is looked at once, not searched for.
                if fs::symlink_metadata(&path).is_ok() {
                    self.follow(&path, rest);
                }
            }
            Part::Name(pattern) => {
                for name in names(folder) {
                    if pattern.matches(&name, self.fold_case) {
                        self.follow(&folder.join(&name), rest);
                    }
                }
            }
            Part::Folders => {
                let mut folders = Vec::new();
                collect(folder, rest.is_empty(), &mut Vec::new(), &mut folders);
                for path in folders {
                    self.follow(&path, rest);
                }
            }
        }
    }
}

/// Names in a folder, sorted. Names that are no UTF-8 cannot be written in a pattern or a label.
fn names(folder: &Path) -> Vec<String> {
    let listed = match folder.as_os_str().is_empty() {
        true => fs::read_dir("."),
        false => fs::read_dir(folder),
    };
    let Ok(entries) = listed else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

/// The folder and all below it; files too when `files` says so. Links to folders are followed, but
/// never to a folder that is being walked: `above` holds the real paths down to here.
fn collect(folder: &Path, files: bool, above: &mut Vec<PathBuf>, out: &mut Vec<PathBuf>) {
    out.push(folder.to_owned());
    let real = match folder.as_os_str().is_empty() {
        true => fs::canonicalize("."),
        false => fs::canonicalize(folder),
    };
    let Ok(real) = real else { return };
    if above.contains(&real) || above.len() == DEPTH_MAX {
        return;
    }
    above.push(real);
    for name in names(folder) {
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => collect(&path, files, above, out),
            Ok(_) if files => out.push(path),
            _ => {}
        }
    }
    above.pop();
}
