//! Where files stand, how they are called, how they open, and that maps name every crate.

use crate::repository::FOLDERS;
use crate::{Finding, report, repository};

/// Names that say nothing about what is inside.
const BANNED_NAMES: [&str; 9] = [
    "manager", "helper", "helpers", "util", "utils", "common", "data", "info", "worker",
];

#[test]
fn file_names_say_what_is_inside() {
    let mut findings = Vec::new();
    for path in &repository().paths {
        let folder = path
            .split('/')
            .next()
            .expect("split gives at least one part");
        if !FOLDERS.contains(&folder) {
            continue;
        }
        for part in path.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            let banned = stem.split(['_', '-']).find(|word| {
                BANNED_NAMES.contains(&word.to_lowercase().as_str()) || *word == "reactor"
            });
            if let Some(word) = banned {
                let message = format!("\"{word}\" says nothing; name the file after its noun");
                findings.push(Finding::new(path, 1, message));
            }
        }
    }
    report("names", findings);
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let mut findings = Vec::new();
    for source in &repository().sources {
        let header = source
            .text
            .lines()
            .map_while(|line| line.strip_prefix("//!"));
        let words: usize = header.map(|line| line.split_whitespace().count()).sum();
        if words < 2 {
            let message =
                "open the file with a //! sentence: what it owns, what it leaves to others";
            findings.push(Finding::new(&source.path, 1, message));
        }
    }
    report("headers", findings);
}

#[test]
fn crates_forbid_unsafe_code_outside_of_the_machine() {
    let mut findings = Vec::new();
    for manifest in repository().members() {
        if ["platform", "wal"].contains(&manifest.top_folder()) {
            continue;
        }
        let folder = manifest.folder();
        for source in repository()
            .sources
            .iter()
            .filter(|source| is_root(folder, &source.path))
        {
            if !source.scrubbed.code.contains("#![forbid(unsafe_code)]") {
                let message =
                    "say #![forbid(unsafe_code)]; unsafe code belongs to platform and wal";
                findings.push(Finding::new(&source.path, 1, message));
            }
        }
    }
    report("unsafe", findings);
}

/// The root file of a library, binary, or test binary of the crate in `folder`.
fn is_root(folder: &str, path: &str) -> bool {
    let Some(inside) = path
        .strip_prefix(folder)
        .and_then(|inside| inside.strip_prefix('/'))
    else {
        return false;
    };
    match inside.split('/').collect::<Vec<_>>()[..] {
        ["src", "lib.rs" | "main.rs"] | ["src", "bin", _] => true,
        [_, "main.rs"] => folder == "tests",
        _ => false,
    }
}

#[test]
fn maps_name_every_crate_of_their_folder() {
    let mut findings = Vec::new();
    for manifest in &repository().manifests {
        let folder = manifest.top_folder();
        let map = format!("{folder}/README.md");
        let Ok(text) = std::fs::read_to_string(repository().root.join(&map)) else {
            findings.push(Finding::new(&map, 1, "the map of this folder is missing"));
            continue;
        };
        let crate_folder = manifest
            .folder()
            .rsplit('/')
            .next()
            .expect("a folder has a name");
        let letters = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        if !text
            .split(|letter| !letters(letter))
            .any(|word| word == crate_folder)
        {
            let message = format!("this map does not name {crate_folder}; give it its line");
            findings.push(Finding::new(&map, 1, message));
        }
    }
    findings.dedup_by(|next, before| next.path == before.path && next.message == before.message);
    report("readmes", findings);
}
