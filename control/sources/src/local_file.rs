//! local.file: the content of a file, kept up to date.
//!
//! Both detectors look at the file rather than subscribe to its system's notifications: `fsnotify`
//! each second at size and time of change, which costs one system call and works on network mounts
//! and with files that are replaced; `poll` each `poll_frequency`. Either reads the whole file
//! again after each `poll_frequency`, changed or not. A file that cannot be read later leaves the
//! last content in place and makes the component unhealthy; at the start it refuses the
//! configuration.
//! Reference: docs/sources/reference/components/local/local.file.md

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{
    Capsule, Check, ExportField, MetricDecl, MetricKind, OptionalSecret, Stability, Value,
};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub static COMPONENT: Component = Component::of::<LocalFile>();

/// Which file, and how to notice that it changed.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Path of the file on disk to watch.
    #[arg(required)]
    filename: String,
    /// Which file change detector to use (`fsnotify`, `poll`).
    #[arg(default = "fsnotify", one_of("fsnotify", "poll"))]
    detector: String,
    /// Marks the file as containing a secret.
    #[arg(default = false)]
    is_secret: bool,
    /// How often to poll for file changes.
    #[arg(default = "1m")]
    poll_frequency: Duration,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.poll_frequency.is_zero() {
            check.attribute(
                "poll_frequency",
                "\"poll_frequency\" must be greater than 0",
            );
        }
    }

    fn look_interval(&self) -> Duration {
        match self.detector.as_str() {
            "fsnotify" => LOOK_INTERVAL.min(self.poll_frequency),
            _ => self.poll_frequency,
        }
    }
}

/// How soon a change is noticed with the detector `fsnotify`.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Limit: bytes of a file. Its content is held in memory and may be copied by expressions; above
/// this the file is refused.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

const LAST_ACCESSED: &str = "local_file_timestamp_last_accessed_unix_seconds";

struct LocalFile {
    cx: ResolverCx,
    watch: AbortHandle,
}

impl ResolverComponent for LocalFile {
    type Arguments = Arguments;

    const NAME: &'static str = "local.file";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "content",
        type_name: "string|secret",
    }];
    const METRICS: &'static [MetricDecl] = &[MetricDecl {
        name: LAST_ACCESSED,
        kind: MetricKind::Gauge,
        help: "The last successful access in unix seconds.",
    }];

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<LocalFile, ResolverError> {
        let watch = watch(arguments, cx.clone())?;
        Ok(LocalFile { cx, watch })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let watch = watch(arguments, self.cx.clone())?;
        std::mem::replace(&mut self.watch, watch).abort();
        Ok(())
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Reads the file and begins to look at it.
fn watch(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<AbortHandle, ResolverError> {
    let mut seen = read(&arguments, &cx).map_err(ResolverError::new)?;
    let run = async move {
        let mut read_at = Instant::now() + arguments.poll_frequency;
        loop {
            tokio::time::sleep(arguments.look_interval()).await;
            let now = Mark::of(Path::new(&arguments.filename));
            if now.is_some() && now == seen && Instant::now() < read_at {
                continue;
            }
            read_at = Instant::now() + arguments.poll_frequency;
            match read(&arguments, &cx) {
                Ok(mark) => seen = mark,
                Err(error) => {
                    // Said once; the health says it as long as it lasts.
                    if seen.take().is_some() {
                        tracing::error!(
                            component_id = cx.id(),
                            err = error,
                            "cannot read the file"
                        );
                    }
                    cx.health(HealthState::Unhealthy, error);
                }
            }
        }
    };
    Ok(tokio::task::spawn_local(run).abort_handle())
}

/// Reads the file and exports its content. Gives the mark of what was read.
fn read(arguments: &Arguments, cx: &ResolverCx) -> Result<Option<Mark>, String> {
    let path = Path::new(&arguments.filename);
    let failed = |error: std::io::Error| format!("cannot read {:?}: {error}", arguments.filename);
    // The mark is taken first: a change in between is then seen as one.
    let mark = Mark::of(path);
    if mark
        .as_ref()
        .is_some_and(|mark| mark.bytes > FILE_BYTES_MAX)
    {
        return Err(format!(
            "{:?} is larger than {FILE_BYTES_MAX} bytes",
            arguments.filename
        ));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let content = match arguments.is_secret {
        true => OptionalSecret::secret(&*text),
        false => OptionalSecret::plain(&*text),
    };
    cx.export([("content", Value::Capsule(Capsule::OptionalSecret(content)))]);
    cx.set(LAST_ACCESSED, unix_seconds(SystemTime::now()));
    cx.health(HealthState::Healthy, "read file");
    Ok(mark)
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// What changes when a file's content does, as far as can be seen without reading it.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Mark {
    fn of(path: &Path) -> Option<Mark> {
        let metadata = fs::metadata(path).ok()?;
        Some(Mark {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::tests::{on_control, start};

    fn content(instance: &eval::Instance) -> (String, bool) {
        let Value::Object(exports) = instance.exports() else {
            panic!("exports are an object")
        };
        match exports.get("content") {
            Some(Value::Capsule(Capsule::OptionalSecret(text))) => {
                (text.expose().to_owned(), text.is_secret())
            }
            other => panic!("{other:?} is no content"),
        }
    }

    #[test]
    fn a_file_that_is_not_there_refuses_the_configuration() {
        on_control(async || {
            let filename = Value::from("/nowhere/at/all");
            let started = start(&COMPONENT, [("filename", filename)], Rc::default()).await;
            let error = started.err().expect("the file is missing").to_string();
            assert!(
                error.starts_with("cannot read \"/nowhere/at/all\""),
                "{error}"
            );
        });
    }

    #[test]
    fn changes_are_followed_and_a_lost_file_leaves_the_last_content() {
        on_control(async || {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let path = folder.path().join("f");
            fs::write(&path, "one").expect("a scratch folder");
            let filename = Value::from(path.display().to_string());
            let started = start(&COMPONENT, [("filename", filename)], Rc::default()).await;
            let instance = started.expect("the file is there");
            assert_eq!(content(&instance), ("one".to_owned(), false));

            fs::write(&path, "longer").expect("a scratch folder");
            tokio::time::sleep(2 * LOOK_INTERVAL).await;
            assert_eq!(content(&instance), ("longer".to_owned(), false));
            assert_eq!(instance.health().state, HealthState::Healthy);

            fs::remove_file(&path).expect("it was there");
            tokio::time::sleep(2 * LOOK_INTERVAL).await;
            assert_eq!(content(&instance), ("longer".to_owned(), false));
            assert_eq!(instance.health().state, HealthState::Unhealthy);

            fs::write(&path, "back").expect("a scratch folder");
            tokio::time::sleep(2 * LOOK_INTERVAL).await;
            assert_eq!(content(&instance), ("back".to_owned(), false));
            assert_eq!(instance.health().state, HealthState::Healthy);
        });
    }

    #[test]
    fn polling_looks_no_sooner_than_asked_and_secrets_are_secret() {
        on_control(async || {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let path = folder.path().join("f");
            fs::write(&path, "one").expect("a scratch folder");
            let arguments = [
                ("filename", Value::from(path.display().to_string())),
                ("detector", Value::from("poll")),
                ("poll_frequency", Value::from("30s")),
                ("is_secret", Value::from(true)),
            ];
            let started = start(&COMPONENT, arguments, Rc::default()).await;
            let instance = started.expect("the file is there");
            fs::write(&path, "longer").expect("a scratch folder");
            tokio::time::sleep(Duration::from_secs(29)).await;
            assert_eq!(content(&instance), ("one".to_owned(), true));
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(content(&instance), ("longer".to_owned(), true));
        });
    }
}
