//! The fields of a payload. All may be missing or null; unknown ones are left alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Time;

/// Names and texts, sorted.
pub type Texts = BTreeMap<String, Option<String>>;

/// Null is the zero of a type, as in Go.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Structs all of whose fields may be missing or null.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$of:meta])* $field:ident: $ty:ty,)*
    })*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$of])* #[serde(deserialize_with = "nullable")] pub $field: $ty,)*
        })*
    };
}

objects! {
    /// A request's body.
    Payload {
        exceptions: Vec<Exception>,
        logs: Vec<Log>,
        measurements: Vec<Measurement>,
        events: Vec<Event>,
        meta: Meta,
        /// A request of OTLP.
        traces: Option<Value>,
    }

    /// One call of a stack.
    Frame {
        function: String,
        module: String,
        filename: String,
        lineno: i64,
        colno: i64,
    }

    Stacktrace {
        frames: Vec<Frame>,
    }

    Exception {
        #[serde(rename = "type")]
        kind: String,
        value: String,
        stacktrace: Option<Stacktrace>,
        timestamp: Time,
        trace: Trace,
        context: Texts,
    }

    /// The span that something happened in.
    Trace {
        trace_id: String,
        span_id: String,
    }

    Log {
        message: String,
        level: String,
        context: Texts,
        timestamp: Time,
        trace: Trace,
    }

    Measurement {
        #[serde(rename = "type")]
        kind: String,
        values: BTreeMap<String, Option<f64>>,
        timestamp: Time,
        trace: Trace,
        context: Texts,
    }

    Event {
        name: String,
        domain: String,
        attributes: Texts,
        timestamp: Time,
        trace: Trace,
    }

    /// What all of a payload have in common.
    Meta {
        sdk: Sdk,
        app: App,
        user: User,
        session: Session,
        page: Page,
        browser: Browser,
        view: View,
    }

    Sdk {
        name: String,
        version: String,
        integrations: Vec<Integration>,
    }

    Integration {
        name: String,
        version: String,
    }

    App {
        name: String,
        namespace: String,
        release: String,
        version: String,
        environment: String,
    }

    User {
        email: String,
        id: String,
        username: String,
        attributes: Texts,
    }

    Session {
        id: String,
        attributes: Texts,
    }

    Page {
        id: String,
        url: String,
        attributes: Texts,
    }

    Browser {
        name: String,
        version: String,
        os: String,
        mobile: bool,
        #[serde(rename = "userAgent")]
        user_agent: String,
        language: String,
        #[serde(rename = "viewportWidth")]
        viewport_width: String,
        #[serde(rename = "viewportHeight")]
        viewport_height: String,
    }

    View {
        name: String,
    }
}
