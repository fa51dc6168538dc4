//! Finds the end of the records in the last segment after a crash.
//!
//! A power loss may leave any part of the last commit: a hole, or records behind a hole. That is no
//! loss, nobody was told that it is safe. Holes before the last commit are: its write began only
//! after the one before was synced. Each record says how far into its commit it is, which tells the
//! two apart; what the cursor file knows to be committed counts as such as well.

use std::ops::Range;

use crate::limits::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use crate::record::Header;
use crate::scan::{Limit, Scan, Step};
use crate::segments::Mark;

/// The end of a segment's records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub mark: Mark,
    pub offset: u64,
    /// Whether records may be appended there: nothing behind it could be taken for one.
    pub clean: bool,
    /// What was skipped before it, with losses.
    pub faults: Vec<Range<u64>>,
}

/// A hole that may or may not be the last commit's.
struct Hole {
    range: Range<u64>,
    before: Mark,
}

struct Walk {
    mark: Mark,
    offset: u64,
    open: Vec<Hole>,
    faults: Vec<Range<u64>>,
    /// What is known to have been committed.
    known: Mark,
    written_ms: Option<i64>,
}

/// Walks a segment that begins at `base` up to the file's end. Gives the wall clock of the last
/// record as well.
pub(crate) async fn find(
    scan: &mut Scan,
    base: Mark,
    file_bytes: u64,
    known: Mark,
) -> (Tail, Option<i64>) {
    let limit = Limit {
        offset: file_bytes,
        sequence: u64::MAX,
    };
    let mut walk = Walk {
        mark: base,
        offset: SEGMENT_HEADER_BYTES,
        open: Vec::new(),
        faults: Vec::new(),
        known,
        written_ms: None,
    };
    loop {
        match scan.step(limit).await {
            Step::Record { header, range, .. } => walk.record(&header, range),
            Step::Damaged { header, range } => walk.damaged(&header, range),
            Step::Skipped { range } => walk.hole(range),
            Step::End { .. } => break,
        }
    }
    let written_ms = walk.written_ms;
    (walk.end(scan, file_bytes), written_ms)
}

impl Walk {
    fn record(&mut self, header: &Header, range: Range<u64>) {
        self.close_holes(header, &range);
        self.pass(header, range);
    }

    fn damaged(&mut self, header: &Header, range: Range<u64>) {
        // The header alone proves that its commit had begun.
        self.close_holes(header, &range);
        if header.sequence < self.known.sequence {
            self.faults.push(range.clone());
        } else {
            self.open.push(Hole {
                range: range.clone(),
                before: self.mark,
            });
        }
        self.pass(header, range);
    }

    fn hole(&mut self, range: Range<u64>) {
        if self.mark.sequence < self.known.sequence {
            self.faults.push(range);
        } else {
            self.open.push(Hole {
                range,
                before: self.mark,
            });
        }
    }

    /// Holes before the commit that this record belongs to are losses.
    fn close_holes(&mut self, header: &Header, range: &Range<u64>) {
        let commit = range.start.saturating_sub(u64::from(header.commit_offset));
        let inside = self.open.iter().position(|hole| commit <= hole.range.start);
        let closed = inside.unwrap_or(self.open.len());
        self.faults
            .extend(self.open.drain(..closed).map(|hole| hole.range));
    }

    fn pass(&mut self, header: &Header, range: Range<u64>) {
        assert!(self.mark.sequence <= header.sequence, "a walk goes forward");
        if header.sequence >= self.known.sequence {
            // Items of records that lost their headers are counted there.
            self.mark.items = self.mark.items.max(self.known.items);
        }
        let items = self.mark.items + u64::from(header.items);
        self.mark = Mark {
            sequence: header.sequence + 1,
            items,
        };
        self.offset = range.end;
        self.written_ms = Some(header.appended_ms);
    }

    fn end(mut self, scan: &Scan, file_bytes: u64) -> Tail {
        let mut clean = true;
        if let Some(hole) = self.open.first() {
            // The last commit is torn. Its intact beginning may stay; the rest must not come back,
            // so the segment ends here for good and the next one begins with this sequence.
            (self.mark, self.offset) = (hole.before, hole.range.start);
            clean = false;
        }
        if scan.is_unreadable() {
            // There may be records. Their sequences are not used again, so that they are read, or
            // counted as lost, later.
            self.mark.sequence += (file_bytes - self.offset) / RECORD_HEADER_BYTES as u64 + 1;
            clean = false;
        }
        Tail {
            mark: self.mark,
            offset: self.offset,
            clean,
            faults: self.faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use runtime::fs::{self, OpenOptions};
    use runtime::sim;

    use super::*;
    use crate::record::seal;
    use crate::scan::Patience;
    use crate::segment::SegmentId;

    const ID: SegmentId = SegmentId {
        number: 1,
        base_sequence: 1,
        base_items: 0,
        salt: 3,
    };

    const FILE_BYTES: usize = 4096;

    /// Commits of records with a payload of 8 bytes, 48 bytes and ten items each.
    fn commits(counts: &[u64]) -> Vec<u8> {
        let mut content = vec![0; SEGMENT_HEADER_BYTES as usize];
        let mut sequence = 1u64;
        for count in counts {
            for index in 0..*count {
                let payload = sequence.to_le_bytes();
                let header = Header {
                    kind: 1,
                    payload_bytes: 8,
                    payload_crc: crc32c::crc32c(&payload),
                    sequence,
                    appended_ms: sequence as i64,
                    items: 10,
                    commit_offset: index as u32 * 48,
                };
                let mut bytes = [header.encode().as_slice(), &payload].concat();
                seal(&mut bytes, ID.seed());
                content.extend(bytes);
                sequence += 1;
            }
        }
        content.resize(FILE_BYTES, 0);
        content
    }

    /// Where the record with this sequence starts.
    fn start(sequence: u64) -> usize {
        SEGMENT_HEADER_BYTES as usize + (sequence as usize - 1) * 48
    }

    fn tail_of(content: Vec<u8>, known: u64) -> Tail {
        let simulation = sim::Simulation::new(1, sim::Options::new(sim::Disk::new()));
        let found = simulation.run(|| {
            Box::pin(async move {
                let path = Path::new("/segment");
                let file = fs::open(path, &OpenOptions::create()).await.unwrap();
                file.write_at(content, 0).await.0.unwrap();
                let mut scan = Scan::open(path, ID, Patience::Brief).await.unwrap();
                let known = Mark {
                    sequence: known,
                    items: known.saturating_sub(1) * 10,
                };
                let (tail, written_ms) = find(&mut scan, ID.base(), FILE_BYTES as u64, known).await;
                assert!(written_ms.is_none_or(|written_ms| written_ms > 0));
                tail
            })
        });
        found.unwrap()
    }

    /// The next sequence, whether the segment can go on, and the losses.
    fn check(content: Vec<u8>, known: u64, expect: (u64, bool, &[Range<u64>])) {
        let tail = tail_of(content, known);
        assert_eq!((tail.mark.sequence, tail.clean, &tail.faults[..]), expect);
    }

    #[test]
    fn an_untorn_segment_goes_on_behind_its_last_record() {
        check(commits(&[2, 3]), 0, (6, true, &[]));
        check(commits(&[]), 0, (1, true, &[]));
    }

    #[test]
    fn a_last_commit_without_its_end_keeps_its_beginning() {
        let mut content = commits(&[2, 3]);
        content[start(5)..].fill(0);
        check(content, 0, (5, true, &[]));
    }

    #[test]
    fn a_hole_in_the_last_commit_is_no_loss_but_ends_the_segment() {
        let mut content = commits(&[2, 3]);
        content[start(4)..start(5)].fill(0);
        check(content, 0, (4, false, &[]));
    }

    #[test]
    fn a_damaged_end_is_no_loss_but_ends_the_segment() {
        let mut content = commits(&[2, 3]);
        content[start(5) + 40] ^= 1;
        check(content, 0, (5, false, &[]));
    }

    #[test]
    fn a_hole_before_the_last_commit_is_a_loss() {
        let mut content = commits(&[2, 3]);
        content[start(2)..start(3)].fill(0);
        let hole = start(2) as u64..start(3) as u64;
        check(content, 0, (6, true, &[hole]));
    }

    #[test]
    fn what_is_known_to_be_committed_is_a_loss_in_the_last_commit_too() {
        let mut content = commits(&[2, 3]);
        content[start(4)..start(5)].fill(0);
        let hole = start(4) as u64..start(5) as u64;
        check(content.clone(), 6, (6, true, std::slice::from_ref(&hole)));
        // Known up to the hole only.
        check(content, 4, (4, false, &[]));
    }

    #[test]
    fn items_of_a_record_without_a_header_are_known_from_the_cursor_file() {
        let mut content = commits(&[2, 3]);
        content[start(2)..start(3)].fill(0);
        assert_eq!(tail_of(content.clone(), 0).mark.items, 40);
        assert_eq!(tail_of(content, 4).mark.items, 50);
    }
}
