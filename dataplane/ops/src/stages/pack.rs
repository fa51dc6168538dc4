//! `stage.pack`: puts values and the line into a JSON object, which becomes the line.

use super::Entry;
use super::go_json::write_string;
use super::program::{Cx, Flow};

/// `stage.pack`.
#[derive(Debug)]
pub struct Pack {
    /// Sorted.
    names: Vec<String>,
    ingest_timestamp: bool,
    packed: String,
}

impl Pack {
    #[must_use]
    pub fn new(mut names: Vec<String>, ingest_timestamp: bool) -> Pack {
        names.sort();
        names.dedup();
        Pack {
            names,
            ingest_timestamp,
            packed: String::new(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        self.packed.clear();
        self.packed.push('{');
        for name in &self.names {
            cx.scratch.clear();
            let value = entry.extracted.get(name);
            if !value.is_some_and(|value| value.write(cx.scratch)) {
                continue;
            }
            write_string(name, &mut self.packed);
            self.packed.push(':');
            write_string(cx.scratch, &mut self.packed);
            self.packed.push(',');
            entry.labels.remove(name);
        }
        self.packed.push_str("\"_entry\":");
        write_string(&String::from_utf8_lossy(&entry.line), &mut self.packed);
        self.packed.push('}');
        entry.line.clear();
        entry.line.extend_from_slice(self.packed.as_bytes());
        if self.ingest_timestamp {
            entry.timestamp_ns = cx.now_ns;
        }
        Flow::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Value;
    use crate::stages::tests::{Rig, labels};

    #[test]
    fn values_are_sorted_and_the_entry_stands_last() {
        let names = vec!["pod".into(), "n".into(), "null".into(), "missing".into()];
        let mut rig = Rig::of(Pack::new(names, true));
        rig.now_ns = 77;
        rig.entry(|entry| {
            entry.labels.set("pod", "p<1>");
            entry.labels.set("app", "a");
            entry.extracted.set("n", Value::Float(1.5));
            entry.extracted.set("null", Value::Opaque);
            entry.line.extend_from_slice(b"say \"hi\"");
        });
        let packed = r#"{"n":"1.5","pod":"p\u003c1\u003e","_entry":"say \"hi\""}"#;
        assert_eq!(rig.lines(), [packed]);
        assert_eq!(labels(&rig.out[0]), r#"{app="a"}"#);
        assert_eq!(rig.out[0].timestamp_ns, 77);
    }

    #[test]
    fn nothing_to_pack_still_wraps_the_line() {
        let mut rig = Rig::of(Pack::new(vec!["x".into()], false));
        rig.now_ns = 77;
        rig.line("a");
        assert_eq!(rig.lines(), [r#"{"_entry":"a"}"#]);
        assert_eq!(rig.out[0].timestamp_ns, 0);
    }
}
