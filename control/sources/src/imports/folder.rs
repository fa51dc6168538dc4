//! A file, or the `*.alloy` files of a folder, as texts; and how to see that they changed without
//! reading them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{FILES_MAX, TEXT_BYTES_MAX, Texts};

/// Reads all texts of a path.
pub(super) fn read(path: &Path) -> Result<Texts, String> {
    let mut texts = Texts::new();
    for file in files(path)? {
        let text = read_file(&file).map_err(|why| format!("cannot read {file:?}: {why}"))?;
        texts.insert(file.display().to_string(), text);
    }
    Ok(texts)
}

/// Compat: folders inside of a folder are not entered and other endings are not read.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |why: io::Error| format!("cannot read {path:?}: {why}");
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|ending| ending == "alloy") && !file.is_dir() {
            files.push(file);
        }
        if files.len() > FILES_MAX {
            return Err(format!("{path:?} has more than {FILES_MAX} files"));
        }
    }
    files.sort();
    Ok(files)
}

/// No more than the limit is read, whatever the file's size was said to be.
fn read_file(file: &Path) -> Result<String, String> {
    let open = fs::File::open(file).map_err(|why| why.to_string())?;
    let mut bytes = Vec::new();
    let read = open.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|why| why.to_string())?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(format!("it is larger than {TEXT_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// What changes when the texts of a path do, as far as can be seen without reading them: name, size
/// and time of change of each.
pub(super) type Mark = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// None if the path cannot be looked at.
pub(super) fn mark(path: &Path) -> Option<Mark> {
    let mut mark = Mark::new();
    for file in files(path).ok()? {
        let metadata = fs::metadata(&file).ok()?;
        mark.push((file, metadata.len(), metadata.modified().ok()));
    }
    Some(mark)
}
