//! The files that are read: found by their names, told apart by their identity.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ops::stanza::Splitter;
use runtime::Instant;
use runtime::fs::{self, File, Identity, OpenOptions, Stat};
use stdx::glob::Glob;

/// Bytes that a read takes at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Which files there are.
pub struct Names {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    older_than: Duration,
}

impl Names {
    pub fn new(include: &[String], exclude: &[String], older_than: Duration) -> Names {
        let globs = |patterns: &[String]| {
            let globs = patterns
                .iter()
                .map(|it| Glob::new(it).expect("checked: a pattern"));
            globs.collect()
        };
        Names {
            include: globs(include),
            exclude: globs(exclude),
            older_than,
        }
    }

    /// The files, sorted by name.
    pub async fn find(&self) -> Vec<(PathBuf, Stat)> {
        let globs = self.include.clone();
        let found = runtime::service::blocking(move || {
            let mut found: Vec<PathBuf> = globs.iter().flat_map(Glob::expand).collect();
            found.sort();
            found.dedup();
            found
        });
        let mut found = found.await;
        let excluded = |path: &Path| {
            let path = path.to_string_lossy();
            self.exclude.iter().any(|glob| glob.matches(&path))
        };
        found.retain(|path| !excluded(path));
        let stats = fs::stat_all(found.clone()).await;
        let now_ns = runtime::wall_ns();
        let oldest_ns = match self.older_than.is_zero() {
            true => i64::MIN,
            false => {
                let age = i64::try_from(self.older_than.as_nanos()).unwrap_or(i64::MAX);
                now_ns.saturating_sub(age)
            }
        };
        // What is gone again, or a folder, is no file to read.
        let files = found.into_iter().zip(stats).filter_map(|(path, stat)| {
            let stat = stat.ok()?;
            let fits = !stat.is_dir && oldest_ns <= stat.modified_ns;
            fits.then_some((path, stat))
        });
        files.collect()
    }
}

/// An open file.
pub struct Opened {
    pub path: PathBuf,
    pub identity: Identity,
    /// Behind the last record that was passed on.
    pub offset: u64,
    /// Records before the offset, since it was opened.
    pub records: i64,
    file: File,
    /// When it last had something new, and how long it was then.
    grew: Instant,
    len: u64,
}

impl Opened {
    pub async fn open(path: &Path, offset: Option<u64>) -> io::Result<Opened> {
        let file = fs::open(path, &OpenOptions::read()).await?;
        let stat = file.stat()?;
        Ok(Opened {
            path: path.to_owned(),
            identity: stat.identity,
            offset: offset.unwrap_or(stat.len).min(stat.len),
            records: 0,
            file,
            grew: runtime::now(),
            len: stat.len,
        })
    }

    /// The next records and the offset behind them; none when there is nothing whole. A line that
    /// waited longer than `flush` for its end is taken as it is.
    pub async fn next(
        &mut self,
        splitter: &Splitter,
        flush: Duration,
    ) -> io::Result<Option<(Vec<Vec<u8>>, u64)>> {
        let len = self.file.stat()?.len;
        if len < self.offset {
            tracing::info!("{} was cut: it is read from its start", self.path.display());
            self.offset = 0;
            self.records = 0;
        }
        if len != self.len {
            self.len = len;
            self.grew = runtime::now();
        }
        if len == self.offset {
            return Ok(None);
        }
        let room = CHUNK_BYTES.max(splitter.bytes_max().saturating_add(1));
        let wanted = room.min(usize::try_from(len - self.offset).unwrap_or(room));
        let (read, bytes) = self.file.read_at(vec![0; wanted], self.offset).await;
        let bytes = &bytes[..read?];
        let at_end = self.offset + bytes.len() as u64 == len;
        let ended = at_end && !flush.is_zero() && flush <= self.grew.elapsed();
        let mut records = Vec::new();
        let mut used = 0;
        while let Some(found) = splitter.next(&bytes[used..], ended) {
            records.push(bytes[used..][found.record].to_vec());
            used += found.used;
        }
        match used {
            0 => Ok(None),
            used => Ok(Some((records, self.offset + used as u64))),
        }
    }
}
