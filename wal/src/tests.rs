//! Lanes on a simulated machine: what an owner of a lane sees.

use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use runtime::sim::{self, Disk, Fault, Options, Simulation};

use super::*;

const DIR: &str = "/lane";

fn options(destinations: &[&str]) -> LaneOptions {
    LaneOptions {
        segment_bytes: 8192,
        budget_bytes: 1 << 20,
        age_max: None,
        when_full: WhenFull::DropOldest,
        sync: SyncPolicy::EveryCommit,
        commit_delay: Duration::from_millis(2),
        commit_bytes_max: 4096,
        reserve_bytes: 4096,
        destinations: destinations.iter().map(|name| (*name).to_owned()).collect(),
    }
}

async fn open(options: &LaneOptions) -> Lane {
    Lane::open(Path::new(DIR), options.clone()).await.unwrap()
}

/// Runs a body on a machine with this disk and gives back the disk as the process leaves it.
fn run<F: Future<Output = ()> + 'static>(disk: &Disk, body: impl FnOnce() -> F) -> Disk {
    let simulation = Simulation::new(7, Options::new(disk.kill()));
    let disk = simulation.disk();
    assert_eq!(simulation.run(|| Box::pin(body())), Ok(()));
    disk
}

/// Appends records of ten items whose payload says their number, and waits until they are
/// committed.
async fn fill(lane: &Lane, numbers: std::ops::Range<u64>) {
    for number in numbers {
        append(lane, number).await.unwrap();
    }
}

async fn append(lane: &Lane, number: u64) -> Result<(), AppendError> {
    let ticket = lane.append(1, 10, &payload(number))?;
    lane.committed(ticket).await
}

fn payload(number: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(500 + number as usize % 500, number as u8);
    payload
}

fn number(record: &Record) -> u64 {
    let number = u64::from_le_bytes(*record.payload.first_chunk().unwrap());
    assert_eq!(record.payload, payload(number), "the payload is whole");
    number
}

/// Reads and acks all that is committed.
async fn drain(lane: &Lane, destination: &str) -> Vec<u64> {
    let mut reader = lane.reader(destination);
    let mut numbers = Vec::new();
    while let Some(record) = reader.next_ready().await {
        numbers.push(number(&record));
        reader.ack(record.sequence);
    }
    numbers
}

fn segment_names(disk: &Disk) -> Vec<String> {
    let names = disk
        .list(Path::new(DIR))
        .unwrap()
        .into_iter()
        .map(|entry| entry.name);
    names.filter(|name| name.ends_with(".wal1")).collect()
}

fn assert_balanced(stats: &LaneStats) {
    for at in &stats.destinations {
        let came = at.recovered_items + stats.appended_items;
        let went = at.acked_items + at.held_items + at.dropped.total();
        assert_eq!(came, went, "{stats:?}");
    }
}

#[test]
fn each_destination_reads_every_record_once_and_in_order() {
    sim::check(1, || async {
        let lane = open(&options(&["a", "b"])).await;
        fill(&lane, 0..50).await;
        assert_eq!(drain(&lane, "a").await, (0..50).collect::<Vec<_>>());
        assert_eq!(lane.held_items("b"), 500);
        assert_eq!(drain(&lane, "b").await, (0..50).collect::<Vec<_>>());
        let stats = lane.stats();
        assert_eq!((stats.appended_records, stats.appended_items), (50, 500));
        assert_balanced(&stats);
        assert_eq!(stats.segments, 1, "what both have passed is let go");
    });
}

#[test]
fn records_appended_together_share_a_commit() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        let tickets: Vec<_> = (0..5)
            .map(|_| lane.append(1, 1, b"small").unwrap())
            .collect();
        for ticket in tickets {
            lane.committed(ticket).await.unwrap();
        }
        assert_eq!(lane.stats().commits, 1);
    });
}

#[test]
fn a_commit_that_is_asked_for_does_not_wait_for_the_delay() {
    run(&Disk::new(), || async {
        let options = LaneOptions {
            commit_delay: Duration::from_secs(60),
            ..options(&["a"])
        };
        let lane = open(&options).await;
        let ticket = lane.append(1, 10, &payload(0)).unwrap();
        let start = runtime::now();
        lane.commit_now();
        lane.committed(ticket).await.unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        // Asked for once: the next record waits for the delay again.
        let start = runtime::now();
        append(&lane, 1).await.unwrap();
        assert!(
            start.elapsed() >= Duration::from_secs(60),
            "{:?}",
            start.elapsed()
        );
    });
}

#[test]
fn an_ack_outlives_a_process_that_dies_before_the_cursors_are_saved() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..5).await;
        assert_eq!(drain(&lane, "a").await, [0, 1, 2, 3, 4]);
        let noted = 2 * crate::limits::CURSOR_NOTE_INTERVAL;
        assert!(noted < crate::limits::CURSOR_SAVE_INTERVAL);
        runtime::sleep(noted).await;
    });
    run(&disk, || async {
        let lane = open(&options(&["a"])).await;
        assert_eq!(
            drain(&lane, "a").await,
            [] as [u64; 0],
            "nothing comes again"
        );
    });
}

#[test]
fn a_reader_waits_for_the_next_commit() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        let mut reader = lane.reader("a");
        assert!(
            runtime::timeout(Duration::from_secs(1), reader.next())
                .await
                .is_err()
        );
        let appender = lane.clone();
        runtime::spawn(async move { fill(&appender, 3..4).await });
        assert_eq!(number(&reader.next().await), 3);
    });
}

#[test]
fn a_full_buffer_is_busy_until_its_commit_is_done() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        let big = vec![1; 2100];
        lane.append(1, 1, &big).unwrap();
        assert_eq!(lane.append(1, 1, &big), Err(AppendError::Busy));
        lane.writable(big.len()).await;
        let ticket = lane.append(1, 1, &big).unwrap();
        lane.committed(ticket).await.unwrap();
    });
}

#[test]
fn a_record_larger_than_a_segment_is_refused_for_good() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        let bytes_max = options(&["a"]).payload_bytes_max();
        let error = lane
            .append(1, 1, &vec![0; bytes_max as usize + 1])
            .unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        let ticket = lane.append(1, 1, &vec![0; bytes_max as usize]).unwrap();
        lane.committed(ticket).await.unwrap();
    });
}

#[test]
fn a_restart_goes_on_at_each_cursor() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a", "b"])).await;
        fill(&lane, 0..30).await;
        let mut reader = lane.reader("a");
        for _ in 0..20 {
            let record = reader.next().await;
            reader.ack(record.sequence);
        }
        lane.close().await;
        assert!(matches!(
            lane.append(1, 1, b"late"),
            Err(AppendError::Closed)
        ));
    });
    run(&disk, || async {
        let lane = open(&options(&["a", "b"])).await;
        assert_eq!((lane.held_items("a"), lane.held_items("b")), (100, 300));
        fill(&lane, 30..31).await;
        assert_eq!(drain(&lane, "a").await, (20..31).collect::<Vec<_>>());
        assert_eq!(drain(&lane, "b").await, (0..31).collect::<Vec<_>>());
        assert_balanced(&lane.stats());
    });
}

#[test]
fn a_killed_process_loses_nothing_that_was_committed_in_any_mode() {
    for sync in [
        SyncPolicy::None,
        SyncPolicy::Interval(Duration::from_secs(1)),
        SyncPolicy::EveryCommit,
    ] {
        let disk = run(&Disk::new(), move || async move {
            let lane = open(&LaneOptions {
                sync,
                ..options(&["a"])
            })
            .await;
            fill(&lane, 0..40).await;
        });
        run(&disk, || async {
            let lane = open(&options(&["a"])).await;
            assert_eq!(drain(&lane, "a").await, (0..40).collect::<Vec<_>>());
        });
    }
}

#[test]
fn a_new_destination_starts_at_the_end_and_a_removed_one_holds_nothing() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a", "old"])).await;
        fill(&lane, 0..30).await;
        drain(&lane, "a").await;
        assert!(lane.stats().segments > 1);
        lane.close().await;
    });
    run(&disk, || async {
        let lane = open(&options(&["a", "new"])).await;
        assert_eq!(lane.stats().segments, 1);
        fill(&lane, 30..32).await;
        assert_eq!(drain(&lane, "new").await, [30, 31]);
        assert_eq!(drain(&lane, "a").await, [30, 31]);
    });
}

#[test]
fn a_new_destination_keeps_its_place_over_a_crash() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..5).await;
        lane.close().await;
    });
    let disk = run(&disk, || async {
        let lane = open(&options(&["a", "new"])).await;
        fill(&lane, 5..6).await;
    });
    for chance in 0..8 {
        run(&disk.crash(chance), || async {
            let lane = open(&options(&["a", "new"])).await;
            assert_eq!(drain(&lane, "new").await, [5]);
        });
    }
}

#[test]
fn without_the_cursor_file_destinations_start_at_the_oldest_record() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..5).await;
        drain(&lane, "a").await;
        lane.close().await;
    });
    disk.corrupt(Path::new("/lane/cursors"), 0, &vec![0xff; 65536]);
    run(&disk, || async {
        let lane = open(&options(&["a"])).await;
        assert_eq!(lane.held_items("a"), 50);
        assert_eq!(drain(&lane, "a").await, [0, 1, 2, 3, 4]);
        fill(&lane, 5..6).await;
        assert_eq!(drain(&lane, "a").await, [5]);
    });
}

#[test]
fn the_budget_drops_the_oldest_segments_and_counts_their_items() {
    sim::check(1, || async {
        let lane = open(&LaneOptions {
            budget_bytes: 4 * 8192,
            ..options(&["slow", "fast"])
        })
        .await;
        for number in 0..200 {
            fill(&lane, number..number + 1).await;
            drain(&lane, "fast").await;
        }
        let stats = lane.stats();
        assert_balanced(&stats);
        assert!(stats.disk_bytes <= 5 * 8192, "{stats:?}");
        let [slow, fast] = &stats.destinations[..] else {
            panic!("two destinations")
        };
        assert_eq!((fast.acked_items, fast.dropped.total()), (2000, 0));
        let kept = drain(&lane, "slow").await;
        assert_eq!(kept.len() as u64 * 10 + slow.dropped.budget, 2000);
        assert_eq!(kept, (200 - kept.len() as u64..200).collect::<Vec<_>>());
    });
}

#[test]
fn a_lane_that_refuses_at_its_budget_takes_records_again_after_acks() {
    sim::check(1, || async {
        let options = LaneOptions {
            budget_bytes: 2 * 8192,
            when_full: WhenFull::Refuse,
            ..options(&["a"])
        };
        let lane = open(&options).await;
        let mut taken = 0;
        let error = loop {
            match append(&lane, taken).await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AppendError::Full { .. }) && error.is_retryable());
        assert_eq!(drain(&lane, "a").await, (0..taken).collect::<Vec<_>>());
        runtime::sleep(Duration::from_millis(300)).await;
        fill(&lane, taken..taken + 1).await;
        assert_eq!(drain(&lane, "a").await, [taken]);
        assert_balanced(&lane.stats());
    });
}

#[test]
fn records_past_their_age_are_dropped_and_counted() {
    sim::check(1, || async {
        let age_max = Some(Duration::from_secs(60));
        let lane = open(&LaneOptions {
            age_max,
            ..options(&["a"])
        })
        .await;
        fill(&lane, 0..30).await;
        runtime::sleep(Duration::from_secs(50)).await;
        fill(&lane, 30..32).await;
        runtime::sleep(Duration::from_secs(20)).await;
        let stats = lane.stats();
        let dropped = stats.destinations[0].dropped.age;
        // The youngest segment holds records of both ages.
        assert!(0 < dropped && dropped < 300, "{stats:?}");
        runtime::sleep(Duration::from_secs(50)).await;
        assert_eq!(lane.stats().destinations[0].dropped.age, 320);
        assert_balanced(&lane.stats());
        fill(&lane, 32..33).await;
        assert_eq!(drain(&lane, "a").await, [32]);
    });
}

#[test]
fn a_segment_in_use_by_a_sender_is_not_written_again() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..1).await;
        let mut reader = lane.reader("a");
        let held = reader.next().await;
        reader.ack(held.sequence);
        for start in 1..100 {
            fill(&lane, start..start + 1).await;
            let record = reader.next().await;
            assert_eq!(number(&record), start);
            reader.ack(record.sequence);
        }
        assert_eq!(number(&held), 0, "its bytes are still there");
        assert!(lane.stats().disk_bytes <= 3 * 8192, "{:?}", lane.stats());
    });
}

#[test]
fn a_failed_sync_moves_the_records_to_another_segment() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..3).await;
        let disk = sim::disk();
        // The write, then the sync.
        disk.fail(disk.ops() + 1, Fault::Eio);
        fill(&lane, 3..5).await;
        let stats = lane.stats();
        assert_eq!((stats.disk_errors, stats.segments), (1, 2));
        assert_eq!(drain(&lane, "a").await, [0, 1, 2, 3, 4]);
        assert_balanced(&lane.stats());
    });
}

#[test]
fn after_a_failed_sync_of_an_interval_the_records_survive_a_power_loss() {
    let disk = run(&Disk::new(), || async {
        let sync = SyncPolicy::Interval(Duration::from_secs(1));
        let lane = open(&LaneOptions {
            sync,
            ..options(&["a"])
        })
        .await;
        fill(&lane, 0..4).await;
        let before = lane.stats().disk_errors;
        let disk = sim::disk();
        while lane.stats().disk_errors == before {
            // Only syncs reach the disk while nothing is appended, and the keeper's cursors.
            disk.fail(disk.ops(), Fault::Eio);
            runtime::sleep(Duration::from_millis(100)).await;
        }
        runtime::sleep(Duration::from_secs(5)).await;
        fill(&lane, 4..6).await;
        assert_eq!(drain(&lane, "a").await, [0, 1, 2, 3, 4, 5]);
        runtime::sleep(Duration::from_secs(2)).await;
        fill(&lane, 6..7).await;
        runtime::sleep(Duration::from_secs(2)).await;
    });
    run(&disk.crash(3), || async {
        let lane = open(&options(&["a"])).await;
        assert_eq!(drain(&lane, "a").await, [6]);
        assert_eq!(lane.stats().corrupt_bytes, 0);
    });
}

#[test]
fn a_full_disk_refuses_drains_and_recovers_by_itself() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..10).await;
        let disk = sim::disk();
        disk.set_capacity(Some(disk.used()));
        let mut taken = 10;
        let error = loop {
            match append(&lane, taken).await {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, AppendError::NoSpace);
        assert!(error.is_retryable());
        assert_eq!(append(&lane, taken).await, Err(AppendError::NoSpace));
        // Draining needs no space; what is passed is used again.
        assert_eq!(drain(&lane, "a").await, (0..taken).collect::<Vec<_>>());
        runtime::sleep(Duration::from_secs(2)).await;
        fill(&lane, taken..taken + 5).await;
        assert_eq!(
            drain(&lane, "a").await,
            (taken..taken + 5).collect::<Vec<_>>()
        );
        assert_balanced(&lane.stats());
    });
}

#[test]
fn a_corrupt_record_is_skipped_counted_and_kept() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a", "b"])).await;
        fill(&lane, 0..30).await;
        lane.close().await;
    });
    let segments = disk.list(Path::new(DIR)).unwrap();
    let first = segments
        .iter()
        .find(|entry| entry.name.ends_with(".wal1"))
        .unwrap();
    // Of record 0 the payload, of record 2 the header.
    let path = Path::new(DIR).join(&first.name);
    disk.corrupt(&path, 512 + 100, b"?");
    disk.corrupt(&path, 512 + 544 + 544 + 8, b"?");
    run(&disk, || async {
        let lane = open(&options(&["a", "b"])).await;
        for destination in ["a", "b"] {
            let expected: Vec<u64> = (0..30).filter(|number| ![0, 2].contains(number)).collect();
            assert_eq!(drain(&lane, destination).await, expected);
        }
        let stats = lane.stats();
        assert_balanced(&stats);
        for destination in &stats.destinations {
            assert_eq!(
                (destination.lost_records, destination.dropped.corrupt),
                (2, 20)
            );
        }
        assert_eq!((stats.corrupt_bytes, stats.quarantined_bytes), (1088, 1088));
    });
}

#[test]
fn what_lies_behind_a_torn_record_does_not_come_back_later() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        let first = lane.append(1, 10, &payload(0)).unwrap();
        let second = lane.append(1, 10, &payload(1)).unwrap();
        lane.committed(first).await.unwrap();
        lane.committed(second).await.unwrap();
    });
    // A power loss might have left of this commit the second record only.
    disk.corrupt(
        &Path::new(DIR).join(&segment_names(&disk)[0]),
        512,
        &[0; 544],
    );
    let disk = run(&disk, || async {
        let lane = open(&options(&["a"])).await;
        assert_eq!(lane.held_items("a"), 0);
        // As long as the torn one: it would lead to the one behind.
        fill(&lane, 500..501).await;
    });
    run(&disk, || async {
        let lane = open(&options(&["a"])).await;
        assert_eq!(drain(&lane, "a").await, [500]);
        assert_eq!(lane.stats().corrupt_bytes, 0);
    });
}

#[test]
fn the_offline_reader_sees_the_lane_and_what_is_wrong_with_it() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..30).await;
        let seen = Inspection::of(DIR.into()).await.unwrap();
        assert_eq!(seen.segments.len() as u64, lane.stats().segments);
        let sound = Verification::of(DIR.into()).await.unwrap();
        assert!(sound.is_sound(), "{sound}");
        assert_eq!(
            sound
                .segments
                .iter()
                .map(|segment| segment.items)
                .sum::<u64>(),
            300
        );
        lane.close().await;
    });
    let first = segment_names(&disk)[0].clone();
    disk.corrupt(&Path::new(DIR).join(&first), 512 + 100, b"?");
    run(&disk, move || async move {
        let seen = Verification::of(DIR.into()).await.unwrap();
        assert!(!seen.is_sound());
        assert_eq!(seen.segments[0].missing_records, 1);
        let fault = 512..512 + 544;
        assert_eq!(seen.segments[0].faults, std::slice::from_ref(&fault));
        assert!(
            seen.to_string().contains("544 bytes at 512 are no records"),
            "{seen}"
        );
        let seen = Inspection::of(DIR.into()).await.unwrap();
        assert_eq!(seen.cursors[0].destination, "a");
        assert!(seen.to_string().contains(&first), "{seen}");
    });
}

#[test]
fn the_wall_clock_expires_nothing_by_jumping() {
    let disk = run(&Disk::new(), || async {
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..30).await;
        lane.close().await;
    });
    // A year later by the wall, and the clock goes back while the lane is open: only the age that
    // is found at the start counts.
    let later = Options {
        wall_ms: Options::new(Disk::new()).wall_ms - 1_000_000,
        ..Options::new(disk)
    };
    let simulation = Simulation::new(1, later);
    let ended = simulation.run(|| {
        Box::pin(async {
            let age_max = Some(Duration::from_secs(3600));
            let lane = open(&LaneOptions {
                age_max,
                ..options(&["a"])
            })
            .await;
            runtime::sleep(Duration::from_secs(10)).await;
            assert_eq!(drain(&lane, "a").await.len(), 30);
        })
    });
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_segment_of_a_later_version_is_kept() {
    let name = "00000001-0000000000000001-0000000000000000-00000000.wal2";
    sim::check(1, move || async move {
        runtime::fs::create_dir_all(Path::new(DIR)).await.unwrap();
        let path = Path::new(DIR).join(name);
        runtime::fs::write_atomic(&path, b"from the future".to_vec())
            .await
            .unwrap();
        let lane = open(&options(&["a"])).await;
        fill(&lane, 0..1).await;
        assert_eq!(drain(&lane, "a").await, [0]);
        let kept = runtime::fs::read(&Path::new(DIR).join("quarantine").join(name)).await;
        assert_eq!(kept.unwrap(), b"from the future");
    });
}

#[test]
fn options_that_cannot_work_are_refused_with_the_reason() {
    sim::check(1, || async {
        let bad = [
            LaneOptions {
                segment_bytes: 100,
                ..options(&["a"])
            },
            LaneOptions {
                budget_bytes: 8192,
                ..options(&["a"])
            },
            options(&["a", "a"]),
            options(&[&"x".repeat(256)]),
        ];
        for bad in bad {
            let error = Lane::open(Path::new(DIR), bad).await.err().unwrap();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
        }
    });
}

#[test]
fn a_dropped_lane_stops_its_tasks() {
    sim::check(1, || async {
        let lane = open(&options(&["a"])).await;
        let shared = Rc::downgrade(&lane.shared);
        drop(lane);
        runtime::sleep(Duration::from_secs(1)).await;
        assert!(shared.upgrade().is_none());
    });
}
