//! Bytes that rot, files that are cut, vanish or change places: a lane always opens, loses only the
//! records whose own bytes were hit, and counts exactly what it lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runtime::fs;
use runtime::sim::{Disk, Options, Simulation};
use wal::{Lane, SyncPolicy};

use crate::oracle::{DIR, Found, Owed, Promise, check, items, payload};
use crate::workload::options;

/// Records of the lane that is spoiled: four segments.
const RECORDS: u64 = 60;

/// A lane that was filled and closed; nothing was read.
fn closed_lane() -> Disk {
    let disk = Disk::new();
    let simulation = Simulation::new(1, Options::new(disk.clone()));
    let ended = simulation.run(|| {
        Box::pin(async {
            let lane = open().await;
            for number in 0..RECORDS {
                let ticket = lane
                    .append(1, items(number), &payload(number))
                    .expect("there is room");
                lane.committed(ticket).await.expect("the disk is sound");
            }
            lane.close().await;
        })
    });
    assert_eq!(ended, Ok(()));
    disk
}

async fn open() -> Lane {
    let options = options(SyncPolicy::EveryCommit);
    Lane::open(Path::new(DIR), options)
        .await
        .expect("the disk is sound")
}

fn files(disk: &Disk, suffix: &str) -> Vec<(PathBuf, u64)> {
    let entries = disk.list(Path::new(DIR)).expect("the lane is there");
    let files = entries
        .into_iter()
        .filter(|entry| entry.name.ends_with(suffix));
    files
        .map(|entry| (Path::new(DIR).join(entry.name), entry.len))
        .collect()
}

/// What the lane on a spoiled disk has lost; the same for both destinations, and counted.
fn lost(disk: Disk, what: &str) -> BTreeSet<u64> {
    let all: BTreeSet<u64> = (0..RECORDS).collect();
    let owed = Owed {
        appended: all.clone(),
        ..Owed::default()
    };
    let options = options(SyncPolicy::EveryCommit);
    let found = check(disk, &options, &owed, Promise::Sound, what);
    let lost = [0, 1].map(|destination| -> BTreeSet<u64> {
        let found = found.numbers[destination].iter().copied().collect();
        all.difference(&found).copied().collect()
    });
    assert_eq!(lost[0], lost[1], "{what}: destinations disagree");
    assert_counted(&found, &lost[0], what);
    let [lost, _] = lost;
    lost
}

fn assert_counted(found: &Found, lost: &BTreeSet<u64>, what: &str) {
    let lost_items: u64 = lost.iter().map(|number| u64::from(items(*number))).sum();
    for destination in &found.stats.destinations {
        assert_eq!(
            destination.lost_records,
            lost.len() as u64,
            "{what}: {:?}",
            found.stats
        );
        assert_eq!(
            destination.dropped.corrupt, lost_items,
            "{what}: {:?}",
            found.stats
        );
        assert_eq!(
            destination.dropped.total(),
            lost_items,
            "{what}: {:?}",
            found.stats
        );
    }
}

/// One byte in this many is tried; all of them when more states are asked for.
fn stride() -> usize {
    if std::env::var_os("INVAR_FAULT_STATES").is_some() {
        1
    } else {
        11
    }
}

#[test]
fn a_flipped_byte_costs_at_most_the_record_that_it_is_in() {
    let lane = closed_lane();
    let mut costly = 0;
    for (path, len) in files(&lane, ".wal1") {
        for offset in (0..len).step_by(stride()) {
            let disk = lane.kill();
            let byte = disk.read(&path).expect("it was listed")[offset as usize];
            disk.corrupt(&path, offset, &[byte ^ 0x10]);
            let what = format!("byte {offset} of {}", path.display());
            let lost = lost(disk, &what);
            assert!(lost.len() <= 1, "{what} cost {lost:?}");
            costly += lost.len();
        }
    }
    assert!(costly > 100, "only {costly} flips hit a record");
}

#[test]
fn a_lost_sector_costs_the_records_that_touch_it() {
    let lane = closed_lane();
    for (path, len) in files(&lane, ".wal1") {
        for sector in 0..len / 512 {
            let disk = lane.kill();
            disk.corrupt(&path, sector * 512, &[0xa5; 512]);
            let what = format!("sector {sector} of {}", path.display());
            let lost: Vec<u64> = lost(disk, &what).into_iter().collect();
            let together = lost.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            assert!(together, "{what} cost {lost:?}, which do not lie together");
            let touched = |number: &u64| 48 + payload(*number).len() as u64;
            let inside: u64 = lost.iter().skip(1).rev().skip(1).map(touched).sum();
            assert!(
                inside <= 512 + 16 * lost.len() as u64,
                "{what} cost {lost:?}"
            );
        }
    }
}

#[test]
fn a_segment_may_be_cut_anywhere() {
    let lane = closed_lane();
    for (path, len) in files(&lane, ".wal1") {
        for cut in (0..len).step_by(7 * stride()) {
            let disk = lane.kill();
            let whole = disk.read(&path).expect("it was listed");
            replace(&disk, &path, &whole[..cut as usize]);
            let lost = lost(disk, &format!("{} cut to {cut}", path.display()));
            assert!(
                lost.len() < RECORDS as usize / 2,
                "other segments are whole: {lost:?}"
            );
        }
    }
}

#[test]
fn any_file_may_vanish_or_hold_another_ones_content() {
    let lane = closed_lane();
    let segments = files(&lane, ".wal1");
    assert!(segments.len() > 2, "{segments:?}");
    for (path, _) in &segments {
        let disk = lane.kill();
        remove(&disk, path);
        assert!(!lost(disk, &format!("{} removed", path.display())).is_empty());
        for (other, _) in segments.iter().filter(|(other, _)| other != path) {
            let disk = lane.kill();
            let content = disk.read(other).expect("it was listed");
            replace(&disk, path, &content);
            let what = format!("{} with the content of {}", path.display(), other.display());
            assert!(!lost(disk, &what).is_empty());
        }
    }
    let disk = lane.kill();
    for (path, _) in &segments {
        remove(&disk, path);
    }
    assert_eq!(lost(disk, "all segments removed").len() as u64, RECORDS);
}

#[test]
fn the_cursor_file_may_hold_anything() {
    let lane = closed_lane();
    let cursors = Path::new(DIR).join("cursors");
    let content = lane.read(&cursors).expect("a closed lane has cursors");
    let used = (0..content.len()).filter(|at| content[*at] != 0 || at % 4096 == 0);
    for offset in used.step_by(stride().div_ceil(4)) {
        let disk = lane.kill();
        disk.corrupt(&cursors, offset as u64, &[content[offset] ^ 0x40]);
        let lost = lost(disk, &format!("byte {offset} of the cursor file"));
        assert!(lost.is_empty(), "{lost:?}");
    }
    for (what, content) in [("empty", vec![]), ("noise", vec![0x5a; 65536])] {
        let disk = lane.kill();
        replace(&disk, &cursors, &content);
        assert!(lost(disk, &format!("{what} cursor file")).is_empty());
    }
}

#[test]
fn a_later_format_is_never_destroyed() {
    let lane = closed_lane();
    let (first, _) = &files(&lane, ".wal1")[0];
    let disk = lane.kill();
    let mut content = disk.read(first).expect("it was listed");
    // The version, and the checksum that goes with it.
    content[8] = 2;
    let crc = crc32c(&content[..60]);
    content[60..64].copy_from_slice(&crc.to_le_bytes());
    replace(&disk, first, &content);
    let after = disk.clone();
    lost(disk, "a segment of a later version");
    let name = first.file_name().expect("a file has a name");
    let kept = after
        .read(&Path::new(DIR).join("quarantine").join(name))
        .expect("it is kept");
    assert!(kept == content, "it is kept as it was");
}

/// Bit by bit, so that the format is checked by other code than the log's own.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc));
    !bytes.iter().fold(!0, byte)
}

/// Does something to a disk from inside of a machine.
fn on(disk: &Disk, body: impl Future<Output = std::io::Result<()>> + 'static) {
    let simulation = Simulation::new(0, Options::new(disk.clone()));
    let ended = simulation
        .run(|| Box::pin(body))
        .expect("nothing stops the machine");
    ended.expect("the disk is sound");
}

fn remove(disk: &Disk, path: &Path) {
    let path = path.to_owned();
    on(disk, async move { fs::remove_file(&path).await });
}

fn replace(disk: &Disk, path: &Path, content: &[u8]) {
    let (path, content) = (path.to_owned(), content.to_vec());
    on(disk, async move { fs::write_atomic(&path, content).await });
}
