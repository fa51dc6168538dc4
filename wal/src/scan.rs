//! Walks the records of a segment file from disk: intact ones, damaged ones, and runs of bytes that
//! are none. Used where the bytes are not to be trusted: at start, behind the mapped segments, and
//! by the offline reader.
//!
//! Reads go through the file and not through a mapping, so that a bad sector is an error and no
//! fault, and a wait for the disk stops nobody else on the shard.

use std::io;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use runtime::fs::{self, File, OpenOptions};

use crate::limits::{
    BLOCK_BYTES, READ_ATTEMPTS_MAX, READ_RETRY_DELAY, READ_RETRY_DELAY_MAX, RECORD_ALIGNMENT,
    RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, WINDOW_BYTES,
};
use crate::record::{Header, MAGIC};
use crate::segment::{FoundHeader, SegmentHeader, SegmentId};

/// A walk through one segment.
pub(crate) struct Scan {
    file: File,
    id: SegmentId,
    seed: u32,
    window: Bytes,
    window_start: u64,
    offset: u64,
    /// The lowest sequence that the next record can have.
    floor: u64,
    patience: Patience,
    /// A part could not be read since the last sound header.
    unreadable: bool,
}

/// How long a walk insists on a block that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Start must not wait: what is skipped is looked at again when it is read.
    Brief,
    /// What is skipped is lost.
    Long,
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The end of the records in the file.
    pub offset: u64,
    /// The sequence that the segment's records end before.
    pub sequence: u64,
}

/// What a walk met.
#[derive(Debug)]
pub(crate) enum Step {
    Record {
        header: Header,
        payload: Bytes,
        range: Range<u64>,
    },
    /// The header is sound, the payload is not.
    Damaged { header: Header, range: Range<u64> },
    /// No record; a sound header follows.
    Skipped { range: Range<u64> },
    /// No record up to the limit.
    End { range: Range<u64> },
}

impl Scan {
    pub async fn open(path: &Path, id: SegmentId, patience: Patience) -> io::Result<Scan> {
        let file = fs::open(path, &OpenOptions::read()).await?;
        Ok(Scan {
            file,
            id,
            seed: id.seed(),
            window: Bytes::new(),
            window_start: 0,
            offset: SEGMENT_HEADER_BYTES,
            floor: id.base_sequence,
            patience,
            unreadable: false,
        })
    }

    /// Whether there may be records that could not be read behind the last one.
    pub fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Goes on elsewhere. The caller knows that a record starts there, or says what it can be.
    pub fn seek(&mut self, offset: u64, floor: u64) {
        assert!(
            offset >= SEGMENT_HEADER_BYTES,
            "no record starts in the header"
        );
        (self.offset, self.floor) = (offset, floor);
    }

    /// The segment's header.
    pub async fn header(&mut self) -> FoundHeader {
        match self.load(0, SEGMENT_HEADER_BYTES as usize).await {
            Ok(bytes) => SegmentHeader::decode(&bytes),
            Err(_) => FoundHeader::Bad,
        }
    }

    /// The next thing before the limit.
    pub async fn step(&mut self, limit: Limit) -> Step {
        let start = self.offset;
        let Some((offset, header)) = self.find(start, limit).await else {
            self.offset = limit.offset.max(start);
            return Step::End {
                range: start..self.offset,
            };
        };
        if offset > start {
            self.offset = offset;
            return Step::Skipped {
                range: start..offset,
            };
        }
        let range = offset..offset + header.record_bytes();
        let payload = self.load(
            offset + RECORD_HEADER_BYTES as u64,
            header.payload_bytes as usize,
        );
        let payload = payload.await;
        self.offset = range.end;
        self.floor = header.sequence + 1;
        self.unreadable = false;
        match payload {
            Ok(payload) if header.is_payload(&payload) => Step::Record {
                header,
                payload,
                range,
            },
            _ => Step::Damaged { header, range },
        }
    }

    /// The first sound header at or after `offset`.
    async fn find(&mut self, mut offset: u64, limit: Limit) -> Option<(u64, Header)> {
        while offset + RECORD_HEADER_BYTES as u64 <= limit.offset {
            let Ok(window) = self.load(offset, RECORD_HEADER_BYTES).await else {
                self.unreadable = true;
                offset = (offset / BLOCK_BYTES + 1) * BLOCK_BYTES;
                continue;
            };
            if window.len() < RECORD_HEADER_BYTES {
                // The file is shorter than it should be.
                return None;
            }
            let window = self.window.slice((offset - self.window_start) as usize..);
            let is_sound = |at: usize, header: &Header| {
                let end = offset + at as u64 + header.record_bytes();
                self.floor <= header.sequence
                    && header.sequence < limit.sequence
                    && end <= limit.offset
            };
            match find_header(&window, self.seed, is_sound) {
                Ok((at, header)) => return Some((offset + at as u64, header)),
                Err(searched) => offset += searched as u64,
            }
        }
        None
    }

    /// The bytes at `offset`, less than asked for only at the end of the file.
    async fn load(&mut self, offset: u64, len: usize) -> io::Result<Bytes> {
        let end = offset + len as u64;
        let window_end = self.window_start + self.window.len() as u64;
        if offset < self.window_start || window_end < end {
            self.window = match self.read(offset, len.max(WINDOW_BYTES)).await {
                Ok(window) => window,
                Err(_) => self.read_patiently(offset, len).await?,
            };
            self.window_start = offset;
        }
        let start = (offset - self.window_start) as usize;
        let end = (start + len).min(self.window.len());
        Ok(self.window.slice(start..end))
    }

    async fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let (read, mut bytes) = self.file.read_at(vec![0; len], offset).await;
        bytes.truncate(read?);
        Ok(Bytes::from(bytes))
    }

    /// Reads no more than is needed, several times: a disk may fail once, or in another block.
    async fn read_patiently(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut delay = READ_RETRY_DELAY;
        if self.patience == Patience::Long {
            for _ in 2..READ_ATTEMPTS_MAX {
                match self.read(offset, len).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(_) => runtime::sleep(delay).await,
                }
                delay = (delay * 2).min(READ_RETRY_DELAY_MAX);
            }
        }
        let read = self.read(offset, len).await;
        if let Err(error) = &read {
            let segment = self.id.number;
            tracing::warn!(
                segment,
                offset,
                len,
                "cannot read a part of the log: {error}"
            );
        }
        read
    }

    /// A part of the file, as far as it can be read, for quarantine.
    pub async fn piece(&mut self, range: Range<u64>) -> Bytes {
        let len = (range.end - range.start) as usize;
        self.load(range.start, len).await.unwrap_or_default()
    }
}

/// The first header in `window` that decodes and is sound; else the number of bytes, a multiple of
/// the alignment, that hold none.
fn find_header(
    window: &[u8],
    seed: u32,
    is_sound: impl Fn(usize, &Header) -> bool,
) -> Result<(usize, Header), usize> {
    debug_assert!(window.len() >= RECORD_HEADER_BYTES);
    let mut at = 0;
    while at + RECORD_HEADER_BYTES <= window.len() {
        if window[at..at + 3] == MAGIC
            && let Some(header) = Header::decode(&window[at..], seed)
            && is_sound(at, &header)
        {
            return Ok((at, header));
        }
        at += RECORD_ALIGNMENT;
    }
    Err(at)
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
