//! A message as a log record: its parts are attributes, its text stays the body.

use batch::otlp::{AnyValue, Attributes, LogRecord};
use formats::syslog::{self, Message};
use ops::gotime::{Layout, Zone};

use super::ReceiverSyslogArguments;
use crate::receiving::now_ns;

/// How messages are read.
pub struct Reading {
    is_5424: bool,
    counted: bool,
    skip_priority: bool,
    drop_bad: bool,
    quiet: bool,
    zone: Zone,
}

/// Names of the severities, and their numbers in OTLP.
const SEVERITIES: [(&str, i32); 8] = [
    ("emerg", 21),
    ("alert", 19),
    ("crit", 18),
    ("err", 17),
    ("warning", 13),
    ("notice", 10),
    ("info", 9),
    ("debug", 5),
];

const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

impl Reading {
    pub fn new(arguments: &ReceiverSyslogArguments) -> Reading {
        Reading {
            is_5424: arguments.protocol == "rfc5424",
            counted: arguments.enable_octet_counting,
            skip_priority: arguments.allow_skip_pri_header,
            drop_bad: arguments.on_error.starts_with("drop"),
            quiet: arguments.on_error.ends_with("quiet"),
            zone: Zone::named(&arguments.location).expect("checked: it is a zone"),
        }
    }

    /// The record of a message, with the attributes that it has already.
    pub fn record(
        &self,
        line: &[u8],
        attributes: Attributes<'static>,
    ) -> Option<LogRecord<'static>> {
        let mut record = LogRecord {
            observed_unix_nano: now_ns(),
            body: String::from_utf8_lossy(line).into_owned().into(),
            attributes,
            ..LogRecord::default()
        };
        let mut text = line;
        if self.counted {
            let space = text.iter().position(|byte| *byte == b' ');
            text = space.map_or(text, |space| &text[space + 1..]);
        }
        let bare = self.skip_priority && text.first() != Some(&b'<');
        // With a priority in front, so that one reader does for both; it is left out below.
        let prefixed = match bare {
            true => [b"<0>", text].concat(),
            false => text.to_vec(),
        };
        let message = match self.is_5424 {
            true => syslog::parse_5424(&prefixed),
            false => syslog::parse_3164(&prefixed),
        };
        match message {
            Ok(message) => self.fill(&message, bare, &mut record),
            Err(error) => {
                if !self.quiet {
                    tracing::debug!("a message of syslog cannot be read: {error}");
                }
                if self.drop_bad {
                    return None;
                }
            }
        }
        Some(record)
    }

    fn fill(&self, message: &Message<'_>, bare: bool, record: &mut LogRecord<'static>) {
        let attributes = &mut record.attributes;
        let mut set = |key: &'static str, value: AnyValue<'static>| attributes.set(key, value);
        if !bare {
            let facility = usize::from(message.priority >> 3);
            set("facility", AnyValue::Int(facility as i64));
            if let Some(name) = FACILITIES.get(facility) {
                set("facility_text", AnyValue::from(*name));
            }
            set("priority", AnyValue::Int(message.priority.into()));
            let (name, number) = SEVERITIES[usize::from(message.priority & 7)];
            record.severity_text = name.into();
            record.severity_number = number;
        }
        for (key, value) in [
            ("hostname", message.hostname),
            ("appname", message.app_name),
            ("proc_id", message.proc_id),
            ("msg_id", message.msg_id),
        ] {
            if let Some(value) = value {
                set(key, value.to_owned().into());
            }
        }
        if let Some(text) = message.text {
            set("message", String::from_utf8_lossy(text).into_owned().into());
        }
        if self.is_5424 {
            set("version", AnyValue::Int(message.version.into()));
        }
        if !message.data.is_empty() {
            let mut elements = Attributes::default();
            for element in &message.data {
                let mut parameters = Attributes::default();
                for (name, value) in &element.parameters {
                    parameters.set((*name).to_owned(), value.clone().into());
                }
                elements.set(element.id.to_owned(), AnyValue::Map(parameters));
            }
            set("structured_data", AnyValue::Map(elements));
        }
        if let Some(time) = message.time {
            record.time_unix_nano = match time.year {
                0 => self.this_year(time),
                _ => time.unix_ns().max(0).cast_unsigned(),
            };
        }
    }

    /// A time without a year and a zone: of the last twelve months, in the zone of the settings.
    fn this_year(&self, mut time: syslog::Time) -> u64 {
        let now_ns = runtime::wall_ns();
        let year = Layout::new("2006").format(now_ns, &self.zone);
        time.year = year.parse().unwrap_or(1970);
        let unix_ns = |time: syslog::Time| {
            let local = time.unix_ns();
            let (offset, _) = self.zone.at(local / 1_000_000_000);
            local - offset * 1_000_000_000
        };
        // Compat: a week into the future is this year's, more is last year's.
        if now_ns + 7 * 24 * 3600 * 1_000_000_000 < unix_ns(time) {
            time.year -= 1;
        }
        unix_ns(time).max(0).cast_unsigned()
    }
}
