//! Collector `textfile`: metrics that other programs leave in files.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::host::{Host, Outcome, names, read};
use crate::families::Families;
use crate::text::Text;

pub fn files(host: &Host, out: &mut Families) -> Outcome {
    let folder = &host.arguments.textfile.directory;
    let mut failed = false;
    let mut read_files = Vec::new();
    if !folder.is_empty() {
        let folder = Path::new(folder);
        let files = names(folder).unwrap_or_else(|error| {
            tracing::error!(path = %folder.display(), err = %error, "cannot read metrics' folder");
            failed = true;
            Vec::new()
        });
        for file in files.iter().filter(|file| file.ends_with(".prom")) {
            let path = folder.join(file);
            match one(&path) {
                Ok(text) => read_files.push((path, text)),
                Err(error) => {
                    tracing::error!(path = %path.display(), err = error, "cannot read metrics");
                    failed = true;
                }
            }
        }
    }
    failed |= write(&read_files, out);
    let help = "Unixtime mtime of textfiles successfully read.";
    for (path, _) in &read_files {
        // It may have gone away meanwhile.
        let changed = fs::metadata(path).and_then(|it| it.modified()).ok();
        if let Some(since) = changed.and_then(|it| it.duration_since(UNIX_EPOCH).ok()) {
            let path = path.to_string_lossy();
            let labels = [("file", &*path)];
            let seconds = since.as_secs() as f64;
            out.gauge("node_textfile_mtime_seconds", help, &labels, seconds);
        }
    }
    let help = "1 if there was an error opening or reading a file, 0 otherwise";
    let failed = f64::from(u8::from(failed));
    out.gauge("node_textfile_scrape_error", help, &[], failed);
    Ok(())
}

fn one(path: &Path) -> Result<Text, String> {
    let text = read(path).map_err(|error| error.to_string())?;
    let text = Text::parse(&text)?;
    let mut samples = text.families.values().flat_map(|family| &family.samples);
    if samples.any(|sample| sample.timestamp_ms.is_some()) {
        return Err("it contains timestamps, which are not supported".to_owned());
    }
    Ok(text)
}

/// Writes all families; whether files contradict each other in their help.
fn write(files: &[(PathBuf, Text)], out: &mut Families) -> bool {
    let mut sources: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, text) in files {
        for name in text.families.keys() {
            let source = path.to_string_lossy().into_owned();
            sources.entry(name).or_default().push(source);
        }
    }
    let mut helps: HashMap<&str, &str> = HashMap::new();
    let mut contradicted = false;
    for (path, text) in files {
        for (name, family) in &text.families {
            match (&family.help, helps.get(name.as_str())) {
                (Some(help), Some(known)) if help != known => {
                    let path = path.display();
                    tracing::error!(metric = name, %path, "another file has another help text");
                    contradicted = true;
                    continue;
                }
                (Some(help), None) => drop(helps.insert(name, help)),
                _ => {}
            }
            let default = format!("Metric read from {}", sources[name.as_str()].join(", "));
            let help = family.help.as_deref().unwrap_or(&default);
            family.write(name, help, out);
        }
    }
    contradicted
}
