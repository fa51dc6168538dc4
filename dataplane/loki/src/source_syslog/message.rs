//! From a message to labels and a line.

use formats::syslog::{Message, Time, parse_3164, parse_5424, write_5424};

use batch::LabelsBuf;

use super::Listener;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Rfc5424,
    Rfc3164,
    Raw,
}

/// What is made of messages.
pub struct Reading {
    pub format: Format,
    label_data: bool,
    keep_time: bool,
    whole: bool,
    this_year: bool,
    allow_empty: bool,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Its labels and line were written down; the time, if it is to be kept.
    Entry(Option<i64>),
    Empty,
    Bad(String),
}

impl Reading {
    pub fn new(listener: &Listener) -> Reading {
        Reading {
            format: match listener.syslog_format.as_str() {
                "rfc3164" => Format::Rfc3164,
                "raw" => Format::Raw,
                _ => Format::Rfc5424,
            },
            label_data: listener.label_structured_data,
            keep_time: listener.use_incoming_timestamp,
            whole: listener.use_rfc5424_message,
            this_year: listener.rfc3164_default_to_current_year,
            allow_empty: listener.rfc5424_allow_empty_msg,
        }
    }

    /// Adds the message's labels to `labels` and its text to `line`.
    pub fn read(&self, bytes: &[u8], labels: &mut LabelsBuf, line: &mut Vec<u8>) -> Read {
        let parsed = match self.format {
            Format::Rfc5424 => parse_5424(bytes),
            Format::Rfc3164 => parse_3164(bytes),
            Format::Raw => return raw(bytes, labels, line),
        };
        let message = match parsed {
            Ok(message) => message,
            Err(error) => return Read::Bad(error.to_string()),
        };
        if message.text.is_none() && !self.allow_empty {
            return Read::Empty;
        }
        self.label(&message, labels);
        match self.whole && self.format == Format::Rfc5424 {
            true => write_5424(&message, line),
            false => line.extend_from_slice(message.text.unwrap_or_default()),
        }
        let time = message.time.filter(|_| self.keep_time);
        Read::Entry(time.map(|time| self.time_ns(time)))
    }

    fn label(&self, message: &Message<'_>, labels: &mut LabelsBuf) {
        labels.set("__syslog_message_severity", message.severity());
        for (name, value) in [
            ("__syslog_message_facility", message.facility()),
            ("__syslog_message_hostname", message.hostname),
            ("__syslog_message_app_name", message.app_name),
            ("__syslog_message_proc_id", message.proc_id),
            ("__syslog_message_msg_id", message.msg_id),
        ] {
            if let Some(value) = value {
                labels.set(name, value);
            }
        }
        if !self.label_data {
            return;
        }
        for element in &message.data {
            let id = element.id.replace('@', "_");
            for (name, value) in &element.parameters {
                labels.set(&format!("__syslog_message_sd_{id}_{name}"), value);
            }
        }
    }

    fn time_ns(&self, mut time: Time) -> i64 {
        if self.format == Format::Rfc3164 && self.this_year {
            let now = runtime::wall_ns();
            let year = jiff::Timestamp::from_nanosecond(i128::from(now))
                .map_or(1970, |now| now.to_zoned(jiff::tz::TimeZone::UTC).year());
            time.year = year;
            // Compat: what would lie in the future, but for a day, is of the year before.
            if time.unix_ns() > now + 86_400_000_000_000 {
                time.year = year - 1;
            }
        }
        time.unix_ns()
    }
}

/// A line of which only the priority is read, if it begins with one.
fn raw(bytes: &[u8], labels: &mut LabelsBuf, line: &mut Vec<u8>) -> Read {
    let mut text = bytes.trim_ascii();
    if let Some((priority, rest)) = raw_priority(text) {
        let message = Message {
            priority,
            ..Message::default()
        };
        labels.set("__syslog_message_severity", message.severity());
        if let Some(facility) = message.facility() {
            labels.set("__syslog_message_facility", facility);
        }
        text = rest.trim_ascii();
    }
    if text.is_empty() {
        return Read::Empty;
    }
    line.extend_from_slice(text);
    Read::Entry(None)
}

fn raw_priority(text: &[u8]) -> Option<(u8, &[u8])> {
    let rest = text.strip_prefix(b"<")?;
    let end = rest.iter().position(|byte| *byte == b'>')?;
    let digits = std::str::from_utf8(&rest[..end]).ok()?;
    Some((digits.parse().ok()?, &rest[end + 1..]))
}
