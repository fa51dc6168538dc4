//! `stage.multiline`: joins lines up to the next first line.

use std::collections::HashMap;

use batch::LabelsBuf;

use crate::regex::GoRegex;

use super::Entry;
use super::program::{Cx, Flow};

/// `stage.multiline`. Lines are held back by label set, in memory, for at most `wait_ns` after the
/// last of them.
#[derive(Debug)]
pub struct Multiline {
    first: GoRegex,
    lines_max: u64,
    wait_ns: i64,
    trim_newlines: bool,
    streams: HashMap<LabelsBuf, Block>,
}

#[derive(Debug)]
struct Block {
    /// The first line's entry. Compat: it stays when its block is let go for its size, and later
    /// lines go out under it until the next first line.
    entry: Entry,
    text: Vec<u8>,
    lines: u64,
    seen_ns: i64,
}

impl Multiline {
    #[must_use]
    pub fn new(first: GoRegex, lines_max: u64, wait_ns: i64, trim_newlines: bool) -> Multiline {
        Multiline {
            first,
            lines_max,
            wait_ns,
            trim_newlines,
            streams: HashMap::new(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let is_first = match std::str::from_utf8(&entry.line) {
            Ok(line) => self.first.is_match(line),
            Err(_) => self.first.is_match(&String::from_utf8_lossy(&entry.line)),
        };
        let block = match self.streams.get_mut(entry.labels.buf()) {
            Some(block) => {
                if block.lines > 0 && cx.now_ns - block.seen_ns >= self.wait_ns {
                    cx.spilled.push(block.collapse());
                }
                block
            }
            // Before the first first line of a stream, lines pass.
            None if !is_first => return Flow::Pass,
            None => self
                .streams
                .entry(entry.labels.buf().clone())
                .or_insert_with(Block::new),
        };
        if is_first {
            if block.lines > 0 {
                cx.spilled.push(block.collapse());
            }
            std::mem::swap(&mut block.entry, entry);
            std::mem::swap(&mut block.entry.line, &mut entry.line);
        }
        if !block.text.is_empty() {
            block.text.push(b'\n');
        }
        let mut line = &entry.line[..];
        while let ([rest @ .., b'\r' | b'\n'], true) = (line, self.trim_newlines) {
            line = rest;
        }
        block.text.extend_from_slice(line);
        block.lines += 1;
        block.seen_ns = cx.now_ns;
        if block.lines == self.lines_max {
            cx.spilled.push(block.collapse());
        }
        Flow::Stop
    }

    pub(super) fn deadline_ns(&self) -> Option<i64> {
        let seen = self.streams.values().map(|block| block.seen_ns).min();
        seen.map(|seen| seen.saturating_add(self.wait_ns))
    }

    /// Lets go of the blocks whose time has come.
    pub(super) fn expire(&mut self, now_ns: i64, out: &mut Vec<Entry>) {
        let wait = self.wait_ns;
        let due = |block: &Block| block.seen_ns.saturating_add(wait) <= now_ns;
        self.streams.retain(|_, block| {
            if !due(block) {
                return true;
            }
            if block.lines > 0 {
                out.push(block.collapse());
            }
            false
        });
    }

    pub(super) fn held(&self) -> u64 {
        self.streams.values().map(|block| block.lines).sum()
    }

    pub(super) fn flush(&mut self, out: &mut Vec<Entry>) {
        let blocks = self.streams.drain().map(|(_, block)| block);
        let full = blocks.filter(|block| block.lines > 0);
        out.extend(full.map(|mut block| block.collapse()));
    }
}

impl Block {
    fn new() -> Block {
        Block {
            entry: Entry::default(),
            text: Vec::new(),
            lines: 0,
            seen_ns: 0,
        }
    }

    fn collapse(&mut self) -> Entry {
        let mut entry = self.entry.clone();
        entry.line.clear();
        entry.line.append(&mut self.text);
        self.lines = 0;
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::Rig;

    fn rig(lines_max: u64) -> Rig {
        let first = GoRegex::new(r"^\d").expect("a pattern");
        Rig::of(Multiline::new(first, lines_max, 100, true))
    }

    #[test]
    fn lines_are_joined_up_to_the_next_first_line() {
        let mut rig = rig(128);
        rig.line("before")
            .line("1 a")
            .line(" b\r\n")
            .line(" c")
            .line("2 d");
        assert_eq!(rig.lines(), ["before", "1 a\n b\n c"]);
        rig.finish();
        assert_eq!(rig.lines()[2..], ["2 d"]);
    }

    #[test]
    fn a_block_has_all_of_its_first_line() {
        let mut rig = rig(128);
        for (line, time) in [("1", 10), ("x", 20)] {
            rig.entry(|entry| {
                entry.line.extend_from_slice(line.as_bytes());
                entry.timestamp_ns = time;
                entry.labels.set("app", "a");
                entry.metadata.push(b"m", line.as_bytes());
            });
        }
        rig.finish();
        assert_eq!(rig.out[0].timestamp_ns, 10);
        assert_eq!(rig.out[0].metadata.get(b"m"), Some(&b"1"[..]));
        assert_eq!(rig.out[0].labels.get("app"), Some("a"));
    }

    #[test]
    fn at_the_bound_a_block_goes_out_and_its_stream_stays_known() {
        let mut rig = rig(2);
        rig.line("1 a")
            .line("b")
            .line("c")
            .line("d")
            .line("e")
            .line("2");
        rig.finish();
        assert_eq!(rig.lines(), ["1 a\nb", "c\nd", "e", "2"]);
    }

    #[test]
    fn streams_are_apart() {
        let mut rig = rig(128);
        for (app, line) in [("a", "1"), ("b", "2"), ("a", "x"), ("b", "y")] {
            rig.entry(|entry| {
                entry.labels.set("app", app);
                entry.line.extend_from_slice(line.as_bytes());
            });
        }
        rig.finish();
        let mut lines = rig.lines();
        lines.sort();
        assert_eq!(lines, ["1\nx", "2\ny"]);
    }

    #[test]
    fn a_block_goes_out_when_its_time_has_come() {
        let mut rig = rig(128);
        rig.line("1 a");
        rig.now_ns = 50;
        rig.line("b");
        assert_eq!(rig.deadline_ns(), Some(150));
        assert_eq!(rig.program().held(), 2);
        rig.now_ns = 149;
        rig.expire();
        assert_eq!(rig.lines(), [""; 0]);
        rig.now_ns = 150;
        rig.expire();
        assert_eq!(rig.lines(), ["1 a\nb"]);
        assert_eq!(rig.deadline_ns(), None);
        rig.line("c");
        assert_eq!(rig.lines(), ["1 a\nb", "c"], "the stream begins anew");
    }

    #[test]
    fn a_late_line_does_not_join_a_block_that_is_due() {
        let mut rig = rig(128);
        rig.line("1 a");
        rig.now_ns = 100;
        rig.line("b");
        rig.finish();
        assert_eq!(rig.lines(), ["1 a", "b"]);
    }
}
