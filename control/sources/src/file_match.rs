//! local.file_match: files on disk that match patterns, as targets.
//!
//! Looks at once and then each `sync_period`, in a thread of its own, since listing many folders
//! takes long. Files come in the order of `path_targets`, and of one in the order of names.
//! Reference: docs/sources/reference/components/local/local.file_match.md

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{Check, ExportField, Stability, Target, Targets, Value};
use stdx::glob::Glob;
use tokio::task::AbortHandle;

pub static COMPONENT: Component = Component::of::<FileMatch>();

/// Which files to look for.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Targets whose `__path__` is a pattern of paths, and `__path_exclude__` one of paths that are
    /// left out.
    #[arg(required)]
    path_targets: Targets,
    /// Leave out files that were last changed longer ago than this; 0s leaves out none.
    #[arg(default = "0s")]
    ignore_older_than: Duration,
    /// How often to look.
    #[arg(default = "10s")]
    sync_period: Duration,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.sync_period.is_zero() {
            check.attribute("sync_period", "\"sync_period\" must be greater than 0");
        }
    }
}

struct FileMatch {
    cx: ResolverCx,
    looks: AbortHandle,
}

impl ResolverComponent for FileMatch {
    type Arguments = Arguments;

    const NAME: &'static str = "local.file_match";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "targets",
        type_name: "list(map(string))",
    }];

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<FileMatch, ResolverError> {
        let looks = look(arguments, cx.clone()).await;
        Ok(FileMatch { cx, looks })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let looks = look(arguments, self.cx.clone()).await;
        std::mem::replace(&mut self.looks, looks).abort();
        Ok(())
    }
}

impl Drop for FileMatch {
    fn drop(&mut self) {
        self.looks.abort();
    }
}

/// Looks once, so that the files are known when the component is, and begins to look again.
async fn look(arguments: Arc<Arguments>, cx: ResolverCx) -> AbortHandle {
    let patterns = arguments.path_targets.iter();
    let patterns: Arc<Vec<Pattern>> = Arc::new(
        patterns
            .filter_map(|target| match Pattern::new(target) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    let path = target.get(PATH).unwrap_or_default();
                    tracing::error!(
                        component_id = cx.id(),
                        path,
                        err = error,
                        "error getting paths"
                    );
                    None
                }
            })
            .collect(),
    );
    export(&patterns, &arguments, &cx).await;
    let run = async move {
        loop {
            tokio::time::sleep(arguments.sync_period).await;
            export(&patterns, &arguments, &cx).await;
        }
    };
    tokio::task::spawn_local(run).abort_handle()
}

async fn export(patterns: &Arc<Vec<Pattern>>, arguments: &Arguments, cx: &ResolverCx) {
    let (patterns, older) = (patterns.clone(), arguments.ignore_older_than);
    let found = tokio::task::spawn_blocking(move || {
        let found = patterns.iter().flat_map(|pattern| pattern.files(older));
        found.collect::<Targets>()
    });
    match found.await {
        Ok(targets) => {
            let text = format!("found {} files", targets.len());
            cx.export([("targets", Value::Targets(targets))]);
            cx.health(HealthState::Healthy, text);
        }
        Err(error) => cx.health(HealthState::Unhealthy, format!("cannot look: {error}")),
    }
}

const PATH: &str = "__path__";

/// One target with its patterns.
struct Pattern {
    target: Target,
    glob: Glob,
    exclude: Option<Glob>,
}

impl Pattern {
    fn new(target: &Target) -> Result<Pattern, String> {
        let glob = Glob::new(target.get(PATH).unwrap_or_default());
        let exclude = target.get("__path_exclude__").unwrap_or_default();
        Ok(Pattern {
            target: target.clone(),
            glob: glob.map_err(|error| error.to_string())?,
            // Compat: one that is no pattern leaves out nothing.
            exclude: Glob::new(exclude).ok().filter(|_| !exclude.is_empty()),
        })
    }

    fn files(&self, ignore_older_than: Duration) -> Vec<Target> {
        // A target without a path stands for no file.
        if self.target.get(PATH).is_none_or(str::is_empty) {
            return Vec::new();
        }
        let since = SystemTime::now().checked_sub(ignore_older_than);
        let paths = self.glob.expand().into_iter();
        let files = paths.filter_map(|path| {
            let text = path.to_str()?;
            let excluded = |exclude: &Glob| exclude.matches(text);
            if self.exclude.as_ref().is_some_and(excluded) {
                return None;
            }
            let absolute = absolute(path)?;
            // A file that cannot be looked at is looked at again next time.
            let metadata = fs::metadata(&absolute).ok()?;
            let old = || metadata.modified().ok() < since;
            if metadata.is_dir() || (!ignore_older_than.is_zero() && old()) {
                return None;
            }
            let labels = self.target.iter().filter(|(name, _)| *name != PATH);
            let path = absolute.to_str()?;
            Some(Target::new(labels.chain([(PATH, path)])))
        });
        files.collect()
    }
}

/// The path from the root, without `.`, `..` and doubled slashes.
fn absolute(path: PathBuf) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::rc::Rc;

    use super::*;
    use crate::tests::{on_control, start};

    fn paths(instance: &eval::Instance, folder: &Path) -> Vec<String> {
        let Value::Object(exports) = instance.exports() else {
            panic!("exports are an object")
        };
        let Some(Value::Targets(targets)) = exports.get("targets") else {
            panic!("targets are exported")
        };
        let below = |target: &Target| {
            let path = Path::new(target.get(PATH).expect("each target has its path"));
            let path = path.strip_prefix(folder).expect("below the folder");
            path.display().to_string().replace('\\', "/")
        };
        targets.iter().map(below).collect()
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a scratch folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, "x").expect("a scratch folder");
        }
        folder
    }

    fn target(folder: &Path, path: &str, exclude: &str) -> Target {
        let path = format!("{}/{path}", folder.display());
        let exclude = format!("{}/{exclude}", folder.display());
        Target::new([
            ("__path__", &*path),
            ("__path_exclude__", &exclude),
            ("job", "j"),
        ])
    }

    #[test]
    fn files_come_in_order_without_folders_and_what_is_excluded() {
        on_control(async || {
            let folder = folder(&[
                "b/2.log",
                "b/1.log",
                "a.log",
                "a.txt",
                "b/old/3.log",
                "d.log/x",
            ]);
            let targets = [
                target(folder.path(), "**/*.log", "**/old/*"),
                target(folder.path(), "b/../*.txt", "none"),
                Target::new([("job", "no path")]),
                Target::new([("__path__", "[")]),
            ];
            let targets = Value::Targets(targets.into_iter().collect());
            let started = start(&COMPONENT, [("path_targets", targets)], Rc::default()).await;
            let instance = started.expect("there is nothing to go wrong");
            assert_eq!(
                paths(&instance, folder.path()),
                ["a.log", "b/1.log", "b/2.log", "a.txt"]
            );
        });
    }

    #[test]
    fn each_period_sees_new_files_and_forgets_old_ones() {
        on_control(async || {
            let folder = folder(&["a.log"]);
            let targets = [target(folder.path(), "*.log", "none")];
            let arguments = [
                (
                    "path_targets",
                    Value::Targets(targets.into_iter().collect()),
                ),
                ("ignore_older_than", Value::from("1h")),
            ];
            let started = start(&COMPONENT, arguments, Rc::default()).await;
            let instance = started.expect("there is nothing to go wrong");
            assert_eq!(paths(&instance, folder.path()), ["a.log"]);

            fs::write(folder.path().join("b.log"), "x").expect("a scratch folder");
            tokio::time::sleep(Duration::from_secs(11)).await;
            assert_eq!(paths(&instance, folder.path()), ["a.log", "b.log"]);

            let file = fs::File::options()
                .write(true)
                .open(folder.path().join("a.log"));
            let long_ago = SystemTime::now() - Duration::from_secs(7200);
            let aged = file.and_then(|file| file.set_modified(long_ago));
            aged.expect("a scratch folder");
            tokio::time::sleep(Duration::from_secs(11)).await;
            assert_eq!(paths(&instance, folder.path()), ["b.log"]);

            fs::remove_file(folder.path().join("b.log")).expect("it was there");
            tokio::time::sleep(Duration::from_secs(11)).await;
            assert_eq!(paths(&instance, folder.path()), Vec::<String>::new());
        });
    }
}
