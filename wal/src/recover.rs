//! Finds out what a lane's folder holds, without reading more than the folder, the cursor file and
//! the last segment. Nothing in a file makes it fail.

use std::io;
use std::path::Path;

use runtime::fs::{self, DirEntry};

use crate::LaneOptions;
use crate::cursors::CursorTable;
use crate::destination::Destination;
use crate::keeper::CURSORS;
use crate::limits::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SPARES_MAX};
use crate::quarantine::Quarantine;
use crate::scan::{Patience, Scan};
use crate::segment::{FoundHeader, Name, SegmentHeader, SegmentId, parse_name};
use crate::segments::{Mark, Segment, Segments};
use crate::tail::{self, Tail, Wanted};

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
}

/// The last segment, looked at.
struct Last {
    tail: Tail,
    written_ms: Option<i64>,
    wanted: Vec<Wanted>,
}

/// Reads a lane's folder.
pub(crate) async fn recover(
    dir: &Path,
    options: &LaneOptions,
    quarantine: &Quarantine,
) -> io::Result<Recovered> {
    let entries = fs::read_dir(dir).await?;
    let mut saved = read_cursors(dir).await;
    let next_number = next_number(&entries);
    let spares = choose_spares(dir, &entries, options.segment_bytes).await;
    let mut segments = list_segments(dir, entries, quarantine).await;
    let lane_id = elect_lane_id(dir, &segments, &mut saved).await;
    let last = look_at_last(dir, &mut segments, saved.as_ref(), lane_id, quarantine).await;

    // Sequences never go back: not behind the records, not behind what cursors have passed.
    let tail_mark = last.as_ref().map_or(
        Mark {
            sequence: 1,
            items: 0,
        },
        |last| last.tail.mark,
    );
    let floor = saved.as_ref().map_or(1, CursorTable::sequence_floor);
    let end = Mark {
        sequence: tail_mark.sequence.max(floor),
        items: tail_mark.items,
    };
    let appendable = last
        .as_ref()
        .filter(|last| last.tail.clean && last.tail.mark == end);
    let append_at = appendable.map(|last| last.tail.offset);
    let wanted = last.as_ref().map_or(&[][..], |last| &last.wanted);
    let destinations = place_destinations(options, saved.as_ref(), wanted, &segments, end);
    Ok(Recovered {
        lane_id: lane_id.unwrap_or_else(runtime::random_u64),
        generation: saved.map_or(0, |table| table.generation + 1),
        segments,
        spares,
        next_number,
        end,
        append_at,
        written_ms: last.and_then(|last| last.written_ms),
        destinations,
    })
}

async fn read_cursors(dir: &Path) -> Option<CursorTable> {
    match fs::read(&dir.join(CURSORS)).await {
        Ok(bytes) => {
            let table = CursorTable::decode(&bytes);
            if table.is_none() && bytes.iter().any(|byte| *byte != 0) {
                tracing::warn!(
                    lane = %dir.display(),
                    "the cursor file is corrupt, destinations start at the oldest record"
                );
            }
            table
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(
                lane = %dir.display(),
                "cannot read the cursor file, destinations start at the oldest record: {error}"
            );
            None
        }
    }
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
        let wanted = saved.map_or(Vec::new(), |table| table.wanted(id.base_sequence));
        let mut scan = match Scan::open(&dir.join(id.name()), id, Patience::Brief).await {
            Ok(scan) => scan,
            Err(error) => {
                tracing::warn!(lane = %dir.display(), segment = id.number, "cannot open: {error}");
                return Some(Last::unreadable(&segment, wanted));
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
        let mut last = Last::walk(&mut scan, &segment, saved, wanted).await;
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
    async fn walk(
        scan: &mut Scan,
        segment: &Segment,
        saved: Option<&CursorTable>,
        mut wanted: Vec<Wanted>,
    ) -> Last {
        let known = saved.map_or(0, CursorTable::sequence_floor);
        let (base, bytes) = (segment.id.base(), segment.file_bytes);
        let (tail, written_ms) = tail::find(scan, base, bytes, known, &mut wanted).await;
        Last {
            tail,
            written_ms,
            wanted,
        }
    }

    /// The file cannot be opened: whatever it may hold keeps its sequences.
    fn unreadable(segment: &Segment, wanted: Vec<Wanted>) -> Last {
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
            wanted,
        }
    }
}

impl CursorTable {
    /// No record that is appended now may have a sequence before this one.
    fn sequence_floor(&self) -> u64 {
        let cursors = self.cursors.iter().map(|cursor| cursor.sequence);
        cursors.max().unwrap_or(1).max(self.next_sequence)
    }

    /// The cursors that lie in the last segment, to be found in it.
    fn wanted(&self, base_sequence: u64) -> Vec<Wanted> {
        let inside = self
            .cursors
            .iter()
            .filter(|cursor| cursor.sequence >= base_sequence);
        inside
            .map(|cursor| Wanted {
                sequence: cursor.sequence,
                found: None,
            })
            .collect()
    }
}

fn place_destinations(
    options: &LaneOptions,
    saved: Option<&CursorTable>,
    wanted: &[Wanted],
    segments: &Segments,
    end: Mark,
) -> Vec<Destination> {
    let oldest = segments.first().map_or(end, |first| first.id.base());
    let place = |name: &String| {
        let Some(table) = saved else {
            return (oldest, 0);
        };
        match table.cursors.iter().find(|cursor| cursor.name == *name) {
            Some(cursor) if cursor.sequence <= oldest.sequence => (oldest, 0),
            Some(cursor) => {
                let hint = Mark {
                    sequence: cursor.sequence,
                    items: cursor.items,
                };
                locate(hint, cursor.offset, wanted, segments, end)
            }
            // The lane has not seen it before: what is in it was not meant for it.
            None => (end, 0),
        }
    };
    let new = |name: &String| {
        let (cursor, offset) = place(name);
        Destination::new(name.clone(), cursor, offset, end)
    };
    options.destinations.iter().map(new).collect()
}

/// The mark of a saved cursor. In the last segment the records say it, in others the hint does, held
/// to what the names of the segments allow.
fn locate(
    hint: Mark,
    offset: u32,
    wanted: &[Wanted],
    segments: &Segments,
    end: Mark,
) -> (Mark, u32) {
    let found = wanted
        .iter()
        .find(|wanted| wanted.sequence == hint.sequence);
    if let Some((mark, offset)) = found.and_then(|wanted| wanted.found) {
        // Holes before it, if any, were passed.
        let sequence = hint.sequence.min(mark.sequence);
        let mark = Mark {
            sequence,
            items: mark.items.min(end.items),
        };
        return (mark, u32::try_from(offset).unwrap_or(0));
    }
    match segments.find(hint.sequence) {
        Some((segment, Some(next))) => {
            let items = hint.items.clamp(segment.id.base_items, next.items);
            (
                Mark {
                    sequence: hint.sequence,
                    items,
                },
                offset,
            )
        }
        // Behind all records.
        _ => (
            Mark {
                sequence: hint.sequence.min(end.sequence),
                items: end.items,
            },
            0,
        ),
    }
}
