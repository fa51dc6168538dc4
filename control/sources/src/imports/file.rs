//! import.file: custom components from a file, or from the `*.alloy` files of a folder.
//!
//! Both detectors look at names, sizes and times of change: `fsnotify` several times a second,
//! which works on network mounts and with files that are replaced; `poll` each `poll_frequency`.
//! Either reads all again after each `poll_frequency`, changed or not.
//! Reference: docs/sources/reference/config-blocks/import.file.md

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{Check, ExportField, Stability};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{EXPORTS, export, folder, folder_of};

pub static COMPONENT: Component = Component::of::<ImportFile>();

/// Which file or folder, and how to notice that it changed.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Path of the file or folder.
    #[arg(required)]
    filename: String,
    /// How to notice changes (`fsnotify`, `poll`).
    #[arg(default = "fsnotify", one_of("fsnotify", "poll"))]
    detector: String,
    /// How often to look with `poll`, and to read again in any case.
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

/// How soon a change is noticed with the detector `fsnotify`: soon enough for somebody who edits a
/// module and looks what became of it, at a few system calls a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Between seeing a change and reading it, so that files are mostly whole by then.
const WRITE_TIME: Duration = Duration::from_millis(30);

struct ImportFile {
    cx: ResolverCx,
    watch: AbortHandle,
}

impl ResolverComponent for ImportFile {
    type Arguments = Arguments;

    const NAME: &'static str = "import.file";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = EXPORTS;

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<ImportFile, ResolverError> {
        let watch = watch(arguments, cx.clone())?;
        Ok(ImportFile { cx, watch })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let watch = watch(arguments, self.cx.clone())?;
        std::mem::replace(&mut self.watch, watch).abort();
        Ok(())
    }
}

impl Drop for ImportFile {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Reads the texts and begins to look at them.
fn watch(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<AbortHandle, ResolverError> {
    let path = PathBuf::from(&arguments.filename);
    // The mark is taken first: a change in between is then seen as one.
    let mut seen = folder::mark(&path);
    read(&path, &cx).map_err(ResolverError::new)?;
    let run = async move {
        let mut read_at = Instant::now() + arguments.poll_frequency;
        loop {
            tokio::time::sleep(arguments.look_interval()).await;
            let now = folder::mark(&path);
            if now.is_some() && now == seen && Instant::now() < read_at {
                continue;
            }
            tokio::time::sleep(WRITE_TIME).await;
            read_at = Instant::now() + arguments.poll_frequency;
            let mark = folder::mark(&path);
            match read(&path, &cx) {
                Ok(()) => seen = mark,
                Err(error) => {
                    // Said once; the health says it as long as it lasts.
                    if seen.take().is_some() {
                        tracing::error!(
                            node_id = cx.id(),
                            err = error,
                            "cannot read what is imported, the last content goes on"
                        );
                    }
                    cx.health(HealthState::Unhealthy, error);
                }
            }
        }
    };
    Ok(tokio::task::spawn_local(run).abort_handle())
}

fn read(path: &std::path::Path, cx: &ResolverCx) -> Result<(), String> {
    export(cx, folder::read(path)?, &folder_of(path));
    cx.health(HealthState::Healthy, "read file");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::rc::Rc;

    use schema::Value;

    use super::*;
    use crate::tests::{on_control, start};

    /// The texts by the last part of their names.
    fn texts(instance: &eval::Instance) -> Vec<String> {
        let Value::Object(exports) = instance.exports() else {
            panic!("exports are an object")
        };
        let Some(Value::Object(files)) = exports.get("files") else {
            panic!("files are exported")
        };
        let shown = files.iter().map(|(name, text)| {
            let name = name.rsplit(['/', '\\']).next().expect("a name");
            format!("{name}={}", text.as_str().expect("a text"))
        });
        shown.collect()
    }

    #[test]
    fn a_path_that_is_not_there_refuses_the_configuration() {
        on_control(async || {
            let filename = Value::from("/nowhere/at/all");
            let started = start(&COMPONENT, [("filename", filename)], Rc::default()).await;
            let error = started.err().expect("the file is missing").to_string();
            assert!(error.starts_with("cannot read"), "{error}");
        });
    }

    #[test]
    fn a_folders_files_are_followed_as_they_come_change_and_go() {
        on_control(async || {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let write = |name: &str, text: &str| {
                fs::write(folder.path().join(name), text).expect("a scratch folder");
            };
            write("b.alloy", "one");
            write("other.txt", "no");
            fs::create_dir(folder.path().join("deep.alloy")).expect("a scratch folder");
            let filename = Value::from(folder.path().display().to_string());
            let started = start(&COMPONENT, [("filename", filename)], Rc::default()).await;
            let instance = started.expect("the folder is there");
            assert_eq!(texts(&instance), ["b.alloy=one"]);

            write("a.alloy", "new");
            write("b.alloy", "longer");
            tokio::time::sleep(4 * LOOK_INTERVAL).await;
            assert_eq!(texts(&instance), ["a.alloy=new", "b.alloy=longer"]);

            fs::remove_file(folder.path().join("a.alloy")).expect("it was there");
            fs::write(folder.path().join("b.alloy"), [0xff]).expect("a scratch folder");
            tokio::time::sleep(4 * LOOK_INTERVAL).await;
            assert_eq!(texts(&instance), ["a.alloy=new", "b.alloy=longer"]);
            assert_eq!(instance.health().state, HealthState::Unhealthy);

            write("b.alloy", "last");
            tokio::time::sleep(4 * LOOK_INTERVAL).await;
            assert_eq!(texts(&instance), ["b.alloy=last"]);
            assert_eq!(instance.health().state, HealthState::Healthy);
        });
    }
}
