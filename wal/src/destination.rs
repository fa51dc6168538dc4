//! A destination's place in the lane, and its books.
//!
//! ```text
//!   passed | acked . waits . acked . lost | not read yet        | not committed
//!          ^ cursor                       ^ read                ^ end
//! ```
//! The cursor passes what is acked or lost, in order. What it passes is counted then, as the items
//! between two marks, so that the books balance whatever is in the files:
//! `recovered + appended = acked + dropped + held`.

use std::collections::VecDeque;

use crate::Dropped;
use crate::segments::Mark;

/// One destination.
#[derive(Debug)]
pub(crate) struct Destination {
    pub name: String,
    /// All before it is done.
    cursor: Mark,
    /// Where the record at the cursor starts, if known.
    cursor_offset: u32,
    /// All before it was given to the reader.
    read: Mark,
    /// What lies between cursor and read.
    window: VecDeque<Entry>,
    /// Counts the readers and rewinds; only the latest reader is served.
    pub reader: u64,
    pub recovered_items: u64,
    pub acked_items: u64,
    pub dropped: Dropped,
    pub lost_records: u64,
}

#[derive(Debug)]
struct Entry {
    /// The last sequence that it covers.
    sequence: u64,
    end: Mark,
    /// Where the next record starts.
    end_offset: u32,
    state: EntryState,
    /// Of its items, those of records that were lost and that were found missing only later.
    lost_items: u64,
    /// Items that nobody knew to be in the lane.
    found_items: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryState {
    Waits,
    Acked,
    Lost,
}

/// Why the lane lets go of records that a destination still wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    Age,
    Budget,
}

impl Destination {
    pub fn new(name: String, cursor: Mark, cursor_offset: u32, end: Mark) -> Destination {
        assert!(
            cursor.sequence <= end.sequence && cursor.items <= end.items,
            "cursors are behind"
        );
        Destination {
            name,
            cursor,
            cursor_offset,
            read: cursor,
            window: VecDeque::new(),
            reader: 0,
            recovered_items: end.items - cursor.items,
            acked_items: 0,
            dropped: Dropped::default(),
            lost_records: 0,
        }
    }

    pub fn cursor(&self) -> Mark {
        self.cursor
    }

    pub fn cursor_offset(&self) -> u32 {
        self.cursor_offset
    }

    pub fn read(&self) -> Mark {
        self.read
    }

    pub fn held_items(&self, end: Mark) -> u64 {
        end.items - self.cursor.items
    }

    pub fn held_records(&self, end: Mark) -> u64 {
        end.sequence - self.cursor.sequence
    }

    /// The record before `end` goes to the reader. Of its items some may not have been counted,
    /// when the disk hid them at the start.
    pub fn deliver(&mut self, end: Mark, end_offset: u32, found_items: u64) {
        self.enter(end, end_offset, EntryState::Waits);
        let entry = self.window.back_mut().expect("it was entered");
        entry.found_items = found_items;
    }

    /// The records before `end` that were not read can not be read.
    pub fn lose(&mut self, end: Mark, end_offset: u32) {
        self.enter(end, end_offset, EntryState::Lost);
        self.pass();
    }

    fn enter(&mut self, end: Mark, end_offset: u32, state: EntryState) {
        assert!(self.read.sequence < end.sequence, "reading goes forward");
        assert!(self.read.items <= end.items, "reading goes forward");
        self.read = end;
        let sequence = end.sequence - 1;
        self.window.push_back(Entry {
            sequence,
            end,
            end_offset,
            state,
            lost_items: 0,
            found_items: 0,
        });
    }

    /// All records up to here were read or lost, and they had this many items: what is missing was
    /// in lost records whose headers were lost as well.
    pub fn correct(&mut self, mark: Mark) {
        assert_eq!(
            mark.sequence, self.read.sequence,
            "a correction is about the past"
        );
        let missing = mark.items.saturating_sub(self.read.items);
        self.read.items += missing;
        match self.window.back_mut() {
            Some(entry) => {
                entry.end.items += missing;
                entry.lost_items += missing;
            }
            None => {
                self.cursor.items += missing;
                self.dropped.corrupt += missing;
            }
        }
    }

    /// The record is done. Says whether the cursor moved.
    pub fn ack(&mut self, sequence: u64) -> bool {
        let Ok(index) = self
            .window
            .binary_search_by_key(&sequence, |entry| entry.sequence)
        else {
            // Dropped by the lane in the meantime, or acked before a rewind.
            return false;
        };
        let entry = &mut self.window[index];
        if entry.state == EntryState::Waits {
            entry.state = EntryState::Acked;
        }
        self.pass()
    }

    /// Moves the cursor over what is done.
    fn pass(&mut self) -> bool {
        let before = self.cursor;
        while let Some(entry) = self.window.front()
            && entry.state != EntryState::Waits
        {
            let waiting = self.pass_first();
            assert_eq!(waiting, 0, "what waits is not passed");
        }
        self.cursor != before
    }

    /// Moves the cursor over the first entry of the window and counts what is done. Gives the items
    /// of one that still waits.
    fn pass_first(&mut self) -> u64 {
        let entry = self.window.pop_front().expect("the caller looked at it");
        // A drop may have moved the cursor to the known number of items in the middle of an entry.
        let items = entry.end.items.saturating_sub(self.cursor.items);
        let lost_items = entry.lost_items.min(items);
        let mut waiting = 0;
        match entry.state {
            EntryState::Waits => waiting = items,
            EntryState::Acked => {
                self.recovered_items += entry.found_items;
                self.acked_items += items - lost_items + entry.found_items;
                self.dropped.corrupt += lost_items;
            }
            EntryState::Lost => {
                self.dropped.corrupt += items;
                self.lost_records += entry.end.sequence - self.cursor.sequence;
            }
        }
        let items = self.cursor.items + items;
        (self.cursor, self.cursor_offset) = (Mark { items, ..entry.end }, entry.end_offset);
        waiting
    }

    /// The lane lets go of all before `mark`. Gives the items that are dropped by it.
    pub fn drop_before(&mut self, mark: Mark, reason: DropReason) -> u64 {
        let mut dropped = 0;
        while let Some(entry) = self.window.front()
            && entry.end.sequence <= mark.sequence
        {
            dropped += self.pass_first();
        }
        if self.cursor.sequence < mark.sequence {
            // Not read yet. A name that was edited by hand may claim fewer items than were seen.
            let items = mark.items.max(self.cursor.items);
            dropped += items - self.cursor.items;
            (self.cursor, self.cursor_offset) = (Mark { items, ..mark }, 0);
        }
        self.read = self.read.max(self.cursor);
        match reason {
            DropReason::Age => self.dropped.age += dropped,
            DropReason::Budget => self.dropped.budget += dropped,
        }
        dropped
    }

    /// Reads again from the cursor on.
    pub fn rewind(&mut self) {
        self.window.clear();
        self.read = self.cursor;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(sequence: u64) -> Mark {
        Mark {
            sequence,
            items: sequence * 10,
        }
    }

    /// Holds the records 1 to 9, ten items each, and has given the first five to its reader.
    fn destination() -> Destination {
        let mut destination = Destination::new("prod".to_owned(), mark(1), 512, mark(10));
        for sequence in 2..=6 {
            destination.deliver(mark(sequence), sequence as u32, 0);
        }
        destination
    }

    #[test]
    fn the_cursor_passes_acks_in_order() {
        let mut destination = destination();
        assert!(!destination.ack(2));
        assert_eq!(
            (destination.cursor(), destination.acked_items),
            (mark(1), 0)
        );
        assert!(destination.ack(1));
        assert_eq!(
            (destination.cursor(), destination.acked_items),
            (mark(3), 20)
        );
        assert_eq!(
            (
                destination.held_items(mark(10)),
                destination.cursor_offset()
            ),
            (70, 3)
        );
        assert!(!destination.ack(1), "twice counts once");
        assert!(!destination.ack(8), "it was not read");
    }

    #[test]
    fn lost_records_are_counted_when_the_cursor_passes_them() {
        let mut destination = destination();
        destination.lose(mark(8), 0);
        assert_eq!(destination.dropped.corrupt, 0);
        (1..=5).for_each(|sequence| assert!(destination.ack(sequence)));
        assert_eq!(
            (destination.dropped.corrupt, destination.lost_records),
            (20, 2)
        );
        assert_eq!(destination.cursor(), mark(8));
    }

    #[test]
    fn items_found_missing_later_are_lost_and_not_acked() {
        let mut destination = destination();
        destination.correct(Mark {
            items: 65,
            ..mark(6)
        });
        (1..=5).for_each(|sequence| assert!(destination.ack(sequence)));
        assert_eq!(
            (destination.acked_items, destination.dropped.corrupt),
            (50, 5)
        );
        destination.correct(Mark {
            items: 66,
            ..mark(6)
        });
        assert_eq!(
            destination.dropped.corrupt, 6,
            "the cursor was there already"
        );
        assert_eq!(destination.held_items(mark(10)), 100 - 66);
    }

    #[test]
    fn items_that_nobody_knew_of_come_and_go_in_the_books() {
        let mut destination = destination();
        destination.deliver(mark(7), 7, 4);
        assert!((1..=6).all(|sequence| destination.ack(sequence)));
        assert_eq!(
            (destination.recovered_items, destination.acked_items),
            (94, 64)
        );
        assert_eq!(destination.held_items(mark(10)), 30);
    }

    #[test]
    fn a_drop_spares_what_was_acked_out_of_order_and_moves_the_reader() {
        let mut destination = destination();
        destination.ack(2);
        assert_eq!(destination.drop_before(mark(8), DropReason::Budget), 60);
        assert_eq!(
            (destination.acked_items, destination.dropped.budget),
            (10, 60)
        );
        assert_eq!(
            (destination.cursor(), destination.read()),
            (mark(8), mark(8))
        );
        assert!(!destination.ack(3), "it was counted as dropped");
    }

    #[test]
    fn a_rewind_reads_again_what_the_cursor_has_not_passed() {
        let mut destination = destination();
        destination.ack(1);
        destination.ack(3);
        destination.rewind();
        assert_eq!(destination.read(), mark(2));
        destination.deliver(mark(3), 3, 0);
        destination.ack(2);
        assert_eq!(destination.cursor(), mark(3), "the ack of 3 was forgotten");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append(u64),
        Deliver,
        Lose(u64),
        Ack(u64),
        Drop(u64),
        Rewind,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..100u64).prop_map(Step::Append),
            Just(Step::Deliver),
            (1..4u64).prop_map(Step::Lose),
            (0..8u64).prop_map(Step::Ack),
            (0..6u64).prop_map(Step::Drop),
            Just(Step::Rewind),
        ];
        proptest::collection::vec(step, 0..100)
    }

    proptest! {
        #[test]
        fn the_books_balance_at_each_step(steps in steps()) {
            let mut marks = vec![Mark { sequence: 1, items: 0 }];
            let mut destination = Destination::new("prod".to_owned(), marks[0], 0, marks[0]);
            for step in steps {
                let end = *marks.last().unwrap();
                let at = |sequence: u64| marks[sequence as usize - 1];
                let (read, cursor) = (destination.read().sequence, destination.cursor().sequence);
                match step {
                    Step::Append(items) => {
                        marks.push(Mark { sequence: end.sequence + 1, items: end.items + items });
                    }
                    Step::Deliver if read < end.sequence => destination.deliver(at(read + 1), 0, 0),
                    Step::Lose(count) if read + count <= end.sequence => {
                        destination.lose(at(read + count), 0);
                    }
                    Step::Ack(offset) => drop(destination.ack(cursor + offset)),
                    Step::Drop(count) if cursor + count <= end.sequence => {
                        destination.drop_before(at(cursor + count), DropReason::Age);
                    }
                    Step::Rewind => destination.rewind(),
                    Step::Deliver | Step::Lose(_) | Step::Drop(_) => {}
                }
                let end = *marks.last().unwrap();
                let counted = destination.acked_items + destination.dropped.total();
                prop_assert_eq!(counted + destination.held_items(end), end.items);
                prop_assert!(destination.cursor() <= destination.read());
            }
        }
    }
}
