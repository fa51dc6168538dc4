//! Looks at the files by turns, and makes records of what is new in them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{AnyValue, Attributes, LogRecord};
use engine::{Build, BuildError, Throttle};
use ops::stanza::{Entry, Pipeline, Splitter};
use runtime::fs::Identity;

use super::ReceiverFilelogArguments;
use super::files::{Names, Opened};
use super::offsets::Offsets;
use crate::receiving::{Intake, Transport, batch_of, now_ns};
use crate::settings::splitter;

/// How often failures are told.
const FAILURES_EVERY: Duration = Duration::from_secs(10);

/// The instance.
pub struct Reader {
    arguments: Arc<ReceiverFilelogArguments>,
    intake: Intake,
    names: Names,
    splitter: Splitter,
    pipeline: Pipeline,
    offsets: Option<Offsets>,
    files: HashMap<Identity, Opened>,
    failures: Throttle,
}

impl Reader {
    pub async fn new(
        arguments: Arc<ReceiverFilelogArguments>,
        cx: &Build,
    ) -> Result<Reader, BuildError> {
        let offsets = match &arguments.storage {
            Some(_) => Some(Offsets::read(cx.node_folder()).await.map_err(|error| {
                BuildError::new(format!("offsets of files cannot be read: {error}"))
            })?),
            None => None,
        };
        let older_than = arguments.exclude_older_than;
        Ok(Reader {
            intake: Intake::new(cx, &arguments.output, "filelog", &[Transport::File]),
            names: Names::new(&arguments.include, &arguments.exclude, older_than),
            splitter: splitter(
                arguments.multiline.as_ref(),
                arguments.max_log_size.0 as usize,
            ),
            pipeline: arguments
                .pipeline()
                .expect("checked: operators can be made"),
            offsets,
            files: HashMap::new(),
            failures: Throttle::new(FAILURES_EVERY),
            arguments,
        })
    }

    pub async fn run(mut self) {
        let mut is_first = true;
        loop {
            self.turn(is_first).await;
            is_first = false;
            runtime::sleep(self.arguments.poll_interval).await;
        }
    }

    /// One look at all files.
    async fn turn(&mut self, is_first: bool) {
        let found = self.names.find().await;
        let there: HashSet<Identity> = found.iter().map(|(_, stat)| stat.identity).collect();
        let max = usize::try_from(self.arguments.max_concurrent_files).unwrap_or(1024);
        for (path, stat) in found {
            if let Some(opened) = self.files.get_mut(&stat.identity) {
                opened.path = path;
            } else if self.files.len() < max {
                self.open(&path, stat.identity, is_first).await;
            }
        }
        for identity in self.files.keys().copied().collect::<Vec<_>>() {
            let mut opened = self.files.remove(&identity).expect("a key of it");
            let result = self.read(&mut opened).await;
            if let Err(error) = &result {
                self.failed(&format!(
                    "{} cannot be read: {error}",
                    opened.path.display()
                ));
            }
            // One without a name of ours is kept until it was read to its end.
            if result.is_ok() && there.contains(&identity) {
                self.files.insert(identity, opened);
            }
        }
        let now = self
            .files
            .values()
            .map(|file| (file.identity, file.offset))
            .collect();
        if let Some(offsets) = &mut self.offsets
            && let Err(error) = offsets.keep(now).await
        {
            self.failed(&format!("offsets of files cannot be kept: {error}"));
        }
    }

    async fn open(&mut self, path: &Path, identity: Identity, is_first: bool) {
        let kept = self
            .offsets
            .as_ref()
            .and_then(|offsets| offsets.get(identity));
        let from_end = is_first && self.arguments.start_at == "end";
        let offset = kept.or(if from_end { None } else { Some(0) });
        match Opened::open(path, offset).await {
            Ok(opened) => {
                self.files.insert(opened.identity, opened);
            }
            // Gone again: the next look tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.failed(&format!("{} cannot be opened: {error}", path.display())),
        }
    }

    /// Passes on all that is new in a file.
    async fn read(&self, opened: &mut Opened) -> io::Result<()> {
        let flush = self.arguments.force_flush_period;
        while let Some((records, behind)) = opened.next(&self.splitter, flush).await? {
            let common = self.attributes(&opened.path).await;
            let mut entries = Vec::new();
            for record in &records {
                let text = self.arguments.trim().of(record);
                if text.is_empty() {
                    continue;
                }
                opened.records += 1;
                entries.extend(self.entry(text, common.clone(), opened.records));
            }
            for (resource, records) in by_resource(entries) {
                self.intake
                    .insist(batch_of(records, resource), Transport::File)
                    .await;
            }
            opened.offset = behind;
        }
        Ok(())
    }

    fn entry(&self, text: &[u8], attributes: Attributes<'static>, number: i64) -> Option<Entry> {
        let mut entry = Entry {
            record: LogRecord {
                observed_unix_nano: now_ns(),
                body: String::from_utf8_lossy(text).into_owned().into(),
                attributes,
                ..LogRecord::default()
            },
            resource: Attributes::default(),
        };
        if self.arguments.include_file_record_number {
            let attributes = &mut entry.record.attributes;
            attributes.set("log.file.record_number", AnyValue::Int(number));
        }
        for (key, value) in &self.arguments.resource {
            entry.resource.set(key.clone(), value.clone().into());
        }
        let failed = |error: &str| self.failed(&format!("an operator failed: {error}"));
        let kept = self.pipeline.run(&mut entry, runtime::wall_ns(), failed);
        kept.then_some(entry)
    }

    async fn attributes(&self, path: &Path) -> Attributes<'static> {
        let settings = &self.arguments;
        let mut attributes = Attributes::default();
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        if settings.include_file_name {
            attributes.set("log.file.name", name(path).into());
        }
        if settings.include_file_path {
            attributes.set("log.file.path", path.display().to_string().into());
        }
        if settings.include_file_name_resolved || settings.include_file_path_resolved {
            let link = path.to_owned();
            let resolved = runtime::service::blocking(move || link.canonicalize());
            let resolved = resolved.await.unwrap_or_else(|_| path.to_owned());
            if settings.include_file_name_resolved {
                attributes.set("log.file.name_resolved", name(&resolved).into());
            }
            if settings.include_file_path_resolved {
                let resolved = resolved.display().to_string();
                attributes.set("log.file.path_resolved", resolved.into());
            }
        }
        for (key, value) in &settings.attributes {
            attributes.set(key.clone(), value.clone().into());
        }
        attributes
    }

    fn failed(&self, text: &str) {
        if let Some(more) = self.failures.pass() {
            tracing::warn!("{text} ({more} more were not told)");
        }
    }
}

/// Records of one resource after the other, in their order.
fn by_resource(entries: Vec<Entry>) -> Vec<(Attributes<'static>, Vec<LogRecord<'static>>)> {
    let mut groups: Vec<(Attributes<'static>, Vec<LogRecord<'static>>)> = Vec::new();
    for entry in entries {
        match groups
            .last_mut()
            .filter(|(resource, _)| *resource == entry.resource)
        {
            Some((_, records)) => records.push(entry.record),
            None => groups.push((entry.resource, vec![entry.record])),
        }
    }
    groups
}
