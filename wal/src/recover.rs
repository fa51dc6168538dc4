//! Finds out what a lane's folder holds, without reading more than the folder, the cursor file and
//! the last segment. Nothing in a file makes it fail.

use std::io;
use std::path::Path;

use runtime::fs::{self, DirEntry};

use crate::LaneOptions;
use crate::cursors::{CursorTable, SavedCursor};
use crate::destination::Destination;
use crate::keeper::CURSORS;
use crate::limits::{
    READ_ATTEMPTS_AT_START_MAX, READ_RETRY_DELAY, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES,
    SPARES_MAX,
};
use crate::quarantine::Quarantine;
use crate::scan::{Patience, Scan};
use crate::segment::{FoundHeader, Name, SegmentHeader, SegmentId, parse_name};
use crate::segments::{Mark, Segment, Segments};
use crate::tail::{self, Tail};

/// What was found.
pub(crate) struct Recovered {
    pub lane_id: u64,
    /// Of the next save of the cursors.
    pub generation: u64,
    pub segments: Segments,
    pub spares: Vec<String>,
    pub next_number: u32,
    pub end: Mark,
    /// Where appending can go on in the last segment.
    pub append_at: Option<u64>,
    /// Wall clock of the last record, if there is one in the last segment.
    pub written_ms: Option<i64>,
    pub destinations: Vec<Destination>,
    /// There is no cursor file: nothing was ever promised, or that file is lost.
    pub is_young: bool,
    /// Some destinations are new to the cursor file.
    pub has_new: bool,
}

/// Where an empty lane begins.
const START: Mark = Mark {
    sequence: 1,
    items: 0,
};

/// The last segment, looked at.
struct Last {
    tail: Tail,
    written_ms: Option<i64>,
}

/// Reads a lane's folder.
pub(crate) async fn recover(
    dir: &Path,
    options: &LaneOptions,
    quarantine: &Quarantine,
) -> io::Result<Recovered> {
    let entries = fs::read_dir(dir).await?;
    let is_young = !entries.iter().any(|entry| entry.name == CURSORS);
    let (mut saved, generation) = read_cursors(dir).await;
    let next_number = next_number(&entries);
    let spares = choose_spares(dir, &entries, options.segment_bytes).await;
    let mut segments = list_segments(dir, entries, quarantine).await;
    let lane_id = elect_lane_id(dir, &segments, &mut saved).await;
    let last = look_at_last(dir, &mut segments, saved.as_ref(), lane_id, quarantine).await;

    // Sequences never go back: not behind the records, not behind what cursors have passed.
    let tail_mark = last.as_ref().map_or(START, |last| last.tail.mark);
    let known = saved.as_ref().map_or(START, CursorTable::known);
    let end = Mark {
        sequence: tail_mark.sequence.max(known.sequence),
        items: tail_mark.items.max(known.items),
    };
    let appendable = |last: &&Last| last.tail.clean && last.tail.mark.sequence == end.sequence;
    let append_at = last
        .as_ref()
        .filter(appendable)
        .map(|last| last.tail.offset);
    let destinations = place_destinations(options, saved.as_ref(), &segments, end);
    let has_new = saved.as_ref().is_some_and(|table| {
        let knows = |name: &String| table.cursors.iter().any(|cursor| cursor.name == *name);
        !options.destinations.iter().all(knows)
    });
    Ok(Recovered {
        lane_id: lane_id.unwrap_or_else(runtime::random_u64),
        generation,
        segments,
        spares,
        next_number,
        end,
        append_at,
        written_ms: last.and_then(|last| last.written_ms),
        destinations,
        is_young,
        has_new,
    })
}

/// The cursor file's content, and the generation that its next writing gets: above all that may be
/// in the file, also when that cannot be read now.
async fn read_cursors(dir: &Path) -> (Option<CursorTable>, u64) {
    let path = dir.join(CURSORS);
    match insistently(|| fs::read(&path)).await {
        Ok(bytes) => {
            let table = CursorTable::decode(&bytes);
            if table.is_none() && bytes.iter().any(|byte| *byte != 0) {
                tracing::warn!(
                    lane = %dir.display(),
                    "the cursor file is corrupt, destinations start at the oldest record"
                );
            }
            let generation = table.as_ref().map_or(0, |table| table.generation + 1);
            (table, generation)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (None, 0),
        Err(error) => {
            tracing::warn!(
                lane = %dir.display(),
                "cannot read the cursor file, destinations start at the oldest record: {error}"
            );
            // Generations grow by less than one a millisecond.
            (None, u64::try_from(runtime::wall_ms()).unwrap_or(0))
        }
    }
}

/// Does something with a file, several times if need be: what it says decides where the lane goes
/// on.
async fn insistently<T, F>(attempt: impl Fn() -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut delay = READ_RETRY_DELAY;
    for _ in 1..READ_ATTEMPTS_AT_START_MAX {
        match attempt().await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => runtime::sleep(delay).await,
            ended => return ended,
        }
        delay *= 2;
    }
    attempt().await
}

/// The number after all numbers in the folder, those of foreign and unfinished files included.
fn next_number(entries: &[DirEntry]) -> u32 {
    let number = |entry: &DirEntry| u32::from_str_radix(entry.name.get(..8)?, 16).ok();
    // Numbers run out after 2^32 segments: 64 PiB of the standard size.
    entries
        .iter()
        .filter_map(number)
        .max()
        .map_or(1, |number| number.saturating_add(1))
}

/// Keeps some files for reuse and removes the others.
async fn choose_spares(dir: &Path, entries: &[DirEntry], segment_bytes: u64) -> Vec<String> {
    let mut spares = Vec::new();
    for entry in entries {
        if parse_name(&entry.name) != Name::Spare || entry.is_dir {
            continue;
        }
        if entry.len == segment_bytes && spares.len() < SPARES_MAX {
            spares.push(entry.name.clone());
        } else if let Err(error) = fs::remove_file(&dir.join(&entry.name)).await {
            tracing::warn!(lane = %dir.display(), "cannot remove {}: {error}", entry.name);
        }
    }
    spares
}

/// The segments in order. Files of later formats and files that fit nowhere go to quarantine.
async fn list_segments(dir: &Path, entries: Vec<DirEntry>, quarantine: &Quarantine) -> Segments {
    let mut segments = Segments::default();
    // Names sort as numbers do.
    for entry in entries {
        let id = match parse_name(&entry.name) {
            Name::Segment(id) if !entry.is_dir => id,
            Name::Future => {
                quarantine.add_file(&entry.name, entry.len).await;
                continue;
            }
            Name::Segment(_) | Name::Spare | Name::Other => continue,
        };
        if !segments.fits(&id) && !is_genuine(dir, &id).await {
            quarantine.add_file(&entry.name, entry.len).await;
            continue;
        }
        // Of two that contradict each other the one whose header agrees with its name counts.
        while !segments.fits(&id) {
            let last = segments.pop_last().expect("an empty list takes any");
            quarantine.add_file(&last.id.name(), last.file_bytes).await;
        }
        segments.push(Segment {
            id,
            file_bytes: entry.len,
            begun: None,
        });
    }
    segments
}

async fn is_genuine(dir: &Path, id: &SegmentId) -> bool {
    lane_of(dir, id).await.is_some()
}

/// The lane that a segment says it is of, if its header agrees with its name.
async fn lane_of(dir: &Path, id: &SegmentId) -> Option<u64> {
    let mut scan = Scan::open(&dir.join(id.name()), *id, Patience::Brief)
        .await
        .ok()?;
    match scan.header().await {
        FoundHeader::Intact(header) if header.id == *id => Some(header.lane_id),
        _ => None,
    }
}

/// Which lane this is. Files may have been swapped with another lane's: of the first segment, the
/// last one and the cursor file two have to agree, else the last segment counts. A cursor file of
/// another lane says nothing about this one.
async fn elect_lane_id(
    dir: &Path,
    segments: &Segments,
    saved: &mut Option<CursorTable>,
) -> Option<u64> {
    let mut votes = [None, None, saved.as_ref().map(|table| table.lane_id)];
    if let Some(first) = segments.first() {
        votes[0] = lane_of(dir, &first.id).await;
    }
    if let Some(last) = segments.last() {
        votes[1] = lane_of(dir, &last.id).await;
    }
    let [first, last, table] = votes;
    let elected = if first.is_some() && first == table {
        first
    } else {
        last.or(table).or(first)
    };
    if table.is_some() && table != elected {
        tracing::warn!(
            lane = %dir.display(),
            "the cursor file is another log's, destinations start at the oldest record"
        );
        *saved = None;
    }
    elected
}

/// Finds the end of the lane. Last segments that turn out to be none of it go to quarantine.
async fn look_at_last(
    dir: &Path,
    segments: &mut Segments,
    saved: Option<&CursorTable>,
    lane_id: Option<u64>,
    quarantine: &Quarantine,
) -> Option<Last> {
    loop {
        let segment = *segments.last()?;
        let id = segment.id;
        let path = dir.join(id.name());
        let mut scan = match insistently(|| Scan::open(&path, id, Patience::Brief)).await {
            Ok(scan) => scan,
            Err(error) => {
                tracing::warn!(lane = %dir.display(), segment = id.number, "cannot open: {error}");
                return Some(Last::unreadable(&segment));
            }
        };
        let header = scan.header().await;
        if is_foreign(&header, &id, lane_id) {
            segments.pop_last();
            quarantine.add_file(&id.name(), segment.file_bytes).await;
            continue;
        }
        if header == FoundHeader::Bad {
            quarantine
                .add_piece(&mut scan, &id, 0..SEGMENT_HEADER_BYTES)
                .await;
        }
        let mut last = Last::walk(&mut scan, &segment, saved).await;
        last.tail.clean &= matches!(header, FoundHeader::Intact(_));
        for fault in &last.tail.faults {
            quarantine.add_piece(&mut scan, &id, fault.clone()).await;
        }
        return Some(last);
    }
}

/// Whether a file is none of this lane, or none that this code can read, in spite of its name.
pub(crate) fn is_foreign(found: &FoundHeader, id: &SegmentId, lane_id: Option<u64>) -> bool {
    match found {
        FoundHeader::Intact(SegmentHeader {
            id: claimed,
            lane_id: lane,
            ..
        }) => claimed != id || lane_id.is_some_and(|lane_id| lane_id != *lane),
        FoundHeader::Future => true,
        // The name says enough, each record proves itself.
        FoundHeader::Bad => false,
    }
}

impl Last {
    async fn walk(scan: &mut Scan, segment: &Segment, saved: Option<&CursorTable>) -> Last {
        let known = saved.map_or(START, CursorTable::known);
        let (base, bytes) = (segment.id.base(), segment.file_bytes);
        let (tail, written_ms) = tail::find(scan, base, bytes, known).await;
        Last { tail, written_ms }
    }

    /// The file cannot be opened: whatever it may hold keeps its sequences.
    fn unreadable(segment: &Segment) -> Last {
        let mut mark = segment.id.base();
        mark.sequence += segment.file_bytes / RECORD_HEADER_BYTES as u64;
        let tail = Tail {
            mark,
            offset: SEGMENT_HEADER_BYTES,
            clean: false,
            faults: Vec::new(),
        };
        Last {
            tail,
            written_ms: None,
        }
    }
}

impl CursorTable {
    /// The end of what is known to have been committed. No record that is appended now may have a
    /// sequence before it.
    pub(crate) fn known(&self) -> Mark {
        let cursors = self.cursors.iter().map(|cursor| cursor.sequence);
        Mark {
            sequence: cursors.max().unwrap_or(1).max(self.next_sequence),
            items: self.next_items,
        }
    }
}

fn place_destinations(
    options: &LaneOptions,
    saved: Option<&CursorTable>,
    segments: &Segments,
    end: Mark,
) -> Vec<Destination> {
    let oldest = segments.first().map_or(end, |first| first.id.base());
    let place = |name: &String| {
        let Some(table) = saved else {
            return Destination::new(name.clone(), oldest, 0, end);
        };
        match table.cursors.iter().find(|cursor| cursor.name == *name) {
            Some(cursor) => resume_at(cursor, oldest, segments, end),
            // The lane has not seen it before: what is in it was not meant for it.
            None => Destination::new(name.clone(), end, 0, end),
        }
    };
    options.destinations.iter().map(place).collect()
}

/// A destination at its saved cursor, with items held to what the names of the segments allow.
fn resume_at(saved: &SavedCursor, oldest: Mark, segments: &Segments, end: Mark) -> Destination {
    let (least, most) = match segments.find(saved.sequence) {
        Some((segment, next)) => (
            segment.id.base_items,
            next.map_or(end.items, |next| next.items),
        ),
        None => (0, oldest.items),
    };
    let cursor = Mark {
        sequence: saved.sequence.clamp(1, end.sequence),
        items: saved.items.clamp(least, most.max(least)).min(end.items),
    };
    let mut destination = Destination::new(saved.name.clone(), cursor, saved.offset, end);
    if cursor.sequence < oldest.sequence {
        // Cursors are saved before a segment is let go: these files went another way.
        destination.lose(oldest, 0);
    }
    destination
}
