//! Power cuts and kills at every boundary between disk operations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::sim::Disk;
use wal::{LaneOptions, SyncPolicy};

use crate::oracle::{Owed, Promise, check, crash_again};
use crate::workload::{Done, options, run};

/// Crash states tried unless `INVAR_FAULT_STATES` says otherwise.
const STATES: u64 = 10_000;

/// What different chances make of the same boundary: nothing of what is not synced, all, or parts.
const CRASHES_PER_BOUNDARY: u64 = 4;

const BURSTS: u32 = 12;

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

/// Runs `workload` for one seed after the other, on all cores, until it has tried enough states.
fn explore(states: u64, workload: impl Fn(u64) -> u64 + Sync) {
    if let Some(seed) = setting("INVAR_FAULT_SEED") {
        println!("workload {seed}: {} states", workload(seed));
        return;
    }
    let (next, tried) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while tried.load(Ordering::Relaxed) < states {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    tried.fetch_add(workload(seed), Ordering::Relaxed);
                }
            });
        }
    });
    println!(
        "{} crash states of {} workloads",
        tried.into_inner(),
        next.into_inner()
    );
}

/// Tries every boundary of a workload. Gives the number of states.
fn cut_power(seed: u64, sync: SyncPolicy, promise: Promise) -> u64 {
    let options = options(sync);
    let Done { events, disk } = run(seed, &options, BURSTS, |disk| disk.record());
    let mut states = 0;
    for image in disk.recorded().iter().chain([&disk.image()]) {
        let owed = events.before(image.op());
        for chance in 0..CRASHES_PER_BOUNDARY {
            let op = image.op();
            let what = format!("INVAR_FAULT_SEED={seed}, cut before {op}, chance {chance}");
            let left = image.crash(chance);
            if chance == seed % CRASHES_PER_BOUNDARY {
                let (left, owed) = crash_again(&left, &options, &owed, seed + op);
                check_cut(
                    left,
                    &options,
                    &owed,
                    promise,
                    &format!("{what}, and again"),
                );
                states += 1;
            }
            check_cut(left, &options, &owed, promise, &what);
            states += 1;
        }
    }
    states
}

fn check_cut(left: Disk, options: &LaneOptions, owed: &Owed, promise: Promise, what: &str) {
    let found = check(left, options, owed, promise, what);
    if promise == Promise::Exact {
        // What a cut tears is no corruption, and leftovers of recycled files are not either.
        assert_eq!(found.stats.corrupt_bytes, 0, "{what}: {:?}", found.stats);
    }
}

#[test]
fn a_power_cut_anywhere_loses_nothing_that_was_committed() {
    let states = setting("INVAR_FAULT_STATES").unwrap_or(STATES);
    explore(states, |seed| {
        cut_power(seed, SyncPolicy::EveryCommit, Promise::Exact)
    });
}

#[test]
fn without_syncs_a_power_cut_leaves_a_lane_that_opens_and_invents_nothing() {
    let states = setting("INVAR_FAULT_STATES").unwrap_or(STATES) / 10;
    explore(states, |seed| {
        let interval = SyncPolicy::Interval(Duration::from_millis(20));
        let sync = if seed % 2 == 0 {
            interval
        } else {
            SyncPolicy::None
        };
        cut_power(seed, sync, Promise::Sound)
    });
}

#[test]
fn a_kill_anywhere_loses_nothing_that_was_committed_in_any_mode() {
    let states = setting("INVAR_FAULT_STATES").unwrap_or(STATES) / 10;
    explore(states, |seed| {
        let sync = [
            SyncPolicy::None,
            SyncPolicy::Interval(Duration::from_millis(20)),
            SyncPolicy::EveryCommit,
        ][seed as usize % 3];
        let options = options(sync);
        let Done { events, disk } = run(seed, &options, BURSTS, |disk| disk.record());
        let images = disk.recorded();
        for image in &images {
            let what = format!("INVAR_FAULT_SEED={seed}, killed before {}", image.op());
            check(
                image.kill(),
                &options,
                &events.before(image.op()),
                Promise::Exact,
                &what,
            );
        }
        images.len() as u64
    });
}

#[test]
fn the_same_seed_replays_bit_for_bit() {
    let options = options(SyncPolicy::EveryCommit);
    let [first, second] = [0, 1].map(|_| run(3, &options, BURSTS, |_| {}));
    assert_eq!(first.events, second.events);
    assert_eq!(first.disk.ops(), second.disk.ops());
    let dir = std::path::Path::new(crate::oracle::DIR);
    let names = first.disk.list(dir).expect("the lane is there");
    assert_eq!(names, second.disk.list(dir).expect("the lane is there"));
    for entry in names.iter().filter(|entry| !entry.is_dir) {
        let path = dir.join(&entry.name);
        let contents = [&first, &second].map(|done| done.disk.read(&path).expect("it was listed"));
        assert!(contents[0] == contents[1], "{} differs", entry.name);
    }
}
