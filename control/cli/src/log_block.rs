//! logging: level and format of the log lines.
//! Reference: docs/sources/reference/config-blocks/logging.md

use schema::{Descriptor, Port, Stability};

use crate::logging::{Format, Level, Log};
use engine::{Command, OwnLogs};

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

/// Limit: own lines that wait for a shard, some 200 KiB.
const OWN_LINES_MAX: usize = 1_000;

pub fn apply(arguments: Option<&Logging>, log: &Log, shards: &[flume::Sender<Command>]) {
    let ports = arguments.map_or(&[][..], |arguments| &arguments.write_to);
    forward(ports, log, shards);
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
    if arguments.destination.as_deref() == Some("windows_event_log") {
        tracing::warn!(
            "logging: the Windows event log is not available yet, lines go to standard error"
        );
    }
}

/// Lets the first shard take the lines for these ports.
fn forward(ports: &[Port], log: &Log, shards: &[flume::Sender<Command>]) {
    let (Some(shard), false) = (shards.first(), ports.is_empty()) else {
        return log.forward(None);
    };
    let (lines_in, lines) = flume::bounded(OWN_LINES_MAX);
    let ports = ports.to_vec();
    let own = Command::OwnLogs(OwnLogs { ports, lines });
    // Without its shard the process is about to end.
    log.forward(shard.send(own).is_ok().then_some(lines_in));
}
