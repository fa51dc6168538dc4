//! `stage.eventlogmessage` and `stage.windowsevent`: extract the fields of a Windows event's text.

use crate::names::NameScheme;

use super::Entry;
use super::program::{Cx, Flow};

/// `stage.eventlogmessage`: lines of `key: value`.
#[derive(Debug)]
pub struct EventLog {
    pub source: String,
    pub drop_invalid_labels: bool,
    pub overwrite_existing: bool,
}

impl EventLog {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let Some(value) = entry.extracted.get(&self.source) else {
            return Flow::Pass;
        };
        cx.scratch.clear();
        // Compat: a value that has no text costs the entry.
        if !value.write(cx.scratch) {
            return cx.drop_uncounted();
        }
        for line in cx.scratch.split("\r\n") {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let mut key = key.to_owned();
            if !NameScheme::Legacy.is_label_name(&key) {
                if self.drop_invalid_labels {
                    continue;
                }
                key = sanitize(&key);
            }
            if entry.extracted.contains(&key) && !self.overwrite_existing {
                key.push_str("_extracted");
            }
            entry.extracted.set_text(&key, value.trim());
        }
        Flow::Pass
    }
}

/// A legal label name: what is not legal becomes an underscore.
fn sanitize(name: &str) -> String {
    let legal = |(at, c): (usize, char)| match c {
        'a'..='z' | 'A'..='Z' | '_' => c,
        '0'..='9' if at > 0 => c,
        _ => '_',
    };
    match name {
        "" => "_".to_owned(),
        name => name.char_indices().map(legal).collect(),
    }
}

/// `stage.windowsevent`: a description, then sections of `key: value`.
#[derive(Debug)]
pub struct WindowsEvent {
    pub source: String,
    pub drop_invalid_labels: bool,
    pub overwrite_existing: bool,
}

impl WindowsEvent {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let Some(value) = entry.extracted.get(&self.source) else {
            return Flow::Pass;
        };
        cx.scratch.clear();
        if !value.write(cx.scratch) {
            return cx.drop_uncounted();
        }
        let mut sections = cx.scratch.split("\r\n\r\n");
        let description = sections.next().unwrap_or_default();
        self.set(entry, "Description", description);
        for section in sections {
            self.section(entry, section);
        }
        Flow::Pass
    }

    fn section(&self, entry: &mut Entry, section: &str) {
        let lines: Vec<&str> = section.split("\r\n").collect();
        let mut prefix = "";
        let mut at = 0;
        while at < lines.len() {
            let first = at == 0;
            let Some((key, value)) = lines[at].split_once(':') else {
                at += 1;
                continue;
            };
            at += 1;
            if value.is_empty() {
                // A title: `Logon Information:`.
                if first {
                    prefix = key;
                }
                continue;
            }
            let mut value = value.to_owned();
            while let Some(more) = lines.get(at).filter(|l| !l.is_empty() && !l.contains(':')) {
                value.push(',');
                value.push_str(more);
                at += 1;
            }
            match prefix {
                "" => self.set(entry, key, &value),
                prefix => self.set(entry, &format!("{prefix}_{key}"), &value),
            }
        }
    }

    fn set(&self, entry: &mut Entry, key: &str, value: &str) {
        let mut key = key.replace(['\t', '\r', '\n', ' '], "");
        if !NameScheme::Utf8.is_label_name(&key) {
            if self.drop_invalid_labels {
                return;
            }
            key = sanitize(&key);
        }
        if entry.extracted.contains(&key) && !self.overwrite_existing {
            key.push_str("_extracted");
        }
        let value = value.replace(['\t', '\r', '\n'], "");
        entry.extracted.set_text(&key, value.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Value;
    use crate::stages::program::Step;
    use crate::stages::tests::{Rig, extracted};

    fn fields(step: impl Into<Step>, message: &str) -> Vec<String> {
        let mut rig = Rig::of(step);
        rig.entry(|entry| entry.extracted.set_text("message", message));
        extracted(&rig.out[0])[1..].to_vec()
    }

    fn event_log(drop_invalid_labels: bool, overwrite_existing: bool) -> EventLog {
        EventLog {
            source: "message".into(),
            drop_invalid_labels,
            overwrite_existing,
        }
    }

    fn windows(drop_invalid_labels: bool) -> WindowsEvent {
        WindowsEvent {
            source: "message".into(),
            drop_invalid_labels,
            overwrite_existing: false,
        }
    }

    #[test]
    fn lines_of_a_message_become_values() {
        let text =
            "Description: test\r\nRead Operation: None\r\nplain\r\n1x: y:z\r\nDescription: b";
        let seen = fields(event_log(false, false), text);
        let expected = [
            "Description=test",
            "Read_Operation=None",
            "_x=y:z",
            "Description_extracted=b",
        ];
        assert_eq!(seen, expected);
        let seen = fields(event_log(true, true), text);
        assert_eq!(seen, ["Description=b"]);
    }

    #[test]
    fn a_message_without_a_text_costs_the_entry() {
        let mut rig = Rig::of(event_log(false, false));
        rig.entry(|entry| entry.extracted.set("message", Value::Opaque))
            .line("no message");
        assert_eq!(rig.lines(), ["no message"]);
        assert_eq!(rig.counters().dropped_entries, 1);
    }

    #[test]
    fn sections_of_an_event_become_values() {
        let text = "An account\twas used.\r\n\r\nSubject:\r\n\tSecurity ID:\tS-1\r\n\tName:\ta\r\nb\
                    \r\n\r\nLogon Type: 5\r\nignored\r\nempty:\r\nx-y: 1";
        assert_eq!(
            fields(windows(false), text),
            [
                "Description=An accountwas used.",
                "Subject_SecurityID=S-1",
                "Subject_Name=a,b",
                "LogonType=5,ignored",
                "x-y=1"
            ]
        );
    }

    #[test]
    fn keys_of_nothing_are_cleaned_or_dropped() {
        let text = "d\r\n\r\n \t: v";
        assert_eq!(fields(windows(false), text), ["Description=d", "_=v"]);
        assert_eq!(fields(windows(true), text), ["Description=d"]);
    }
}
