//! The log on real disks, on every backend that this machine has.

use std::path::PathBuf;
use std::time::Duration;

use runtime::{Backend, LocalBoxFuture};
use wal::{Inspection, Lane, LaneOptions, SyncPolicy, Verification, WhenFull};

fn options(sync: SyncPolicy) -> LaneOptions {
    LaneOptions {
        segment_bytes: 256 << 10,
        budget_bytes: 64 << 20,
        age_max: None,
        when_full: WhenFull::DropOldest,
        sync,
        commit_delay: Duration::from_millis(1),
        commit_bytes_max: 64 << 10,
        reserve_bytes: 64 << 10,
        destinations: vec!["near".to_owned(), "far".to_owned()],
    }
}

/// Runs a body in a scratch folder on each backend.
fn check(body: impl Fn(PathBuf) -> LocalBoxFuture<'static, ()>) {
    let mut backends = vec![Backend::Tokio];
    if let Ok(probed) = runtime::probe(runtime::IoChoice::Monoio) {
        backends.push(probed.backend);
    }
    for backend in backends {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("lane");
        runtime::block_on(backend, || body(dir)).unwrap();
    }
}

fn payload(number: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(1000 + number as usize % 3000, number as u8);
    payload
}

async fn drain(lane: &Lane, destination: &str) -> Vec<u64> {
    let mut reader = lane.reader(destination);
    let mut numbers = Vec::new();
    while let Some(record) = reader.next_ready().await {
        let number = u64::from_le_bytes(*record.payload.first_chunk().unwrap());
        assert!(
            record.payload == payload(number),
            "record {number} was altered"
        );
        numbers.push(number);
        reader.ack(record.sequence);
    }
    numbers
}

async fn fill(lane: &Lane, numbers: std::ops::Range<u64>) {
    let mut tickets = Vec::new();
    for number in numbers {
        let payload = payload(number);
        lane.writable(payload.len()).await;
        tickets.push(lane.append(1, 1, &payload).unwrap());
    }
    for ticket in tickets {
        lane.committed(ticket).await.unwrap();
    }
}

async fn live_twice(dir: PathBuf, sync: SyncPolicy) {
    let lane = Lane::open(&dir, options(sync)).await.unwrap();
    fill(&lane, 0..500).await;
    assert_eq!(drain(&lane, "near").await, (0..500).collect::<Vec<_>>());
    assert!(lane.stats().commits < 100, "{:?}", lane.stats());
    lane.close().await;
    let verified = Verification::of(dir.clone()).await.unwrap();
    assert!(verified.is_sound(), "{verified}");
    let lane = Lane::open(&dir, options(sync)).await.unwrap();
    fill(&lane, 500..600).await;
    assert_eq!(drain(&lane, "near").await, (500..600).collect::<Vec<_>>());
    assert_eq!(drain(&lane, "far").await, (0..600).collect::<Vec<_>>());
    // What both have passed is let go soon, but for one file that is kept for reuse.
    while lane.stats().disk_bytes > 2 * (256 << 10) {
        runtime::sleep(Duration::from_millis(5)).await;
    }
    lane.close().await;
}

#[test]
fn a_lane_keeps_its_records_over_a_restart() {
    check(|dir| Box::pin(live_twice(dir, SyncPolicy::EveryCommit)));
}

#[test]
fn a_lane_that_syncs_now_and_then_keeps_its_records_over_a_restart() {
    let interval = SyncPolicy::Interval(Duration::from_millis(5));
    check(move |dir| Box::pin(live_twice(dir, interval)));
}

#[test]
fn a_lane_has_one_owner() {
    check(|dir| {
        Box::pin(async move {
            let lane = Lane::open(&dir, options(SyncPolicy::None)).await.unwrap();
            let refused = Lane::open(&dir, options(SyncPolicy::None))
                .await
                .err()
                .unwrap();
            assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
            assert!(
                refused.to_string().contains("in use by another process"),
                "{refused}"
            );
            lane.close().await;
            let lane = Lane::open(&dir, options(SyncPolicy::None)).await.unwrap();
            lane.close().await;
        })
    });
}

#[test]
fn the_offline_reader_works_beside_an_open_lane() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("node").join("lane");
    let looked_at = dir.clone();
    let open = || -> LocalBoxFuture<'static, Lane> {
        Box::pin(async move {
            let lane = Lane::open(&dir, options(SyncPolicy::None)).await.unwrap();
            fill(&lane, 0..100).await;
            // A new lane saves its cursors beside the first appends, not before them.
            while Inspection::of(dir.clone())
                .await
                .unwrap()
                .cursors
                .is_empty()
            {
                runtime::sleep(Duration::from_millis(1)).await;
            }
            lane
        })
    };
    // The lane outlives its runtime, as the files of a process outlive it.
    let lane = runtime::block_on(Backend::Tokio, open).unwrap();
    assert_eq!(
        wal::find_lanes(folder.path()).unwrap(),
        std::slice::from_ref(&looked_at)
    );
    assert_eq!(wal::inspect(&looked_at).unwrap().cursors.len(), 2);
    let verified = wal::verify(&looked_at).unwrap();
    assert!(verified.is_sound(), "{verified}");
    let records: u64 = verified
        .segments
        .iter()
        .map(|segment| segment.records)
        .sum();
    assert_eq!(records, 100);
    drop(lane);
}
