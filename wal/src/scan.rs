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
    BLOCK_BYTES, READ_ATTEMPTS_AT_START_MAX, READ_ATTEMPTS_MAX, READ_RETRY_DELAY,
    READ_RETRY_DELAY_MAX, RECORD_ALIGNMENT, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES,
    WINDOW_BYTES,
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
        match self
            .load(0..SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES)
            .await
        {
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
        let payload = offset + RECORD_HEADER_BYTES as u64;
        let payload = payload..payload + u64::from(header.payload_bytes);
        let payload = self.load(payload, limit.offset).await;
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
            let header = offset..offset + RECORD_HEADER_BYTES as u64;
            let Ok(window) = self.load(header, limit.offset).await else {
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

    /// A part of the file, cut only at its end. Nothing at or behind `end` is kept for later: it
    /// may be written in the meantime.
    async fn load(&mut self, part: Range<u64>, end: u64) -> io::Result<Bytes> {
        assert!(part.end <= end, "what is asked for can be kept");
        let window_end = self.window_start + self.window.len() as u64;
        if part.start < self.window_start || window_end < part.end {
            let len = (part.end - part.start) as usize;
            let most = (end - part.start).min(len.max(WINDOW_BYTES) as u64) as usize;
            self.window = match self.read(part.start, most).await {
                Ok(window) => window,
                Err(_) => self.read_patiently(part.start, len).await?,
            };
            self.window_start = part.start;
        }
        let start = (part.start - self.window_start) as usize;
        let end = (part.end - self.window_start) as usize;
        Ok(self.window.slice(start..end.min(self.window.len())))
    }

    async fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let (read, mut bytes) = self.file.read_at(vec![0; len], offset).await;
        bytes.truncate(read?);
        Ok(Bytes::from(bytes))
    }

    /// Reads no more than is needed, several times: a disk may fail once, or in another block.
    async fn read_patiently(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let attempts = match self.patience {
            Patience::Brief => READ_ATTEMPTS_AT_START_MAX,
            Patience::Long => READ_ATTEMPTS_MAX,
        };
        let mut delay = READ_RETRY_DELAY;
        // The window was the first attempt, the last one follows.
        for _ in 2..attempts {
            match self.read(offset, len).await {
                Ok(bytes) => return Ok(bytes),
                Err(_) => runtime::sleep(delay).await,
            }
            delay = (delay * 2).min(READ_RETRY_DELAY_MAX);
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
        let end = range.end;
        self.load(range, end).await.unwrap_or_default()
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
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use runtime::sim;

    use super::*;
    use crate::record::seal;

    const ID: SegmentId = SegmentId {
        number: 1,
        base_sequence: 1,
        base_items: 0,
        salt: 77,
    };

    fn record(sequence: u64, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: 1,
            payload_bytes: payload.len() as u32,
            payload_crc: crc32c::crc32c(payload),
            sequence,
            appended_ms: 0,
            items: 1,
            commit_offset: 0,
        };
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(payload);
        bytes.resize(header.record_bytes() as usize, 0);
        seal(&mut bytes, ID.seed());
        bytes
    }

    /// What a walk over these bytes, which follow a segment's header, meets.
    fn walk(records: Vec<u8>) -> Vec<String> {
        let simulation = sim::Simulation::new(1, sim::Options::new(sim::Disk::new()));
        let met = simulation.run(|| {
            Box::pin(async move {
                let path = Path::new("/segment");
                let mut content = vec![0; SEGMENT_HEADER_BYTES as usize];
                content.extend_from_slice(&records);
                let file = fs::open(path, &OpenOptions::create()).await.unwrap();
                file.write_at(content, 0).await.0.unwrap();
                let offset = SEGMENT_HEADER_BYTES + records.len() as u64;
                let limit = Limit {
                    offset,
                    sequence: u64::MAX,
                };
                let mut scan = Scan::open(path, ID, Patience::Brief).await.unwrap();
                let mut met = Vec::new();
                loop {
                    met.push(match scan.step(limit).await {
                        Step::Record {
                            header, payload, ..
                        } => {
                            format!("record {} of {}", header.sequence, payload.len())
                        }
                        Step::Damaged { header, .. } => format!("damaged {}", header.sequence),
                        Step::Skipped { range } => format!("skipped {}", range.end - range.start),
                        Step::End { range } => {
                            met.push(format!("end {}", range.end - range.start));
                            return met;
                        }
                    });
                }
            })
        });
        met.unwrap()
    }

    #[test]
    fn records_follow_each_other_to_the_end() {
        let records = [record(1, b"one"), record(2, b""), record(3, &[7; 100])].concat();
        assert_eq!(
            walk(records),
            ["record 1 of 3", "record 2 of 0", "record 3 of 100", "end 0"]
        );
    }

    #[test]
    fn damage_is_told_from_bytes_that_are_no_record() {
        let mut records = [record(1, b"one"), record(2, b"two"), record(3, b"three")].concat();
        records[40] ^= 1;
        records[48 + 20] ^= 1;
        assert_eq!(
            walk(records),
            ["damaged 1", "skipped 48", "record 3 of 5", "end 0"]
        );
    }

    #[test]
    fn a_record_inside_of_a_payload_is_not_one() {
        let inner = record(9, b"inner");
        let records = [record(1, &inner), record(2, b"two")].concat();
        assert_eq!(walk(records), ["record 1 of 48", "record 2 of 3", "end 0"]);
    }

    #[test]
    fn sequences_that_go_back_are_leftovers() {
        let records = [record(5, b"five"), record(4, b"four"), record(6, b"six")].concat();
        assert_eq!(
            walk(records),
            ["record 5 of 4", "skipped 48", "record 6 of 3", "end 0"]
        );
    }

    #[test]
    fn a_record_that_reaches_over_the_limit_is_none() {
        let mut records = [record(1, b"one"), record(2, &[1; 100])].concat();
        records.truncate(48 + 100);
        assert_eq!(walk(records), ["record 1 of 3", "end 100"]);
    }

    #[test]
    fn a_payload_longer_than_the_window_is_read_whole() {
        let records = [record(1, &vec![1; 3 * WINDOW_BYTES]), record(2, b"two")].concat();
        assert_eq!(
            walk(records),
            ["record 1 of 786432", "record 2 of 3", "end 0"]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_walked_calmly(bytes in vec(any::<u8>(), 0..2000)) {
            let count = bytes.len();
            prop_assert_eq!(walk(bytes), [format!("end {count}")]);
        }

        #[test]
        fn whatever_is_spoiled_the_other_records_are_found(
            sizes in vec(0..200usize, 1..20),
            spoiled in vec((any::<prop::sample::Index>(), 1..=255u8), 0..4),
        ) {
            let mut records = Vec::new();
            let mut ranges = Vec::new();
            for (sequence, size) in (1..).zip(&sizes) {
                let start = records.len();
                records.extend(record(sequence, &vec![sequence as u8; *size]));
                // The zeros behind a payload are nobody's.
                ranges.push(start..start + RECORD_HEADER_BYTES + size);
            }
            let mut hit = vec![false; sizes.len()];
            let pristine = records.clone();
            for (index, flip) in spoiled {
                records[index.index(pristine.len())] ^= flip;
            }
            for (index, range) in ranges.iter().enumerate() {
                hit[index] = records[range.clone()] != pristine[range.clone()];
            }
            let met = walk(records);
            for (index, size) in sizes.iter().enumerate() {
                let found = met.contains(&format!("record {} of {size}", index + 1));
                prop_assert_eq!(found, !hit[index], "record {} in {:?}", index + 1, met);
            }
        }
    }
}
