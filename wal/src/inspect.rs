//! Looks at a lane's folder from outside: what is in it, and whether all of it holds. Takes no lock
//! and changes nothing, so that it works beside a running process and on what a dead one left.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use runtime::Backend;
use runtime::fs;

use crate::cursors::CursorTable;
use crate::keeper::CURSORS;
use crate::quarantine::FOLDER as QUARANTINE;
use crate::scan::{Limit, Patience, Scan, Step};
use crate::segment::{FoundHeader, Name, SegmentId, parse_name};
use crate::segments::{Mark, Segment, Segments};
use crate::tail;

/// Limit: how deep below a folder lanes are looked for: node, shard, lane.
const DEPTH_MAX: usize = 4;

/// The folders at or below `root` that are lanes. Runs on the calling thread, outside of a shard.
pub fn find_lanes(root: &Path) -> io::Result<Vec<PathBuf>> {
    let root = root.to_owned();
    runtime::block_on(Backend::Tokio, || Box::pin(lanes_below(root)))?
}

/// What is in a lane's folder. Runs on the calling thread, outside of a shard.
pub fn inspect(dir: &Path) -> io::Result<Inspection> {
    let dir = dir.to_owned();
    runtime::block_on(Backend::Tokio, || Box::pin(Inspection::of(dir)))?
}

/// Whether all records of a lane hold. Runs on the calling thread, outside of a shard.
pub fn verify(dir: &Path) -> io::Result<Verification> {
    let dir = dir.to_owned();
    runtime::block_on(Backend::Tokio, || Box::pin(Verification::of(dir)))?
}

async fn lanes_below(root: PathBuf) -> io::Result<Vec<PathBuf>> {
    let mut lanes = Vec::new();
    let mut open = vec![(root, 0)];
    while let Some((dir, depth)) = open.pop() {
        let entries = fs::read_dir(&dir).await?;
        let is_lane = |name: &str| name == CURSORS || matches!(parse_name(name), Name::Segment(_));
        if entries
            .iter()
            .any(|entry| !entry.is_dir && is_lane(&entry.name))
        {
            lanes.push(dir);
        } else if depth < DEPTH_MAX {
            let folders = entries.iter().filter(|entry| entry.is_dir);
            open.extend(folders.map(|entry| (dir.join(&entry.name), depth + 1)));
        }
    }
    lanes.sort();
    Ok(lanes)
}

/// What is in a lane's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The folder.
    pub dir: PathBuf,
    /// By the cursor file: the sequence of the next record when it was written.
    pub next_sequence: Option<u64>,
    /// The destinations' places.
    pub cursors: Vec<CursorReport>,
    /// In order.
    pub segments: Vec<SegmentReport>,
    /// Files for reuse and their bytes.
    pub spares: (usize, u64),
    /// Files in quarantine and their bytes.
    pub quarantine: (usize, u64),
    /// Segments in a format that this version does not know.
    pub later_versions: Vec<String>,
}

/// A destination's saved place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorReport {
    /// The destination.
    pub destination: String,
    /// The first record that it still wants.
    pub sequence: u64,
    /// Bytes of the segments from there on.
    pub held_bytes: u64,
}

/// A segment, as its name and size tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// The file.
    pub name: String,
    /// The first sequence in it.
    pub base_sequence: u64,
    /// Records and items in it; not known of the last one.
    pub content: Option<(u64, u64)>,
    /// Size of the file.
    pub bytes: u64,
}

impl Inspection {
    /// Looks at a lane's folder, on whichever backend runs.
    pub async fn of(dir: PathBuf) -> io::Result<Inspection> {
        let mut spares = (0, 0);
        let mut later_versions = Vec::new();
        let mut list = Vec::new();
        for entry in fs::read_dir(&dir)
            .await?
            .into_iter()
            .filter(|entry| !entry.is_dir)
        {
            match parse_name(&entry.name) {
                Name::Segment(id) => list.push((id, entry.len)),
                Name::Spare => spares = (spares.0 + 1, spares.1 + entry.len),
                Name::Future => later_versions.push(entry.name),
                Name::Other => {}
            }
        }
        let table = read_table(&dir).await?;
        let quarantine = match fs::read_dir(&dir.join(QUARANTINE)).await {
            Ok(entries) => (entries.len(), entries.iter().map(|entry| entry.len).sum()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (0, 0),
            Err(error) => return Err(error),
        };
        let cursors = table
            .iter()
            .flat_map(|table| &table.cursors)
            .map(|cursor| CursorReport {
                destination: cursor.name.clone(),
                sequence: cursor.sequence,
                held_bytes: held_bytes(&list, cursor.sequence),
            });
        Ok(Inspection {
            next_sequence: table.as_ref().map(|table| table.next_sequence),
            cursors: cursors.collect(),
            segments: reports(&list),
            spares,
            quarantine,
            later_versions,
            dir,
        })
    }
}

async fn read_table(dir: &Path) -> io::Result<Option<CursorTable>> {
    match fs::read(&dir.join(CURSORS)).await {
        Ok(bytes) => Ok(CursorTable::decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn held_bytes(list: &[(SegmentId, u64)], sequence: u64) -> u64 {
    let after = list.partition_point(|(id, _)| id.base_sequence <= sequence);
    list[after.saturating_sub(1)..]
        .iter()
        .map(|(_, bytes)| bytes)
        .sum()
}

fn reports(list: &[(SegmentId, u64)]) -> Vec<SegmentReport> {
    let next = list.iter().skip(1).map(|(id, _)| Some(*id)).chain([None]);
    let report = |((id, bytes), next): (&(SegmentId, u64), Option<SegmentId>)| SegmentReport {
        name: id.name(),
        base_sequence: id.base_sequence,
        content: next.map(|next| {
            let records = next.base_sequence.saturating_sub(id.base_sequence);
            (records, next.base_items.saturating_sub(id.base_items))
        }),
        bytes: *bytes,
    };
    list.iter().zip(next).map(report).collect()
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}", self.dir.display())?;
        match self.next_sequence {
            Some(next) => writeln!(f, "cursors saved when the next record was {next}")?,
            None => writeln!(
                f,
                "no intact cursor file: destinations start at the oldest record"
            )?,
        }
        for cursor in &self.cursors {
            let CursorReport {
                destination,
                sequence,
                held_bytes,
            } = cursor;
            writeln!(
                f,
                "  {destination}: at {sequence}, {held_bytes} bytes of segments held"
            )?;
        }
        let bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        writeln!(f, "{} segments, {bytes} bytes", self.segments.len())?;
        for segment in &self.segments {
            let SegmentReport {
                name,
                base_sequence,
                bytes,
                ..
            } = segment;
            write!(f, "  {name}: from {base_sequence}, {bytes} bytes")?;
            match segment.content {
                Some((records, items)) => writeln!(f, ", {records} records, {items} items")?,
                None => writeln!(f, ", last")?,
            }
        }
        writeln!(
            f,
            "{} files for reuse, {} bytes",
            self.spares.0, self.spares.1
        )?;
        writeln!(
            f,
            "{} files in quarantine, {} bytes",
            self.quarantine.0, self.quarantine.1
        )?;
        for name in &self.later_versions {
            writeln!(f, "{name}: in a format that this version does not know")?;
        }
        Ok(())
    }
}

/// What reading all of a lane has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The folder.
    pub dir: PathBuf,
    /// In order.
    pub segments: Vec<SegmentVerification>,
}

/// What reading a segment has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentVerification {
    /// The file.
    pub name: String,
    /// Whether its header is intact and says the same as the name.
    pub header_intact: bool,
    /// Records that hold.
    pub records: u64,
    /// Items in them.
    pub items: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Records that are missing, as the sequences say.
    pub missing_records: u64,
    /// Where there are no records although there should be.
    pub faults: Vec<Range<u64>>,
}

impl Verification {
    /// Reads a lane's folder, on whichever backend runs.
    pub async fn of(dir: PathBuf) -> io::Result<Verification> {
        let table = read_table(&dir).await?;
        let nothing = Mark {
            sequence: 0,
            items: 0,
        };
        let known = table.map_or(nothing, |table| table.known());
        let mut list = Segments::default();
        for entry in fs::read_dir(&dir)
            .await?
            .into_iter()
            .filter(|entry| !entry.is_dir)
        {
            // One that fits nowhere is found by the process that owns the lane.
            if let Name::Segment(id) = parse_name(&entry.name)
                && list.fits(&id)
            {
                list.push(Segment {
                    id,
                    file_bytes: entry.len,
                    begun: None,
                });
            }
        }
        let mut segments = Vec::new();
        for segment in list.iter() {
            let next = list
                .find(segment.id.base_sequence)
                .and_then(|(found, next)| {
                    // Of several with the same base all but the last are superseded.
                    if found == *segment {
                        next
                    } else {
                        Some(segment.id.base())
                    }
                });
            match verify_segment(&dir, segment, next, known).await {
                Ok(verified) => segments.push(verified),
                // A running process has let go of it since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Verification { dir, segments })
    }

    /// Whether nothing is damaged or missing.
    pub fn is_sound(&self) -> bool {
        self.segments.iter().all(SegmentVerification::is_sound)
    }
}

async fn verify_segment(
    dir: &Path,
    segment: &Segment,
    next: Option<Mark>,
    known: Mark,
) -> io::Result<SegmentVerification> {
    let id = segment.id;
    let path = dir.join(id.name());
    let mut scan = Scan::open(&path, id, Patience::Brief).await?;
    let header_intact =
        matches!(scan.header().await, FoundHeader::Intact(header) if header.id == id);
    let mut limit = Limit {
        offset: segment.file_bytes,
        sequence: u64::MAX,
    };
    match next {
        Some(next) => limit.sequence = next.sequence,
        None => {
            // What a crash tore, or what is being written, is not missing.
            let (tail, _) = tail::find(&mut scan, id.base(), segment.file_bytes, known).await;
            limit = Limit {
                offset: tail.offset,
                sequence: tail.mark.sequence.max(known.sequence),
            };
            scan = Scan::open(&path, id, Patience::Brief).await?;
        }
    }
    let mut verified = SegmentVerification {
        name: id.name(),
        header_intact,
        records: 0,
        items: 0,
        payload_bytes: 0,
        missing_records: limit.sequence.saturating_sub(id.base_sequence),
        faults: Vec::new(),
    };
    loop {
        match scan.step(limit).await {
            Step::Record { header, .. } => {
                verified.records += 1;
                verified.items += u64::from(header.items);
                verified.payload_bytes += u64::from(header.payload_bytes);
                verified.missing_records -= 1;
            }
            Step::Damaged { range, .. } | Step::Skipped { range } => verified.faults.push(range),
            Step::End { range } => {
                let complete = verified.missing_records == 0 || range.is_empty();
                if !complete && verified.faults.is_empty() {
                    verified.faults.push(range);
                }
                return Ok(verified);
            }
        }
    }
}

impl SegmentVerification {
    /// Whether nothing is damaged or missing.
    pub fn is_sound(&self) -> bool {
        self.header_intact && self.missing_records == 0 && self.faults.is_empty()
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}", self.dir.display())?;
        for segment in &self.segments {
            let SegmentVerification {
                name,
                records,
                items,
                payload_bytes,
                ..
            } = segment;
            write!(
                f,
                "  {name}: {records} records, {items} items, {payload_bytes} bytes"
            )?;
            if segment.is_sound() {
                writeln!(f, ", sound")?;
                continue;
            }
            writeln!(f, ", {} records missing", segment.missing_records)?;
            if !segment.header_intact {
                writeln!(f, "    the header is not intact; records do not need it")?;
            }
            for fault in &segment.faults {
                let bytes = fault.end - fault.start;
                writeln!(f, "    {bytes} bytes at {} are no records", fault.start)?;
            }
        }
        match self.is_sound() {
            true => writeln!(f, "sound"),
            false => writeln!(
                f,
                "not sound; what is damaged is skipped and counted when it is read"
            ),
        }
    }
}
