//! The segments of a lane in order: all that is known of them without opening a file.

use std::collections::VecDeque;

use crate::clock::ClockMs;
use crate::segment::SegmentId;

/// A place in a lane: before the record with this sequence, after that many items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub sequence: u64,
    pub items: u64,
}

impl SegmentId {
    /// Where the segment begins.
    pub fn base(&self) -> Mark {
        Mark {
            sequence: self.base_sequence,
            items: self.base_items,
        }
    }
}

/// A segment file. A hundred GiB of 16 MiB segments are 6,400 of these, 300 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub id: SegmentId,
    pub file_bytes: u64,
    /// When it was begun, if that was in this process.
    pub begun: Option<ClockMs>,
}

/// The segments of a lane, oldest first.
///
/// Invariant: numbers increase, bases do not decrease. A segment's records end where the next one
/// begins, whatever its file holds beyond.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    list: VecDeque<Segment>,
    bytes: u64,
}

impl Segments {
    /// Whether a segment could follow the last one.
    pub fn fits(&self, id: &SegmentId) -> bool {
        self.list.back().is_none_or(|last| {
            let last = &last.id;
            last.number < id.number
                && last.base_sequence <= id.base_sequence
                && last.base_items <= id.base_items
        })
    }

    pub fn push(&mut self, segment: Segment) {
        assert!(self.fits(&segment.id), "segments are pushed in order");
        self.bytes += segment.file_bytes;
        self.list.push_back(segment);
    }

    pub fn pop_first(&mut self) -> Option<Segment> {
        let segment = self.list.pop_front()?;
        self.bytes -= segment.file_bytes;
        Some(segment)
    }

    pub fn pop_last(&mut self) -> Option<Segment> {
        let segment = self.list.pop_back()?;
        self.bytes -= segment.file_bytes;
        Some(segment)
    }

    /// The segment that holds a sequence, and where it ends if it is not the last.
    pub fn find(&self, sequence: u64) -> Option<(Segment, Option<Mark>)> {
        let after = self
            .list
            .partition_point(|segment| segment.id.base_sequence <= sequence);
        let segment = *self.list.get(after.checked_sub(1)?)?;
        Some((segment, self.list.get(after).map(|next| next.id.base())))
    }

    pub fn first(&self) -> Option<&Segment> {
        self.list.front()
    }

    pub fn second(&self) -> Option<&Segment> {
        self.list.get(1)
    }

    pub fn last(&self) -> Option<&Segment> {
        self.list.back()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.list.iter()
    }

    pub fn count(&self) -> usize {
        self.list.len()
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the segments from the one that holds a sequence on.
    pub fn bytes_from(&self, sequence: u64) -> u64 {
        let after = self
            .list
            .partition_point(|segment| segment.id.base_sequence <= sequence);
        self.list
            .iter()
            .skip(after.saturating_sub(1))
            .map(|segment| segment.file_bytes)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(bases: &[u64]) -> Segments {
        let mut segments = Segments::default();
        for (number, &base_sequence) in (1..).zip(bases) {
            let id = SegmentId {
                number,
                base_sequence,
                base_items: base_sequence * 10,
                salt: 0,
            };
            segments.push(Segment {
                id,
                file_bytes: 100,
                begun: None,
            });
        }
        segments
    }

    #[test]
    fn a_sequence_is_found_in_the_last_segment_that_begins_at_or_before_it() {
        let segments = segments(&[5, 8, 8, 20]);
        let number = |sequence| {
            segments
                .find(sequence)
                .map(|(segment, _)| segment.id.number)
        };
        assert_eq!(number(4), None);
        assert_eq!(number(5), Some(1));
        assert_eq!(
            number(8),
            Some(3),
            "the second was superseded before it had a record"
        );
        assert_eq!(number(19), Some(3));
        assert_eq!(number(u64::MAX), Some(4));
        assert_eq!(
            segments.find(7).unwrap().1,
            Some(Mark {
                sequence: 8,
                items: 80
            })
        );
        assert_eq!(segments.find(20).unwrap().1, None);
    }

    #[test]
    fn bytes_are_counted_from_a_place_on() {
        let mut segments = segments(&[1, 10, 20]);
        assert_eq!((segments.bytes(), segments.bytes_from(15)), (300, 200));
        assert_eq!(segments.bytes_from(0), 300);
        segments.pop_first();
        assert_eq!((segments.bytes(), segments.count()), (200, 2));
    }

    #[test]
    fn a_segment_that_goes_back_does_not_fit() {
        let segments = segments(&[5, 8]);
        let id = |number, base_sequence| SegmentId {
            number,
            base_sequence,
            base_items: 80,
            salt: 0,
        };
        assert!(segments.fits(&id(3, 8)));
        assert!(!segments.fits(&id(2, 9)));
        assert!(!segments.fits(&id(3, 7)));
        assert!(!segments.fits(&SegmentId {
            base_items: 79,
            ..id(3, 8)
        }));
    }
}
