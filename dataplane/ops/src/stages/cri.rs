//! `stage.cri`: takes the lines of container runtimes apart and joins partial ones.

use std::collections::HashMap;

use batch::LabelsBuf;

use super::Entry;
use super::program::{Cx, Flow};
use crate::gotime;

/// `stage.cri`. Partial lines are held back by label set until the line that ends them comes.
#[derive(Debug)]
pub struct Cri {
    streams_max: usize,
    /// Longer texts of partial lines are cut to this.
    truncate: Option<usize>,
    partial: HashMap<LabelsBuf, Entry>,
}

/// A line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CriLine<'a> {
    pub time: &'a str,
    pub stream: &'static str,
    pub partial: bool,
    pub content: &'a [u8],
}

/// `TIME STREAM [FLAG] CONTENT`. The time may be any text; without a flag the line is whole.
#[must_use]
pub fn parse_cri(line: &[u8]) -> Option<CriLine<'_>> {
    // Compat: any white space ends the time, but only a space may stand behind it.
    let end = line
        .iter()
        .position(|b| b.is_ascii_whitespace() || *b == 0x0b)?;
    let time = std::str::from_utf8(&line[..end]).ok()?;
    let rest = line[end..].strip_prefix(b" ")?;
    let (stream, rest) = match (rest.strip_prefix(b"stdout"), rest.strip_prefix(b"stderr")) {
        (Some(rest), _) => ("stdout", rest),
        (_, Some(rest)) => ("stderr", rest),
        _ => return None,
    };
    let rest = rest.strip_prefix(b" ")?;
    let (partial, rest) = match rest {
        [b'P', rest @ ..] => (true, rest),
        [b'F', rest @ ..] => (false, rest),
        _ => (false, rest),
    };
    Some(CriLine {
        time,
        stream,
        partial,
        content: rest.strip_prefix(b" ").unwrap_or(rest),
    })
}

impl Cri {
    /// `streams_max` is how many label sets may have partial lines held back; `truncate` is the
    /// most bytes of a text that is joined.
    #[must_use]
    pub fn new(streams_max: usize, truncate: Option<usize>) -> Cri {
        Cri {
            streams_max,
            truncate,
            partial: HashMap::new(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let line = std::mem::take(&mut entry.line);
        let Some(parsed) = parse_cri(&line) else {
            entry.line = line;
            return Flow::Pass;
        };
        let flag = if parsed.partial { "P" } else { "F" };
        entry.extracted.set_text("flags", flag);
        entry.extracted.set_text("stream", parsed.stream);
        let content = String::from_utf8_lossy(parsed.content);
        entry.extracted.set_text("content", &content);
        entry.extracted.set_text("time", parsed.time);
        if let Some(timestamp_ns) = gotime::parse_rfc3339(parsed.time) {
            entry.timestamp_ns = timestamp_ns;
        }
        entry.labels.set("stream", parsed.stream);
        let partial = parsed.partial;
        let header = line.len() - parsed.content.len();
        entry.line = line;
        entry.line.drain(..header);
        match partial {
            true => self.hold(entry, cx),
            false => self.complete(entry, cx),
        }
    }

    /// Joins a partial line to what is held back of its stream.
    fn hold(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        // Compat: at the bound everything goes out at once, what this line continues too.
        if self.partial.len() >= self.streams_max {
            cx.counters.partial_lines_flushed += self.partial.len() as u64;
            self.flush(cx.spilled);
        }
        self.join(entry, cx);
        let key = entry.labels.buf().clone();
        let fresh = cx.fresh();
        self.partial.insert(key, std::mem::replace(entry, fresh));
        Flow::Stop
    }

    /// A whole line, or the end of one.
    fn complete(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        if !self.partial.is_empty() && self.partial.contains_key(entry.labels.buf()) {
            self.join(entry, cx);
        }
        Flow::Pass
    }

    fn join(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) {
        if let Some(mut held) = self.partial.remove(entry.labels.buf()) {
            held.line.extend_from_slice(&entry.line);
            std::mem::swap(&mut held.line, &mut entry.line);
            held.clear();
            cx.spare.push(held);
        }
        if let Some(most) = self.truncate.filter(|most| entry.line.len() > *most) {
            entry.line.truncate(most);
            cx.counters.lines_truncated += 1;
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.partial.len() as u64
    }

    pub(super) fn flush(&mut self, spilled: &mut Vec<Entry>) {
        let held = self.partial.drain().map(|(_, entry)| entry);
        spilled.extend(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, after};

    #[test]
    fn a_line_is_taken_apart() {
        let entry = after(
            Cri::new(100, None),
            "2023-05-06T07:08:09.1Z stderr F some text",
        );
        assert_eq!(entry.line, b"some text");
        assert_eq!(entry.labels.get("stream"), Some("stderr"));
        assert_eq!(entry.timestamp_ns, 1_683_356_889_100_000_000);
        let flags = entry
            .extracted
            .get("flags")
            .map(|flags| format!("{flags:?}"));
        assert_eq!(flags.as_deref(), Some("Text(\"F\")"));
    }

    #[test]
    fn headers_may_be_odd() {
        let content = |line: &'static str| {
            let line = parse_cri(line.as_bytes())?;
            let content = String::from_utf8_lossy(line.content).into_owned();
            Some((line.time, line.partial, content))
        };
        assert_eq!(
            content("t stdout F  x"),
            Some(("t", false, " x".to_owned()))
        );
        assert_eq!(content("t stdout x"), Some(("t", false, "x".to_owned())));
        assert_eq!(content("t stdout P"), Some(("t", true, String::new())));
        assert_eq!(content("t stdout Fx"), Some(("t", false, "x".to_owned())));
        assert_eq!(content(" stdout F x"), Some(("", false, "x".to_owned())));
        assert_eq!(content("t\tstdout F x"), None);
        assert_eq!(content("t stdin F x"), None);
        assert_eq!(content("t stdout"), None);
        assert_eq!(content(""), None);
    }

    #[test]
    fn partial_lines_of_a_stream_are_joined() {
        let mut rig = Rig::of(Cri::new(100, None));
        rig.line("1 stdout P a")
            .line("1 stderr P x")
            .line("2 stdout P b");
        assert_eq!(rig.lines(), [""; 0]);
        rig.line("3 stdout F c").line("3 stderr F y");
        assert_eq!(rig.lines(), ["abc", "xy"]);
    }

    #[test]
    fn at_the_bound_all_held_lines_go_out() {
        let mut rig = Rig::of(Cri::new(1, None));
        rig.line("1 stdout P a")
            .line("2 stdout P b")
            .line("3 stdout F c");
        assert_eq!(rig.lines(), ["a", "bc"]);
        assert_eq!(rig.counters().partial_lines_flushed, 1);
    }

    #[test]
    fn joined_text_is_cut_when_asked() {
        let mut rig = Rig::of(Cri::new(10, Some(3)));
        rig.line("1 stdout P ab")
            .line("2 stdout F cd")
            .line("3 stdout F long enough");
        assert_eq!(rig.lines(), ["abc", "long enough"]);
        assert_eq!(rig.counters().lines_truncated, 1);
    }

    #[test]
    fn the_end_lets_partial_lines_go() {
        let mut rig = Rig::of(Cri::new(10, None));
        rig.line("1 stdout P ab");
        rig.finish();
        assert_eq!(rig.lines(), ["ab"]);
    }
}
