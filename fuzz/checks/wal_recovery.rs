//! Lanes found on a disk that somebody scribbled on: opening never fails, what is read is what was
//! written, and the lane goes on.
//!
//! The bytes are a list of scribbles: which file, where (two bytes), how many bytes, those bytes.

use std::path::Path;
use std::time::Duration;

use runtime::LocalBoxFuture;
use runtime::sim::{Disk, Options, Simulation};
use wal::{Lane, LaneOptions, Record, SyncPolicy, WhenFull};

const DIR: &str = "/lane";
const RECORDS: u64 = 24;
const DESTINATION: &str = "a";

pub fn check(bytes: &[u8]) {
    thread_local! {
        static WRITTEN: Disk = written();
    }
    let disk = WRITTEN.with(Disk::kill);
    scribble(&disk, bytes);
    run(&disk, || {
        Box::pin(async {
            let lane = open().await;
            let mut last = None;
            for number in read(&lane).await {
                assert!(number < RECORDS && last < Some(number), "{last:?} {number}");
                last = Some(number);
            }
            append(&lane, RECORDS).await;
            assert_eq!(read(&lane).await, [RECORDS], "the lane goes on");
        })
    });
}

/// A lane of several segments, of which the first few records are acknowledged.
fn written() -> Disk {
    run(&Disk::new(), || {
        Box::pin(async {
            let lane = open().await;
            for number in 0..RECORDS {
                append(&lane, number).await;
            }
            let mut reader = lane.reader(DESTINATION);
            for _ in 0..RECORDS / 4 {
                let record = reader.next_ready().await.expect("committed");
                reader.ack(record.sequence);
            }
            drop(reader);
            lane.close().await;
        })
    })
}

fn run(disk: &Disk, body: impl FnOnce() -> LocalBoxFuture<'static, ()>) -> Disk {
    let simulation = Simulation::new(7, Options::new(disk.kill()));
    let disk = simulation.disk();
    assert_eq!(simulation.run(body), Ok(()));
    disk
}

async fn open() -> Lane {
    let options = LaneOptions {
        segment_bytes: 8192,
        budget_bytes: 1 << 20,
        age_max: None,
        when_full: WhenFull::DropOldest,
        sync: SyncPolicy::EveryCommit,
        commit_delay: Duration::from_millis(2),
        commit_bytes_max: 4096,
        reserve_bytes: 4096,
        destinations: vec![DESTINATION.to_owned()],
    };
    Lane::open(Path::new(DIR), options)
        .await
        .expect("a lane opens whatever lies on the disk")
}

async fn append(lane: &Lane, number: u64) {
    let ticket = lane.append(1, 10, &payload(number)).expect("there is room");
    lane.committed(ticket).await.expect("the disk is well");
}

async fn read(lane: &Lane) -> Vec<u64> {
    let mut reader = lane.reader(DESTINATION);
    let mut numbers = Vec::new();
    while let Some(record) = reader.next_ready().await {
        numbers.push(number(&record));
        reader.ack(record.sequence);
    }
    numbers
}

fn payload(number: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(300 + 97 * number as usize % 900, number as u8);
    payload
}

fn number(record: &Record) -> u64 {
    let number = record.payload.first_chunk().expect("a number in front");
    let number = u64::from_le_bytes(*number);
    assert_eq!(
        record.payload,
        payload(number),
        "a record is whole or is not there"
    );
    number
}

fn scribble(disk: &Disk, mut bytes: &[u8]) {
    let files = disk.list(Path::new(DIR)).expect("the folder was written");
    let files: Vec<_> = files
        .into_iter()
        .filter(|entry| !entry.is_dir && entry.len > 0)
        .collect();
    while let Some(([file, low, high, len], rest)) = bytes.split_first_chunk() {
        let (text, rest) = rest.split_at((*len as usize).min(rest.len()));
        let file = &files[*file as usize % files.len()];
        let offset = u64::from(u16::from_le_bytes([*low, *high])) % file.len;
        let text = &text[..text.len().min((file.len - offset) as usize)];
        disk.corrupt(&Path::new(DIR).join(&file.name), offset, text);
        bytes = rest;
    }
}
