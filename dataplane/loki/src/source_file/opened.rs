//! One open file: which one it is, how far it was read, its lines.

use std::io;
use std::path::Path;
use std::rc::Rc;

use batch::{LabelsBuf, LogEntry, LogsBatch, PairRange, TextRange};
use runtime::Instant;
use runtime::fs::{self, File, Identity, OpenOptions, Stat};
use xxhash_rust::xxh3::xxh3_64;

use super::charset::Charset;
use crate::clock::Clock;

/// Bytes read at a time: large enough that a read costs little beside its lines, small enough that
/// eight workers need little memory.
pub const CHUNK_BYTES: usize = 256 << 10;

/// Limit: bytes of a line; what loki.write takes. Longer ones are skipped and counted.
pub const LINE_BYTES_MAX: u64 = 8 << 20;

/// The beginning of a file, by which it is told from another one with its inode or name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Bytes that the hash is of.
    pub len: u16,
    pub hash: u64,
}

/// Most bytes that the hash is of, as in the reference.
const HEAD_BYTES_MAX: usize = 1024;

impl Head {
    fn of(bytes: &[u8]) -> Head {
        let bytes = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
        Head {
            len: bytes.len() as u16,
            hash: xxh3_64(bytes),
        }
    }

    /// Whether a file with this beginning may be the one that the head was taken of: that may have
    /// grown since. Of an empty one nobody can tell.
    pub fn fits(self, start: &[u8]) -> bool {
        let len = usize::from(self.len);
        len > 0 && len <= start.len() && Head::of(&start[..len]) == self
    }
}

/// An open file.
pub struct Opened {
    pub file: File,
    pub identity: Identity,
    pub charset: Charset,
    pub head: Head,
    /// Behind the last whole line that was read.
    pub offset: u64,
    /// Length and time of change when it was last read to its end; nothing while there is more.
    pub seen: Option<(u64, i64)>,
    /// Time of change when it was last read.
    pub modified_ns: i64,
    /// When the name was found to lead elsewhere.
    pub left: Option<Instant>,
    /// When it last had something new.
    pub grew: Instant,
    /// The end of what was read of it.
    end: u64,
    /// Bytes of a line that has not ended.
    pub rest: u64,
    /// Bytes behind `offset` of a line that is too long.
    skipped: u64,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more.
    More,
    /// At the end; `partial` bytes of a line are there already.
    End { partial: u64 },
}

/// Where lines go.
pub struct Sink<'a> {
    pub batch: &'a mut LogsBatch,
    pub labels: &'a Rc<LabelsBuf>,
    pub clock: &'a Clock,
    /// Lines that were dropped for their length.
    pub too_long: u64,
}

impl Opened {
    /// Opens a file; `charset` is that of the settings. Its offset is behind the byte order mark.
    pub async fn open(path: &Path, charset: Charset) -> io::Result<(Opened, Vec<u8>)> {
        let file = fs::open(path, &OpenOptions::read()).await?;
        let Stat {
            identity,
            is_dir,
            modified_ns,
            ..
        } = file.stat()?;
        if is_dir {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let start = read_start(&file).await?;
        let (charset, mark) = charset.with_mark(&start);
        let opened = Opened {
            identity,
            charset,
            head: Head::of(&start),
            offset: mark,
            seen: None,
            modified_ns,
            left: None,
            grew: runtime::now(),
            end: 0,
            rest: 0,
            skipped: 0,
            file,
        };
        Ok((opened, start))
    }

    /// Goes on from an earlier offset.
    pub fn resume(&mut self, offset: u64) {
        // Never within the byte order mark.
        self.offset = self.offset.max(offset);
    }

    /// The name leads elsewhere; what was written since the last look is still to be read.
    pub fn leave(&mut self) {
        self.left = Some(runtime::now());
        self.seen = None;
    }

    /// Goes behind the last line.
    pub async fn skip_to_end(&mut self) -> io::Result<()> {
        let mut end = self.file.stat()?.len;
        while self.offset < end {
            let start = end.saturating_sub(CHUNK_BYTES as u64).max(self.offset);
            // Whole units, whatever the encoding.
            let start = start - (start - self.offset) % 2;
            let (read, bytes) = self
                .file
                .read_at(vec![0; (end - start) as usize], start)
                .await;
            let lines_end = self.charset.lines_end(&bytes[..read?]);
            if lines_end > 0 {
                self.offset = start + lines_end as u64;
                return Ok(());
            }
            end = start;
        }
        Ok(())
    }

    /// Looks at the beginning again: true if it is another one than before, so that what was read
    /// is not in the file any more.
    pub async fn is_written_anew(&mut self) -> io::Result<bool> {
        let start = read_start(&self.file).await?;
        let anew = self.head.len > 0 && !self.head.fits(&start);
        self.head = Head::of(&start);
        Ok(anew)
    }

    /// Begins from the start.
    pub async fn rewind(&mut self) -> io::Result<()> {
        let start = read_start(&self.file).await?;
        let (charset, mark) = self.charset.with_mark(&start);
        self.charset = charset;
        self.head = Head::of(&start);
        self.offset = mark;
        self.skipped = 0;
        self.end = 0;
        Ok(())
    }

    /// Reads a chunk and appends its whole lines. The buffer has `CHUNK_BYTES` and comes back.
    pub async fn read(
        &mut self,
        sink: &mut Sink<'_>,
        buffer: Vec<u8>,
    ) -> (io::Result<Progress>, Vec<u8>) {
        assert_eq!(buffer.len(), CHUNK_BYTES, "a worker's buffer");
        sink.clock.look();
        let before = match self.file.stat() {
            Ok(before) => before,
            Err(error) => return (Err(error), buffer),
        };
        let (read, buffer) = self.file.read_at(buffer, self.offset + self.skipped).await;
        let read = match read {
            Ok(read) => read,
            Err(error) => return (Err(error), buffer),
        };
        if self.offset == 0 && self.head.len == 0 {
            // It was empty when it was opened.
            self.head = Head::of(&buffer[..read]);
        }
        let progress = self.lines_of(&buffer[..read], sink).await;
        self.modified_ns = before.modified_ns;
        self.seen = None;
        if let Ok(Progress::End { partial }) = progress {
            self.rest = partial;
            self.seen = Some((before.len, before.modified_ns));
        }
        (progress, buffer)
    }

    /// Takes what was read at the offset.
    async fn lines_of(&mut self, read: &[u8], sink: &mut Sink<'_>) -> io::Result<Progress> {
        let end = self.offset + self.skipped + read.len() as u64;
        if self.end < end {
            self.end = end;
            self.grew = runtime::now();
        }
        let full = read.len() == CHUNK_BYTES;
        if self.skipped > 0 {
            match self.charset.line_feed(read) {
                Some((at, len)) => {
                    self.offset += self.skipped + (at + len) as u64;
                    self.skipped = 0;
                }
                None if full => self.skipped += read.len() as u64,
                None => return Ok(Progress::End { partial: 0 }),
            }
            return Ok(Progress::More);
        }
        let lines_end = self.charset.lines_end(read);
        if lines_end == 0 && full {
            return self.long_line(sink).await;
        }
        self.take(&read[..lines_end], sink);
        self.offset += lines_end as u64;
        if full {
            return Ok(Progress::More);
        }
        let partial = (read.len() - lines_end) as u64;
        Ok(Progress::End { partial })
    }

    /// A line that is longer than a chunk. Reads it whole, in a buffer of its own.
    async fn long_line(&mut self, sink: &mut Sink<'_>) -> io::Result<Progress> {
        let buffer = vec![0; LINE_BYTES_MAX as usize];
        let (read, buffer) = self.file.read_at(buffer, self.offset).await;
        let read = &buffer[..read?];
        if let Some((at, len)) = self.charset.line_feed(read) {
            self.line(&read[..at], sink);
            self.offset += (at + len) as u64;
        } else if read.len() == buffer.len() {
            sink.too_long += 1;
            self.skipped = read.len() as u64;
        } else {
            let partial = read.len() as u64;
            return Ok(Progress::End { partial });
        }
        Ok(Progress::More)
    }

    /// The bytes behind the last line, as a line of their own, of a file that nobody writes any
    /// more.
    pub async fn take_rest(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        let len = self.file.stat()?.len.saturating_sub(self.offset);
        if len == 0 || len > LINE_BYTES_MAX || self.skipped > 0 {
            return Ok(());
        }
        let (read, rest) = self.file.read_at(vec![0; len as usize], self.offset).await;
        let rest = &rest[..read?];
        self.line(rest, sink);
        self.offset += rest.len() as u64;
        self.rest = 0;
        Ok(())
    }

    /// Appends whole lines. Bytes are copied once, all together; other encodings line by line.
    fn take(&self, lines: &[u8], sink: &mut Sink<'_>) {
        if self.charset != Charset::Bytes {
            let mut rest = lines;
            while let Some((at, len)) = self.charset.line_feed(rest) {
                self.line(&rest[..at], sink);
                rest = &rest[at + len..];
            }
            return;
        }
        let all = sink.batch.add_text(lines);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let carriage = end > start && lines[end - 1] == b'\r';
            let line = TextRange {
                start: all.start + start as u32,
                end: all.start + end as u32 - u32::from(carriage),
            };
            add(sink, line);
            start = end + 1;
        }
    }

    fn line(&self, line: &[u8], sink: &mut Sink<'_>) {
        add_line(self.charset, line, sink);
    }
}

/// Appends a line, as text.
pub fn add_line(charset: Charset, line: &[u8], sink: &mut Sink<'_>) {
    let start = sink.batch.add_text(b"").start;
    charset.decode(charset.trim(line), &mut sink.batch.text);
    let end = sink.batch.add_text(b"").end;
    add(sink, TextRange { start, end });
}

fn add(sink: &mut Sink<'_>, line: TextRange) {
    let entry = LogEntry {
        timestamp_ns: sink.clock.next_ns(),
        line,
        metadata: PairRange::default(),
    };
    sink.batch.add_entry(sink.labels, entry);
}

async fn read_start(file: &File) -> io::Result<Vec<u8>> {
    let (read, mut start) = file.read_at(vec![0; HEAD_BYTES_MAX], 0).await;
    start.truncate(read?);
    Ok(start)
}
