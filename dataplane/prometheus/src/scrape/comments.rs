//! What a body says about its metrics: kinds, helps, units.

use std::collections::HashMap;

use batch::{Metadata, MetricKind};
use formats::exposition::protobuf::{Families, Family};
use formats::exposition::{Entry, Format, Parser};
use xxhash_rust::xxh3::Xxh3;

use super::intake::Scene;
use super::report;
use super::settings::Media;

/// What was passed on of the comments of a target.
#[derive(Default)]
pub struct Comments {
    /// Of all comments of the scrape that was described last.
    hash: u64,
    honored: bool,
    scrapes: u32,
}

/// Limit: scrapes after which unchanged metadata is passed on again, for what has been built anew
/// downstream has heard none. Reading the comments takes a quarter of a scrape: 1 in 80.
const AGAIN_AFTER: u32 = 20;

impl Comments {
    /// Puts the metadata into the batch when it has changed or was not told for long.
    pub fn describe(&mut self, body: &[u8], media: Media, hash: u64, scene: &mut Scene<'_>) {
        let honored = scene.settings.honor_metadata;
        self.scrapes += 1;
        let same = self.hash == hash && self.honored == honored;
        if same && self.scrapes < AGAIN_AFTER {
            return;
        }
        *self = Comments {
            hash,
            honored,
            scrapes: 0,
        };
        let batch = &mut scene.batch;
        batch.metadata = match media {
            Media::Text(format) => text_metadata(body, format),
            Media::Protobuf => protobuf_metadata(body),
        };
        batch.describes_series = honored;
        if honored {
            batch
                .metadata
                .extend(report::metadata(scene.settings.extra_metrics));
        }
    }
}

pub fn hash_comment(comment: &Entry<'_>, hash: &mut Xxh3) {
    let (kind, name, text) = match comment {
        Entry::Help { name, help } => (b'h', name, help.as_bytes()),
        Entry::Type { name, kind } => (b't', name, kind.name().as_bytes()),
        Entry::Unit { name, unit } => (b'u', name, unit.as_bytes()),
        Entry::Sample(_) => return,
    };
    hash_parts(hash, &[&[kind], name.as_bytes(), text]);
}

pub fn hash_family(family: &Family<'_>, hash: &mut Xxh3) {
    let Family {
        name,
        help,
        unit,
        kind,
        ..
    } = family;
    let parts = [name, help, unit, kind.name()];
    hash_parts(hash, &parts.map(str::as_bytes));
}

fn hash_parts(hash: &mut Xxh3, parts: &[&[u8]]) {
    for part in parts {
        hash.update(part);
        hash.update(b"\0");
    }
}

/// All metadata of a body that was read before, once more.
fn text_metadata(body: &[u8], format: Format) -> Vec<Metadata> {
    let mut all: Vec<Metadata> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut parser = Parser::new(body, format);
    while let Ok(Some(entry)) = parser.next() {
        let name = match &entry {
            Entry::Help { name, .. } | Entry::Type { name, .. } | Entry::Unit { name, .. } => name,
            Entry::Sample(_) => continue,
        };
        let at = *index.entry(name.to_string()).or_insert_with(|| {
            all.push(Metadata {
                name: name.to_string(),
                kind: MetricKind::Unknown,
                help: String::new(),
                unit: String::new(),
            });
            all.len() - 1
        });
        match entry {
            Entry::Help { help, .. } => all[at].help = help.into_owned(),
            Entry::Type { kind, .. } => all[at].kind = kind,
            Entry::Unit { unit, .. } => all[at].unit = unit.into_owned(),
            Entry::Sample(_) => {}
        }
    }
    all
}

fn protobuf_metadata(body: &[u8]) -> Vec<Metadata> {
    let mut all = Vec::new();
    let mut families = Families::new(body);
    while let Ok(Some(family)) = families.next() {
        all.push(Metadata {
            name: family.name.to_owned(),
            kind: family.kind,
            help: family.help.to_owned(),
            unit: family.unit.to_owned(),
        });
    }
    all
}
