//! Operations that fail: each one alone, many of them, all of them for a while, and a full disk.

use std::path::Path;
use std::time::Duration;

use runtime::sim::{Disk, Fault, Options, Simulation};
use stdx::Rng;
use wal::{Lane, LaneOptions, SyncPolicy};

use crate::oracle::{DESTINATIONS, DIR, Promise, assert_balanced, check, payload};
use crate::workload::{Done, options, run};

const BURSTS: u32 = 8;

/// Runs the workload of a seed on a disk that fails as told; then, on a sound disk, a kill and a
/// power cut must find everything that was committed.
fn survive(seed: u64, options: &LaneOptions, what: &str, prepare: impl Fn(&Disk)) {
    let Done { events, disk } = run(seed, options, BURSTS, &prepare);
    let image = disk.image();
    let owed = events.before(image.op());
    check(
        image.kill(),
        options,
        &owed,
        Promise::Exact,
        &format!("{what}, killed"),
    );
    if options.sync == SyncPolicy::EveryCommit {
        for chance in 0..2 {
            let what = format!("{what}, power cut with chance {chance}");
            check(image.crash(chance), options, &owed, Promise::Durable, &what);
        }
    }
}

#[test]
fn any_one_operation_may_fail() {
    for (seed, sync) in [
        (1, SyncPolicy::EveryCommit),
        (2, SyncPolicy::Interval(Duration::from_millis(20))),
    ] {
        let options = options(sync);
        let ops = run(seed, &options, BURSTS, |_| {}).disk.ops();
        assert!(ops > 100, "{ops} operations are too few to mean something");
        for op in 0..ops {
            for fault in [Fault::Eio, Fault::Enospc] {
                let what = format!("workload {seed}, {fault:?} at operation {op}");
                survive(seed, &options, &what, |disk| disk.fail(op, fault));
            }
        }
    }
}

#[test]
fn every_nth_operation_may_fail() {
    let options = options(SyncPolicy::EveryCommit);
    for seed in 0..4 {
        for nth in [9, 10, 11, 13, 17, 23, 31] {
            for fault in [Fault::Eio, Fault::Enospc] {
                let what = format!("workload {seed}, {fault:?} at each operation {nth}");
                survive(seed, &options, &what, |disk| {
                    (1..10_000).for_each(|count| disk.fail(count * nth, fault));
                });
            }
        }
    }
}

#[test]
fn operations_may_fail_at_random() {
    let options = options(SyncPolicy::EveryCommit);
    for seed in 0..40 {
        let what = format!("workload {seed}, one operation of sixteen");
        survive(seed, &options, &what, |disk| {
            let mut rng = Rng::new(seed);
            for op in (0..100_000)
                .filter(|_| rng.chance(1.0 / 16.0))
                .collect::<Vec<_>>()
            {
                disk.fail(
                    op,
                    if rng.chance(0.5) {
                        Fault::Eio
                    } else {
                        Fault::Enospc
                    },
                );
            }
        });
    }
}

#[test]
fn a_disk_of_any_size_may_fill_up() {
    let options = options(SyncPolicy::EveryCommit);
    for pages in 0..60 {
        let what = format!("a disk of {pages} pages");
        let capacity = Some(pages * 4096);
        let Done { events, disk } = run(5, &options, BURSTS, |disk| disk.set_capacity(capacity));
        // Space returns.
        let owed = events.before(disk.ops());
        check(disk.kill(), &options, &owed, Promise::Exact, &what);
    }
}

/// Appends until it works; gives the simulated time that took.
async fn append_again(lane: &Lane, number: u64) -> Duration {
    let since = runtime::now();
    loop {
        let taken = match lane.append(1, 1, &payload(number)) {
            Ok(ticket) => lane.committed(ticket).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => return since.elapsed(),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        runtime::sleep(Duration::from_millis(50)).await;
    }
}

async fn drain(lane: &Lane) -> usize {
    drain_for(lane, "near").await
}

async fn drain_for(lane: &Lane, destination: &str) -> usize {
    let mut reader = lane.reader(destination);
    let mut count = 0;
    while let Some(record) = reader.next_ready().await {
        reader.ack(record.sequence);
        count += 1;
    }
    count
}

#[test]
fn a_disk_that_was_away_for_a_while_is_used_again_within_five_seconds() {
    for (seed, fault) in [(1, Fault::Eio), (2, Fault::Enospc)] {
        let simulation = Simulation::new(seed, Options::new(Disk::new()));
        let disk = simulation.disk();
        let ended = simulation.run(|| {
            Box::pin(async move {
                let options = options(SyncPolicy::EveryCommit);
                let lane = Lane::open(Path::new(DIR), options)
                    .await
                    .expect("the disk is sound");
                for number in 0..20 {
                    append_again(&lane, number).await;
                }
                disk.fail_all(Some(fault));
                let refused = runtime::timeout(Duration::from_secs(15), append_again(&lane, 20));
                assert_eq!(
                    refused.await,
                    Err(runtime::Elapsed),
                    "nothing is taken meanwhile"
                );
                disk.fail_all(None);
                let took = append_again(&lane, 21).await;
                assert!(took < Duration::from_secs(5), "{took:?}");
                assert_eq!(drain(&lane).await, 21, "what was refused is not there");
                assert_balanced(&lane.stats());
                assert_eq!(lane.stats().destinations[0].lost_records, 0);
            })
        });
        assert_eq!(ended, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_lane_may_begin_on_a_full_disk() {
    let simulation = Simulation::new(1, Options::new(Disk::new()));
    let disk = simulation.disk();
    let ended = simulation.run(|| {
        Box::pin(async move {
            disk.set_capacity(Some(3 * 8192));
            let options = options(SyncPolicy::EveryCommit);
            let lane = Lane::open(Path::new(DIR), options)
                .await
                .expect("opening needs no space");
            let mut number = 0;
            while runtime::timeout(Duration::from_secs(5), append_again(&lane, number))
                .await
                .is_ok()
            {
                number += 1;
            }
            assert!(number > 20, "{number} records filled the disk");
            for name in DESTINATIONS {
                assert_eq!(drain_for(&lane, name).await as u64, number);
            }
            let took = append_again(&lane, number).await;
            assert!(took < Duration::from_secs(5), "{took:?}");
        })
    });
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_full_disk_drains_and_takes_records_again_once_segments_are_free() {
    let simulation = Simulation::new(1, Options::new(Disk::new()));
    let disk = simulation.disk();
    let ended = simulation.run(|| {
        Box::pin(async move {
            let mut options = options(SyncPolicy::EveryCommit);
            options.destinations.truncate(1);
            let lane = Lane::open(Path::new(DIR), options)
                .await
                .expect("the disk is sound");
            let mut number = 0;
            // The lane's own files.
            runtime::sleep(Duration::from_secs(1)).await;
            disk.set_capacity(Some(disk.used() + 10 * 8192));
            while runtime::timeout(Duration::from_secs(5), append_again(&lane, number))
                .await
                .is_ok()
            {
                number += 1;
            }
            assert!(number > 100, "{number} records filled the disk");
            assert!(lane.stats().refused_records > 0);
            assert_eq!(drain(&lane).await as u64, number);
            let took = append_again(&lane, number).await;
            assert!(took < Duration::from_secs(5), "{took:?}");
            assert_balanced(&lane.stats());
        })
    });
    assert_eq!(ended, Ok(()));
}
