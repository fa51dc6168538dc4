//! What of a payload stands in a line: names and values in the order of Alloy. A name is there
//! once; a later value takes the place of an earlier one.

use std::fmt::Write as _;

use batch::otlp::{AnyValue, Attributes};
use xxhash_rust::xxh3::xxh3_64;

use super::payload::{Event, Exception, Log, Measurement, Meta, Texts, Trace};
use super::{Payload, Time};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Log,
    Exception,
    Measurement,
    Event,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Log => "log",
            Kind::Exception => "exception",
            Kind::Measurement => "measurement",
            Kind::Event => "event",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub kind: Kind,
    pub pairs: Attributes<'static>,
}

impl Payload {
    /// Everything that happened, each with what all have in common.
    pub fn records(&self) -> Vec<Record> {
        let meta = self.meta.pairs();
        let of = |kind, pairs: Pairs| {
            let mut pairs = pairs;
            for pair in &meta.0 {
                pairs.0.set(pair.key.clone(), pair.value.clone());
            }
            Record {
                kind,
                pairs: pairs.0,
            }
        };
        let logs = self.logs.iter().map(|it| of(Kind::Log, it.pairs()));
        let exceptions = self.exceptions.iter();
        let exceptions = exceptions.map(|it| of(Kind::Exception, it.pairs()));
        let measurements = self.measurements.iter();
        let measurements = measurements.map(|it| of(Kind::Measurement, it.pairs()));
        let events = self.events.iter().map(|it| of(Kind::Event, it.pairs()));
        logs.chain(exceptions)
            .chain(measurements)
            .chain(events)
            .collect()
    }
}

#[derive(Default)]
struct Pairs(Attributes<'static>);

impl Pairs {
    fn of(time: &Time, kind: Kind) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.add("timestamp", time.shown());
        pairs.add("kind", kind.name());
        pairs
    }

    /// What is empty is left out.
    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.set(name.into(), AnyValue::from(value));
        }
    }

    fn add_all(&mut self, prefix: &str, texts: &Texts) {
        for (name, value) in texts {
            let value = value.as_deref().unwrap_or_default();
            self.add(format!("{prefix}{name}"), value);
        }
    }

    fn add_trace(&mut self, trace: &Trace) {
        self.add("traceID", &*trace.trace_id);
        self.add("spanID", &*trace.span_id);
    }
}

impl Log {
    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::of(&self.timestamp, Kind::Log);
        pairs.add("message", &*self.message);
        pairs.add("level", &*self.level);
        pairs.add_all("context_", &self.context);
        pairs.add_trace(&self.trace);
        pairs
    }
}

impl Exception {
    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::of(&self.timestamp, Kind::Exception);
        pairs.add("type", &*self.kind);
        pairs.add("value", &*self.value);
        pairs.add("stacktrace", self.text());
        pairs.add("hash", xxh3_64(self.value.as_bytes()).to_string());
        pairs.add_all("context_", &self.context);
        pairs.add_trace(&self.trace);
        pairs
    }

    /// As browsers print it.
    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.kind, self.value);
        let frames = self.stacktrace.iter().flat_map(|it| &it.frames);
        for frame in frames {
            let _infallible = write!(text, "\n  at {} (", frame.function);
            if !frame.module.is_empty() {
                let _infallible = write!(text, "{}|", frame.module);
            }
            let (file, line, column) = (&frame.filename, frame.lineno, frame.colno);
            let _infallible = write!(text, "{file}:{line}:{column})");
        }
        text
    }
}

impl Measurement {
    /// Compat: each value is there twice, as text of six digits and as a number.
    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::of(&self.timestamp, Kind::Measurement);
        pairs.add("type", &*self.kind);
        for (name, value) in &self.values {
            pairs.add(&**name, format!("{:.6}", value.unwrap_or_default()));
        }
        pairs.add_trace(&self.trace);
        pairs.add_all("context_", &self.context);
        for (name, value) in &self.values {
            let value = AnyValue::Double(value.unwrap_or_default());
            pairs.0.set(format!("value_{name}"), value);
        }
        pairs
    }
}

impl Event {
    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::of(&self.timestamp, Kind::Event);
        pairs.add("event_name", &*self.name);
        pairs.add("event_domain", &*self.domain);
        pairs.add_all("event_data_", &self.attributes);
        pairs.add_trace(&self.trace);
        pairs
    }
}

impl Meta {
    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        let mut add = |fields: &[(&str, &str)]| {
            for (name, value) in fields {
                pairs.add(*name, *value);
            }
        };
        let integrations = self.sdk.integrations.iter();
        let integrations = integrations.map(|it| format!("{}:{}", it.name, it.version));
        let integrations = integrations.collect::<Vec<_>>().join(",");
        add(&[
            ("sdk_name", &self.sdk.name),
            ("sdk_version", &self.sdk.version),
            ("sdk_integrations", &integrations),
            ("app_name", &self.app.name),
            ("app_namespace", &self.app.namespace),
            ("app_release", &self.app.release),
            ("app_version", &self.app.version),
            ("app_environment", &self.app.environment),
            ("user_email", &self.user.email),
            ("user_id", &self.user.id),
            ("user_username", &self.user.username),
        ]);
        pairs.add_all("user_attr_", &self.user.attributes);
        pairs.add("session_id", &*self.session.id);
        pairs.add_all("session_attr_", &self.session.attributes);
        pairs.add("page_id", &*self.page.id);
        pairs.add("page_url", &*self.page.url);
        pairs.add_all("page_attr_", &self.page.attributes);
        let browser = &self.browser;
        for (name, value) in [
            ("browser_name", &*browser.name),
            ("browser_version", &browser.version),
            ("browser_os", &browser.os),
            (
                "browser_mobile",
                if browser.mobile { "true" } else { "false" },
            ),
            ("browser_userAgent", &browser.user_agent),
            ("browser_language", &browser.language),
            ("browser_viewportWidth", &browser.viewport_width),
            ("browser_viewportHeight", &browser.viewport_height),
            ("view_name", &self.view.name),
        ] {
            pairs.add(name, value);
        }
        pairs
    }
}
