//! logging: level and format of the log lines.
//! Reference: docs/sources/reference/config-blocks/logging.md

use schema::{Descriptor, Port, Stability};

use crate::logging::{Format, Level, Log};

pub static DESCRIPTOR: Descriptor =
    Descriptor::of::<Logging>("logging", Stability::GenerallyAvailable, &[], &[]);

#[derive(schema::Arguments)]
pub struct Logging {
    /// Where lines go on Windows.
    #[arg(one_of("stderr", "windows_event_log"))]
    destination: Option<String>,
    /// Format of the lines.
    #[arg(default = "logfmt", one_of("logfmt", "json"))]
    format: String,
    /// Least level that is written.
    #[arg(default = "info", one_of("error", "warn", "info", "debug"))]
    level: String,
    /// Receivers that get the lines too.
    #[arg(port = Logs)]
    write_to: Vec<Port>,
}

pub fn apply(arguments: Option<&Logging>, log: &Log) {
    let Some(arguments) = arguments else {
        return log.configure(Level::Info, Format::Logfmt);
    };
    let level = match arguments.level.as_str() {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        _ => Level::Info,
    };
    let format = match arguments.format.as_str() {
        "json" => Format::Json,
        _ => Format::Logfmt,
    };
    log.configure(level, format);
    if !arguments.write_to.is_empty() {
        tracing::warn!("logging: write_to is not available yet, lines go to standard error only");
    }
    if arguments.destination.as_deref() == Some("windows_event_log") {
        tracing::warn!(
            "logging: the Windows event log is not available yet, lines go to standard error"
        );
    }
}
