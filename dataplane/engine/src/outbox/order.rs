//! Which records may be under way at the same time without a series coming out of order.
//!
//! Who writes messages numbers them and notes, for each series, the last message that it was in. A
//! message depends on the latest of these notes: what came after that shares no series with it.

/// The place of a message among those of its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Of the writer; 0 for a record that must wait for all before it and lets none pass.
    pub run: u64,
    /// Counts from 1.
    pub number: u32,
    /// The last message that shares a series with this one; 0 when there is none.
    pub depends_on: u32,
}

impl Order {
    /// Of a record that may be under way together with any other of this kind.
    pub const FREE: Order = Order {
        run: 1,
        number: 1,
        depends_on: 0,
    };

    pub const STRICT: Order = Order {
        run: 0,
        number: 0,
        depends_on: 0,
    };

    /// Whether it may be under way together with one that came before it.
    pub fn is_free_of(&self, earlier: &Order) -> bool {
        self.run != 0 && self.run == earlier.run && self.depends_on < earlier.number
    }
}

/// Numbers the messages of one lane. Costs four bytes a series.
pub struct OrderWriter {
    run: u64,
    number: u32,
    depends_on: u32,
    /// The last message of each series, by a dense id. An id that was given to another series only
    /// makes a message wait that need not.
    last: Vec<u32>,
}

impl Default for OrderWriter {
    fn default() -> OrderWriter {
        OrderWriter::new()
    }
}

impl OrderWriter {
    pub fn new() -> OrderWriter {
        OrderWriter {
            run: new_run(),
            number: 1,
            depends_on: 0,
            last: Vec::new(),
        }
    }

    /// The open message has something of this series.
    #[inline]
    pub fn note(&mut self, series: usize) {
        match self.last.get_mut(series) {
            Some(last) => {
                if *last != self.number {
                    self.depends_on = self.depends_on.max(*last);
                    *last = self.number;
                }
            }
            None => self.note_new(series),
        }
    }

    /// The open message ends; gives its order.
    pub fn end_message(&mut self) -> Order {
        let order = Order {
            run: self.run,
            number: self.number,
            depends_on: self.depends_on,
        };
        self.depends_on = 0;
        self.number = self.number.wrapping_add(1);
        if self.number == 0 {
            // After four thousand million messages the numbers start over, as another writer's.
            *self = OrderWriter::new();
        }
        order
    }

    #[cold]
    fn note_new(&mut self, series: usize) {
        self.last.resize(series + 1, 0);
        self.last[series] = self.number;
    }
}

fn new_run() -> u64 {
    runtime::random_u64().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(writer: &mut OrderWriter, series: &[usize]) -> Order {
        series.iter().for_each(|series| writer.note(*series));
        writer.end_message()
    }

    #[test]
    fn messages_without_a_common_series_are_free_of_each_other() {
        runtime::sim::check(1, || async {
            let mut writer = OrderWriter::new();
            let first = message(&mut writer, &[1, 2]);
            let second = message(&mut writer, &[3, 3]);
            let third = message(&mut writer, &[2, 4]);
            assert!(second.is_free_of(&first));
            assert!(!third.is_free_of(&first), "both have series 2");
            assert!(third.is_free_of(&second));
        });
    }

    #[test]
    fn a_message_that_depends_on_a_late_one_waits_for_all_before_it() {
        runtime::sim::check(1, || async {
            let mut writer = OrderWriter::new();
            let first = message(&mut writer, &[1]);
            let second = message(&mut writer, &[2]);
            let third = message(&mut writer, &[2]);
            assert!(!third.is_free_of(&second));
            assert!(!third.is_free_of(&first), "told by the latest only");
        });
    }

    #[test]
    fn records_of_another_writer_or_of_none_are_strict() {
        runtime::sim::check(1, || async {
            let (mut one, mut other) = (OrderWriter::new(), OrderWriter::new());
            let first = message(&mut one, &[1]);
            let second = message(&mut other, &[2]);
            assert!(!second.is_free_of(&first));
            assert!(!Order::STRICT.is_free_of(&first));
            assert!(!second.is_free_of(&Order::STRICT));
        });
    }
}
