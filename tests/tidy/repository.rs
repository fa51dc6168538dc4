//! The files of the repository, and which of their lines are tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;
use crate::scrub::{Scrubbed, block_end, scrub};

/// The top folders that hold crates, in the order in which they may use each other.
pub const FOLDERS: [&str; 7] = [
    "platform",
    "wal",
    "dataplane",
    "control",
    "bench",
    "fuzz",
    "tests",
];

/// Not ours to judge: what tools make, what is recorded, and other people's formats.
const SKIPPED: [&str; 7] = [
    "target",
    ".git",
    "testdata",
    "cases",
    "corpus",
    "node_modules",
    "__pycache__",
];

pub struct Repository {
    pub root: PathBuf,
    pub sources: Vec<Source>,
    pub manifests: Vec<Manifest>,
    /// Paths of all files, relative to the root.
    pub paths: Vec<String>,
}

/// A Rust file.
pub struct Source {
    pub path: String,
    pub text: String,
    pub scrubbed: Scrubbed,
    /// Lines before this one are product, those from it on are tests.
    pub tests_start: usize,
}

impl Repository {
    pub fn read() -> Repository {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("tests/ has a parent");
        let mut paths = Vec::new();
        list(root, root, &mut paths);
        paths.sort();
        let text = |path: &str| fs::read_to_string(root.join(path));
        let mut sources = Vec::new();
        let mut manifests = Vec::new();
        for path in &paths {
            if path.ends_with(".rs") {
                let text = text(path).unwrap_or_else(|error| panic!("{path}: {error}"));
                sources.push(Source::new(path, text));
            } else if path.ends_with("/Cargo.toml") {
                let text = text(path).unwrap_or_else(|error| panic!("{path}: {error}"));
                manifests.push(Manifest::parse(path, &text));
            }
        }
        assert!(
            sources.len() > 20,
            "the sources were not found below {}",
            root.display()
        );
        Repository {
            root: root.to_path_buf(),
            sources,
            manifests,
            paths,
        }
    }

    /// The manifests of workspace members.
    pub fn members(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests
            .iter()
            .filter(|manifest| !manifest.own_workspace)
    }
}

impl Source {
    fn new(path: &str, text: String) -> Source {
        let scrubbed = scrub(&text);
        let tests_start = if is_test_file(path) {
            0
        } else {
            tests_start(&scrubbed.code)
        };
        Source {
            path: path.to_string(),
            text,
            scrubbed,
            tests_start,
        }
    }

    /// The name of the top folder.
    pub fn folder(&self) -> &str {
        self.path
            .split('/')
            .next()
            .expect("split gives at least one part")
    }
}

/// Files that hold nothing but tests: `tests.rs`, `x_tests.rs`, and what is below a folder `tests`.
fn is_test_file(path: &str) -> bool {
    path.ends_with("_tests.rs")
        || path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
}

/// The first line of a `#[cfg(test)]` module that runs to the end of the file; the number of lines
/// where there is none.
fn tests_start(code: &str) -> usize {
    let lines = code.lines().count();
    let Some(start) = code.find("#[cfg(test)]\nmod ") else {
        return lines;
    };
    let Some(open) = code[start..].find(['{', ';']).map(|at| start + at) else {
        return lines;
    };
    let ends_file = code.as_bytes()[open] == b'{'
        && block_end(code, open).is_some_and(|end| code[end..].trim().is_empty());
    if ends_file {
        code[..start].lines().count()
    } else {
        lines
    }
}

fn list(root: &Path, folder: &Path, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be listed") {
        let entry = entry.expect("a folder of the repository can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if entry
            .file_type()
            .expect("a listed file has a type")
            .is_dir()
        {
            list(root, &path, paths);
        } else {
            let relative = path
                .strip_prefix(root)
                .expect("it was listed below the root");
            paths.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

#[test]
fn tests_at_the_end_of_a_file_are_told_from_the_product() {
    let product = "fn a() {}\n\n";
    let tests = "#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    let source = |text: String| Source::new("wal/src/a.rs", text);
    assert_eq!(source(format!("{product}{tests}")).tests_start, 2);
    assert_eq!(source(product.to_string()).tests_start, 2);
    assert_eq!(
        source(format!("{tests}{product}")).tests_start,
        6,
        "product follows"
    );
    assert_eq!(
        source("#[cfg(test)]\nmod tests;\nfn a() {}\n".to_string()).tests_start,
        3
    );
    assert_eq!(
        Source::new("wal/src/tests.rs", product.to_string()).tests_start,
        0
    );
}
