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

/// A sequence to look for on the way: a destination's cursor.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub sequence: u64,
    /// The first record that is not before it, once met.
    pub found: Option<(Mark, u64)>,
}

/// A hole that may or may not be the last commit's.
struct Hole {
    range: Range<u64>,
    before: Mark,
}

struct Walk<'a> {
    mark: Mark,
    offset: u64,
    open: Vec<Hole>,
    faults: Vec<Range<u64>>,
    /// Sequences before this one are known to have been committed.
    known: u64,
    written_ms: Option<i64>,
    wanted: &'a mut [Wanted],
}

/// Walks a segment that begins at `base` up to the file's end. Gives the wall clock of the last
/// record as well.
pub(crate) async fn find(
    scan: &mut Scan,
    base: Mark,
    file_bytes: u64,
    known: u64,
    wanted: &mut [Wanted],
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
        wanted,
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

impl Walk<'_> {
    fn record(&mut self, header: &Header, range: Range<u64>) {
        self.close_holes(header, &range);
        self.pass(header, range);
    }

    fn damaged(&mut self, header: &Header, range: Range<u64>) {
        // The header alone proves that its commit had begun.
        self.close_holes(header, &range);
        if header.sequence < self.known {
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
        if self.mark.sequence < self.known {
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
        for wanted in self.wanted.iter_mut() {
            if wanted.found.is_none() && wanted.sequence <= header.sequence {
                let mark = Mark {
                    sequence: header.sequence,
                    items: self.mark.items,
                };
                wanted.found = Some((mark, range.start));
            }
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
#[path = "tail_tests.rs"]
mod tests;
