//! One file that is written to at its end, and the older ones that it was before.

use std::io;
use std::path::{Path, PathBuf};

use ops::gotime::{Layout, Zone};
use runtime::fs::{self, File, OpenOptions};

use super::Rotation;

/// How a file is opened, and what becomes of it.
#[derive(Clone)]
pub struct Options {
    /// What is in it stays.
    pub append: bool,
    pub rotation: Option<Rotation>,
}

/// An open file.
pub struct Output {
    path: PathBuf,
    file: File,
    end: u64,
    rotation: Option<Rotation>,
}

/// Where the time stands in names of old files, as lumberjack writes it.
const LAYOUT: &str = "2006-01-02T15-04-05.000";
const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// Only for the user of this process: telemetry may tell secrets.
const WRITE: OpenOptions = OpenOptions {
    private: true,
    ..OpenOptions::create()
};

impl Output {
    /// Opens or makes a file. Compat: one that is rotated is never emptied, and its folder is made.
    pub async fn open(path: PathBuf, options: Options) -> io::Result<Output> {
        let rotates = options.rotation.is_some();
        if rotates && let Some(folder) = path.parent() {
            fs::create_dir_all(folder).await?;
        }
        let how = OpenOptions {
            truncate: !options.append && !rotates,
            ..WRITE
        };
        let file = fs::open(&path, &how).await?;
        let output = Output {
            end: file.len()?,
            path,
            file,
            rotation: options.rotation,
        };
        output.forget_old().await;
        Ok(output)
    }

    /// Writes a message at the end of the file, or of a new one if this one is full.
    pub async fn write(&mut self, message: Vec<u8>) -> io::Result<()> {
        // Others may have cut the file; what is behind a failed write of ours is written over.
        self.end = self.end.min(self.file.len()?);
        let bytes = message.len() as u64;
        let full = |rotation: &Rotation| self.end + bytes > size_max(rotation);
        if self.end > 0 && self.rotation.as_ref().is_some_and(full) {
            self.rotate().await?;
        }
        self.file.write_at(message, self.end).await.0?;
        self.end += bytes;
        Ok(())
    }

    async fn rotate(&mut self) -> io::Result<()> {
        let stamp = Layout::new(LAYOUT).format(runtime::wall_ns(), &Zone::utc());
        let (before, after) = self.name_parts();
        let old = self.path.with_file_name(format!("{before}-{stamp}{after}"));
        fs::rename(&self.path, &old).await?;
        let how = OpenOptions {
            truncate: true,
            ..WRITE
        };
        self.file = fs::open(&self.path, &how).await?;
        self.end = 0;
        self.forget_old().await;
        Ok(())
    }

    /// Removes old files that are too many or too old. That one cannot be removed is told, and
    /// tried again with the next rotation.
    async fn forget_old(&self) {
        let Some(rotation) = &self.rotation else {
            return;
        };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        // A relative path without a folder is in the current one.
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        let listed = match fs::read_dir(folder).await {
            Ok(listed) => listed,
            Err(error) => {
                let folder = folder.display();
                return tracing::warn!("old files in {folder} cannot be listed: {error}");
            }
        };
        let names = listed.into_iter().map(|entry| entry.name).collect();
        for name in self.too_old(names, rotation, runtime::wall_ns()) {
            let path = folder.join(name);
            if let Err(error) = fs::remove_file(&path).await {
                let path = path.display();
                tracing::warn!("the old file {path} cannot be removed: {error}");
            }
        }
    }

    /// Those of the names that are old files and not to be kept.
    fn too_old(&self, names: Vec<String>, rotation: &Rotation, now_ns: i64) -> Vec<String> {
        let (before, after) = self.name_parts();
        let layout = Layout::new(LAYOUT);
        let time = |name: &str| {
            let stamp = name.strip_prefix(&before)?.strip_prefix('-')?;
            let parsed = layout.parse(stamp.strip_suffix(&after)?)?;
            Some(parsed.unix_ns(&Zone::utc()))
        };
        let timed = names
            .into_iter()
            .filter_map(|name| Some((time(&name)?, name)));
        let mut old: Vec<(i64, String)> = timed.collect();
        old.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let kept = match usize::try_from(rotation.max_backups) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(kept) => kept,
        };
        let oldest = match rotation.max_days {
            0 => i64::MIN,
            days => now_ns.saturating_sub(days.saturating_mul(DAY_NS)),
        };
        let listed = old.into_iter().enumerate();
        let gone = listed.filter(|(at, (time, _))| *at >= kept || *time < oldest);
        gone.map(|(_, (_, name))| name).collect()
    }

    /// What stands before and after the time in names of old files.
    fn name_parts(&self) -> (String, String) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        match name.rfind('.') {
            Some(dot) => (name[..dot].to_owned(), name[dot..].to_owned()),
            None => (name.into_owned(), String::new()),
        }
    }
}

/// Compat: zero is the default.
fn size_max(rotation: &Rotation) -> u64 {
    match u64::try_from(rotation.max_megabytes) {
        Ok(0) | Err(_) => 100 << 20,
        Ok(megabytes) => megabytes.saturating_mul(1 << 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_go_when_they_are_too_many_or_too_old() {
        runtime::sim::check(1, || async {
            let rotation = Rotation {
                localtime: false,
                max_backups: 2,
                max_days: 0,
                max_megabytes: 1,
            };
            let options = Options {
                append: false,
                rotation: Some(rotation.clone()),
            };
            let output = Output::open("/logs/out.json".into(), options).await;
            let output = output.expect("the file can be made");
            let names = [
                "out-1970-01-03T00-00-00.000.json",
                "out-1970-01-01T00-00-00.000.json",
                "out-1970-01-02T23-00-00.000.json",
                "out-1970-01-02T22-00-00.000.json",
                "out.json",
                "out-other.json",
                "other-1970-01-01T00-00-00.000.json",
            ];
            let gone = |rotation: &Rotation| {
                let names = names.map(str::to_owned).to_vec();
                output.too_old(names, rotation, 3 * DAY_NS)
            };
            let by_count = [
                "out-1970-01-02T22-00-00.000.json",
                "out-1970-01-01T00-00-00.000.json",
            ];
            assert_eq!(gone(&rotation), by_count);
            let by_age = Rotation {
                max_backups: 0,
                max_days: 1,
                ..rotation
            };
            let by_age = gone(&by_age);
            assert_eq!(by_age.len(), 3, "of the last day there is one: {by_age:?}");
        });
    }
}
