//! Where a configuration comes from: a file, a folder of files, or a text built into the binary.

use std::path::{Path, PathBuf};

use syntax::{Diagnostic, SOURCE_BYTES_MAX, SourceMap};

/// The place that is read again at each reload.
#[derive(Clone, Debug)]
pub enum ConfigSource {
    /// A file, or a folder whose `*.alloy` files are one configuration.
    Path(PathBuf),
    /// A text that never changes; the name stands in messages.
    Text { name: &'static str, text: String },
    /// Files by name, as somebody else has read them.
    Texts(Vec<(String, String)>),
}

impl ConfigSource {
    /// What `module_path` stands for at the root: the folder of the configuration.
    pub fn module_path(&self) -> String {
        match self {
            ConfigSource::Path(path) if path.is_dir() => path.display().to_string(),
            ConfigSource::Path(path) => match path.parent() {
                Some(folder) if folder.as_os_str().is_empty() => ".".to_owned(),
                Some(folder) => folder.display().to_string(),
                None => String::new(),
            },
            ConfigSource::Text { .. } | ConfigSource::Texts(_) => String::new(),
        }
    }

    /// Reads all texts. The order of a folder's files is that of their names, so that messages and
    /// graphs do not depend on the file system.
    pub fn read(&self) -> Result<SourceMap, Box<Diagnostic>> {
        let mut sources = SourceMap::new();
        match self {
            ConfigSource::Text { name, text } => {
                sources.add(*name, text.as_str());
            }
            ConfigSource::Texts(files) => {
                for (name, text) in files {
                    sources.add(name.as_str(), text.as_str());
                }
            }
            ConfigSource::Path(path) => {
                let folder = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
                let files = if folder.is_dir() {
                    alloy_files(path)?
                } else {
                    vec![path.clone()]
                };
                for file in files {
                    sources.add(file.display().to_string(), read_text(&file)?);
                }
            }
        }
        Ok(sources)
    }
}

/// Compat: folders inside are not entered and other endings are not read, as in Alloy (case
/// `modules/config_directory`).
fn alloy_files(folder: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let ours = path.extension().is_some_and(|ending| ending == "alloy");
        if ours && !is_test_file(&path) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(mistake(folder, "has no *.alloy file"));
    }
    files.sort();
    Ok(files)
}

/// Whether a file holds tests of the configuration beside it, and is no part of that.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().ends_with(".test.alloy")
}

fn read_text(file: &Path) -> Result<String, Box<Diagnostic>> {
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(mistake(
            file,
            &format!("is larger than {SOURCE_BYTES_MAX} bytes"),
        ));
    }
    String::from_utf8(bytes).map_err(|_| mistake(file, "is not UTF-8 text"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    mistake(path, &format!("cannot be read: {error}"))
}

fn mistake(path: &Path, what: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        None,
        format!("\"{}\" {what}", path.display()),
    ))
}
