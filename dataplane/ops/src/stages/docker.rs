//! `stage.docker`: takes the lines of Docker's json-file driver apart.

use serde_json::Value as Json;

use super::Entry;
use super::program::{Cx, Flow};
use crate::gotime;

/// `stage.docker`.
#[derive(Debug, Default)]
pub struct Docker;

impl Docker {
    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        let Some([log, stream, time]) = parse(&entry.line) else {
            return Flow::Pass;
        };
        if log.is_empty() {
            return Flow::Pass;
        }
        entry.extracted.set_text("output", &log);
        entry.extracted.set_text("stream", &stream);
        entry.extracted.set_text("timestamp", &time);
        entry.line.clear();
        entry.line.extend_from_slice(log.as_bytes());
        entry.labels.set("stream", &stream);
        if let Some(timestamp_ns) = gotime::parse_rfc3339(&time) {
            entry.timestamp_ns = timestamp_ns;
        }
        Flow::Pass
    }
}

/// The fields log, stream and time; missing ones are empty. None for what is no such object.
/// Compat: names of fields are compared without regard to case, as Go's decoder does.
fn parse(line: &[u8]) -> Option<[String; 3]> {
    let Json::Object(object) = serde_json::from_slice(line).ok()? else {
        return None;
    };
    let mut fields = [const { String::new() }; 3];
    for (name, value) in object {
        let field = ["log", "stream", "time"];
        let field = field.iter().position(|own| name.eq_ignore_ascii_case(own));
        match (field, value) {
            (None, _) | (Some(_), Json::Null) => {}
            (Some(index), Json::String(text)) => fields[index] = text,
            (Some(_), _) => return None,
        }
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::after;

    #[test]
    fn the_log_becomes_the_line_with_its_newline() {
        let line = r#"{"log":"hi\n","stream":"stderr","time":"2023-05-06T07:08:09.5Z"}"#;
        let entry = after(Docker, line);
        assert_eq!(entry.line, b"hi\n");
        assert_eq!(entry.labels.get("stream"), Some("stderr"));
        assert_eq!(entry.timestamp_ns, 1_683_356_889_500_000_000);
        assert!(entry.extracted.contains("output"));
    }

    #[test]
    fn other_lines_pass_unchanged() {
        for line in ["x", "[]", "{}", r#"{"log":1}"#, r#"{"log":""}"#] {
            let entry = after(Docker, line);
            assert_eq!(entry.line, line.as_bytes());
            assert_eq!(entry.labels.buf().len(), 0);
        }
    }

    #[test]
    fn a_bad_time_leaves_the_timestamp() {
        let entry = after(Docker, r#"{"LOG":"x","time":"yesterday"}"#);
        assert_eq!((&entry.line[..], entry.timestamp_ns), (&b"x"[..], 0));
        assert_eq!(entry.labels.get("stream"), Some(""));
    }
}
