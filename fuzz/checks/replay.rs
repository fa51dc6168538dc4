//! Runs a check over its corpus in an ordinary test.

use std::path::{Path, PathBuf};

/// Every file of a target's corpus. There must be some: a test that reads nothing proves nothing.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = fuzz_folder().join("corpus").join(target);
    let entries = std::fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        check(&std::fs::read(&path).expect("a readable file"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

fn fuzz_folder() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = folders.find(|folder| folder.join("fuzz/corpus").is_dir());
    found
        .expect("the crate lies in the repository")
        .join("fuzz")
}
