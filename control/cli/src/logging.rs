//! Log lines: what `tracing` events become on standard error.
//!
//! One line an event, in logfmt or JSON, with Alloy's field order: `ts`, `level`, `msg`, the
//! component, then the event's own fields as they were written. A shard only formats its line and
//! puts it into a bounded channel; one thread writes, so that a slow terminal or a full pipe never
//! holds up a shard. Lines that find the channel full are counted and reported with the next one
//! that gets through.
//!
//! There are no spans here: a node's id is a field (`component_id`) of each event.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::OwnLine;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// Limit: lines that wait for the writing thread, some 200 bytes each; 800 KiB at the most.
const QUEUED_LINES_MAX: usize = 4096;

/// Limit: log lines that are kept for the support bundle: the last thousand or so.
const RECENT_BYTES_MAX: usize = 128 * 1024;

/// Limit: a longer line stays on standard error only. A component that logs what it gets, and gets
/// what is logged, quotes its own lines again and again; this ends it after a few turns.
const FORWARDED_BYTES_MAX: usize = 8 * 1024;

/// How long [`Log::flush`] waits for the writing thread before the process ends without it.
const FLUSH_WAIT: Duration = Duration::from_millis(200);

/// The handle by which `run` follows the `logging` block and ends with all lines written.
#[derive(Clone)]
pub struct Log {
    lines: SyncSender<Item>,
    forward: Forward,
}

/// Who gets the lines besides standard error.
type Forward = Arc<Mutex<Option<flume::Sender<OwnLine>>>>;

/// The least level that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Logfmt,
    Json,
}

enum Item {
    Line(String),
    Recent(SyncSender<String>),
    Flush(SyncSender<()>),
}

/// What the `logging` block sets, read at each event.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
static JSON: AtomicBool = AtomicBool::new(false);
static LOST_LINES: AtomicU64 = AtomicU64::new(0);

/// Starts the writing thread and takes over all `tracing` events of the process.
pub fn start() -> Log {
    let (lines, queue) = mpsc::sync_channel(QUEUED_LINES_MAX);
    let to = Forward::default();
    let forward = to.clone();
    std::thread::Builder::new()
        .name("log".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || write_lines(queue, &forward))
        .expect("a thread can be started this early");
    let log = Log { lines, forward: to };
    tracing::subscriber::set_global_default(Lines { log: log.clone() })
        .expect("this is the only place that sets a subscriber");
    log
}

impl Log {
    pub fn configure(&self, level: Level, format: Format) {
        JSON.store(format == Format::Json, Ordering::Relaxed);
        let before = LEVEL.swap(level as u8, Ordering::Relaxed);
        if before != level as u8 {
            tracing::callsite::rebuild_interest_cache();
        }
    }

    /// Returns when all lines so far are written, or after [`FLUSH_WAIT`].
    pub fn flush(&self) {
        let (done, wait) = mpsc::sync_channel(1);
        if self.lines.try_send(Item::Flush(done)).is_ok() {
            // A writer that is stuck (a pipe nobody reads) must not keep the process alive.
            let _ = wait.recv_timeout(FLUSH_WAIT);
        }
    }

    /// Gives all lines from now on to this channel too, or to none.
    pub fn forward(&self, to: Option<flume::Sender<OwnLine>>) {
        *self
            .forward
            .lock()
            .expect("nothing panics while it holds the lock") = to;
    }

    /// The last lines, up to [`RECENT_BYTES_MAX`].
    pub fn recent(&self) -> String {
        let (lines, wait) = mpsc::sync_channel(1);
        if self.lines.try_send(Item::Recent(lines)).is_err() {
            return String::new();
        }
        // As in `flush`: a writer that is stuck gives none.
        wait.recv_timeout(FLUSH_WAIT).unwrap_or_default()
    }

    fn send(&self, mut line: String) {
        let lost = LOST_LINES.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let note = format!("{lost} log lines were lost, standard error is too slow");
            line.insert_str(0, &render(tracing::Level::WARN, &Fields::of(note)));
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Item::Line(line)) {
            LOST_LINES.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

fn write_lines(queue: Receiver<Item>, forward: &Forward) {
    let mut stderr = std::io::stderr();
    let mut recent: VecDeque<String> = VecDeque::new();
    let mut recent_bytes = 0;
    while let Ok(item) = queue.recv() {
        match item {
            Item::Line(line) => {
                // Nobody is left to be told that standard error is closed.
                drop(stderr.write_all(line.as_bytes()));
                let forward = forward.lock().map(|to| to.clone());
                if let Ok(Some(forward)) = forward
                    && line.len() <= FORWARDED_BYTES_MAX
                {
                    let own = OwnLine {
                        timestamp_ns: runtime::wall_ns(),
                        line: line.trim_end().to_owned(),
                    };
                    // What finds it full is left out: standard error has every line.
                    drop(forward.try_send(own));
                }
                recent_bytes += line.len();
                recent.push_back(line);
                while recent_bytes > RECENT_BYTES_MAX {
                    recent_bytes -= recent.pop_front().map_or(0, |line| line.len());
                }
            }
            Item::Recent(reply) => {
                let lines: Vec<&str> = recent.iter().map(String::as_str).collect();
                drop(reply.send(lines.concat()));
            }
            Item::Flush(done) => drop(done.send(())),
        }
    }
}

struct Lines {
    log: Log,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= level_max()
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(level_max().into())
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.log.send(render(*event.metadata().level(), &fields));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn level_max() -> tracing::Level {
    match LEVEL.load(Ordering::Relaxed) {
        level if level == Level::Debug as u8 => tracing::Level::DEBUG,
        level if level == Level::Warn as u8 => tracing::Level::WARN,
        level if level == Level::Error as u8 => tracing::Level::ERROR,
        _ => tracing::Level::INFO,
    }
}

/// An event's message and fields as text.
#[derive(Default)]
struct Fields {
    message: String,
    component_id: Option<String>,
    others: Vec<(&'static str, Text)>,
}

enum Text {
    /// Written as it is in both formats.
    Bare(String),
    Quoted(String),
}

impl Fields {
    fn of(message: String) -> Fields {
        Fields {
            message,
            ..Fields::default()
        }
    }

    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "component_id" => self.component_id = Some(text),
            name => self.others.push((name, Text::Quoted(text))),
        }
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.others
            .push((field.name(), Text::Bare(value.to_string())));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, value.to_string());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field, value);
        } else {
            self.text(field, value.to_string());
        }
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

fn render(level: tracing::Level, fields: &Fields) -> String {
    let ts = jiff::Timestamp::now().to_string();
    let level = match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        _ => "debug",
    };
    if JSON.load(Ordering::Relaxed) {
        json_line(&ts, level, fields)
    } else {
        logfmt_line(&ts, level, fields)
    }
}

/// The path and the local id of a component: the part up to the last slash is its module.
fn split_component(id: &str) -> (String, &str) {
    match id.rsplit_once('/') {
        Some((module, local)) => (format!("/{module}"), local),
        None => ("/".to_owned(), id),
    }
}

fn logfmt_line(ts: &str, level: &str, fields: &Fields) -> String {
    let mut line = format!("ts={ts} level={level} msg=");
    push_logfmt(&mut line, &fields.message);
    if let Some(id) = &fields.component_id {
        let (path, local) = split_component(id);
        line.push_str(" component_path=");
        push_logfmt(&mut line, &path);
        line.push_str(" component_id=");
        push_logfmt(&mut line, local);
    }
    for (name, text) in &fields.others {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match text {
            Text::Bare(text) => line.push_str(text),
            Text::Quoted(text) => push_logfmt(&mut line, text),
        }
    }
    line.push('\n');
    line
}

/// A logfmt value: quoted when empty or when it holds blanks, quotes, `=` or control characters.
fn push_logfmt(line: &mut String, text: &str) {
    let plain = |c: char| c > ' ' && c != '"' && c != '=' && c != '\u{7f}';
    if !text.is_empty() && text.chars().all(plain) {
        line.push_str(text);
        return;
    }
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() => write!(line, "\\u{:04x}", c as u32).expect("no I/O"),
            c => line.push(c),
        }
    }
    line.push('"');
}

fn json_line(ts: &str, level: &str, fields: &Fields) -> String {
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let mut line = format!(
        "{{\"ts\":\"{ts}\",\"level\":\"{level}\",\"msg\":{}",
        quote(&fields.message)
    );
    let mut push = |name: &str, text: &str| {
        line.push(',');
        line.push_str(&quote(name));
        line.push(':');
        line.push_str(text);
    };
    if let Some(id) = &fields.component_id {
        let (path, local) = split_component(id);
        push("component_path", &quote(&path));
        push("component_id", &quote(local));
    }
    for (name, text) in &fields.others {
        match text {
            Text::Bare(text) => push(name, text),
            Text::Quoted(text) => push(name, &quote(text)),
        }
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields {
            message: "scrape failed".to_owned(),
            component_id: Some("outer.o/prometheus.scrape.s".to_owned()),
            others: vec![
                ("err", Text::Quoted("no \"such\" host\n".to_owned())),
                ("tries", Text::Bare("3".to_owned())),
                ("empty", Text::Quoted(String::new())),
            ],
        }
    }

    #[test]
    fn logfmt_has_the_order_of_alloy_and_quotes_what_needs_it() {
        assert_eq!(
            logfmt_line("T", "warn", &fields()),
            "ts=T level=warn msg=\"scrape failed\" component_path=/outer.o \
             component_id=prometheus.scrape.s err=\"no \\\"such\\\" host\\n\" tries=3 empty=\"\"\n"
        );
    }

    #[test]
    fn json_lines_are_json() {
        let line = json_line("T", "warn", &fields());
        let value: serde_json::Value = serde_json::from_str(&line).expect("is JSON");
        assert_eq!(value["component_path"], "/outer.o");
        assert_eq!(value["component_id"], "prometheus.scrape.s");
        assert_eq!(value["err"], "no \"such\" host\n");
        assert_eq!(value["tries"], 3);
    }
}
