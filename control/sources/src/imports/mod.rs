//! The sources of `import` blocks. Each exports `files`, an object of texts by name, and
//! `module_path`, the folder or address that they came from; what the texts mean is read in `plan`.
//!
//! A source that cannot be read at the start refuses the configuration. One that cannot be read
//! later leaves its last texts in place and is unhealthy until it can.

pub mod file;
mod folder;
pub mod git;
pub mod http;
pub mod string;

use std::collections::BTreeMap;
use std::path::Path;

use eval::{Component, ResolverCx};
use schema::{ExportField, Value};

/// The sources of this crate.
pub static IMPORTS: &[&Component] = &[
    &file::COMPONENT,
    &git::COMPONENT,
    &http::COMPONENT,
    &string::COMPONENT,
];

/// For programs only: no configuration can refer to them.
const EXPORTS: &[ExportField] = &[];

/// Limit: bytes of one text, the same that the parser takes.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Limit: files of a folder, as many as one import takes.
const FILES_MAX: usize = 1_000;

/// Texts by the names that stand in messages.
type Texts = BTreeMap<String, String>;

fn export(cx: &ResolverCx, texts: Texts, module_path: &str) {
    let files = texts
        .into_iter()
        .map(|(name, text)| (name, Value::from(text)));
    cx.export([
        ("files", Value::object(files)),
        ("module_path", module_path.into()),
    ]);
}

/// The folder that a path is in, or the path if it is one itself.
fn folder_of(path: &Path) -> String {
    if path.is_dir() {
        return path.display().to_string();
    }
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => ".".to_owned(),
        Some(folder) => folder.display().to_string(),
        None => String::new(),
    }
}
