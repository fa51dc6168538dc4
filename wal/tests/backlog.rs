//! A lane with a hundred GiB of backlog opens at once and in little memory. Its own process, so
//! that the memory is its own.
//!
//! The files are sparse and written from `FORMAT.md`, not by the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::Backend;
use runtime::fs::{self, OpenOptions};
use wal::{Lane, LaneOptions, SyncPolicy, WhenFull};

const SEGMENT_BYTES: u64 = 16 << 20;

/// 100 GiB.
const SEGMENTS: u32 = 6400;

/// By the names; the files hold none.
const RECORDS_PER_SEGMENT: u64 = 1000;

fn options() -> LaneOptions {
    LaneOptions {
        segment_bytes: SEGMENT_BYTES,
        budget_bytes: 1 << 40,
        age_max: None,
        when_full: WhenFull::DropOldest,
        sync: SyncPolicy::EveryCommit,
        commit_delay: Duration::from_millis(1),
        commit_bytes_max: 1 << 20,
        reserve_bytes: 1 << 20,
        destinations: vec!["prod".to_owned()],
    }
}

/// The name and the header of a segment.
fn segment(number: u32) -> (String, Vec<u8>) {
    let base_sequence = 1 + u64::from(number) * RECORDS_PER_SEGMENT;
    let base_items = (base_sequence - 1) * 10;
    let salt = number ^ 0xabcd;
    let name = format!("{number:08x}-{base_sequence:016x}-{base_items:016x}-{salt:08x}.wal1");
    let mut header = b"INVARWAL".to_vec();
    header.extend(1u32.to_le_bytes());
    header.extend(number.to_le_bytes());
    header.extend(base_sequence.to_le_bytes());
    header.extend(base_items.to_le_bytes());
    header.extend(salt.to_le_bytes());
    header.extend([0; 4]);
    header.extend(7u64.to_le_bytes());
    header.extend(1_700_000_000_000i64.to_le_bytes());
    header.extend([0; 4]);
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    assert_eq!(header.len(), 64);
    (name, header)
}

async fn lay_out(dir: &Path) {
    fs::create_dir_all(dir).await.unwrap();
    for number in 0..SEGMENTS {
        let (name, header) = segment(number);
        let file = fs::open(&dir.join(name), &OpenOptions::create_new())
            .await
            .unwrap();
        file.set_len(SEGMENT_BYTES).await.unwrap();
        file.write_at(header, 0).await.0.unwrap();
    }
}

async fn open_and_measure(dir: PathBuf) {
    lay_out(&dir).await;
    // What a process with an open lane needs anyway: threads, rings, the first segment.
    let idle = Lane::open(&dir.join("idle"), options()).await.unwrap();
    let before = os::resident_bytes();
    let since = runtime::now();
    let lane = Lane::open(&dir, options()).await.unwrap();
    let took = since.elapsed();
    let grown = os::resident_bytes().saturating_sub(before);
    let held = lane.stats().destinations[0].held_records;
    println!(
        "opened {SEGMENTS} segments in {took:?}, {} KiB more",
        grown >> 10
    );
    assert_eq!(held, u64::from(SEGMENTS - 1) * RECORDS_PER_SEGMENT);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(grown < 16 << 20, "{grown} bytes");
    let ticket = lane.append(1, 1, b"fresh").unwrap();
    lane.committed(ticket).await.unwrap();
    lane.close().await;
    idle.close().await;
}

#[test]
fn a_backlog_of_a_hundred_gib_opens_within_a_second_and_sixteen_mib() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("lane");
    runtime::block_on(Backend::Tokio, || Box::pin(open_and_measure(dir))).unwrap();
}
