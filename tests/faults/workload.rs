//! A seeded life of a lane: appends in bursts, readers that ack, lag and start over, segments that
//! fill and are recycled, a restart in the middle.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use runtime::sim::{Disk, Options, Simulation};
use stdx::Rng;
use wal::{AppendError, Lane, LaneOptions, Reader, SyncPolicy, WhenFull};

use crate::oracle::{
    DESTINATIONS, DIR, Event, Events, Log, assert_balanced, items, number, payload,
};

/// Settings that make a few hundred operations meet every branch.
pub fn options(sync: SyncPolicy) -> LaneOptions {
    LaneOptions {
        segment_bytes: 8192,
        budget_bytes: 1 << 20,
        age_max: None,
        when_full: WhenFull::DropOldest,
        sync,
        commit_delay: Duration::from_millis(1),
        commit_bytes_max: 4096,
        reserve_bytes: 4096,
        destinations: DESTINATIONS.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A workload that has run.
pub struct Done {
    pub events: Events,
    pub disk: Disk,
}

/// Runs the workload of a seed on a disk that `prepare` may have told how to fail.
pub fn run(seed: u64, options: &LaneOptions, bursts: u32, prepare: impl FnOnce(&Disk)) -> Done {
    let disk = Disk::new();
    prepare(&disk);
    let simulation = Simulation::new(seed, Options::new(disk.clone()));
    let log = Log::default();
    let life = life(seed, options.clone(), bursts, log.clone());
    let ended = simulation.run(|| Box::pin(life));
    assert_eq!(ended, Ok(()), "workload {seed} came to its end");
    let events = log.borrow().clone();
    Done { events, disk }
}

async fn life(seed: u64, options: LaneOptions, bursts: u32, log: Log) {
    let mut rng = Rng::new(seed);
    let next = Rc::new(Cell::new(0));
    for _ in 0..2 {
        let lane = open(&options).await;
        let readers: Vec<_> = (0..DESTINATIONS.len())
            .map(|destination| {
                let reader = read(lane.clone(), destination, rng.fork(), log.clone());
                runtime::spawn(reader)
            })
            .collect();
        for _ in 0..bursts {
            burst(&lane, &mut rng, &next, &log).await;
            assert_balanced(&lane.stats());
            runtime::sleep(Duration::from_millis(rng.below(30))).await;
        }
        for reader in readers {
            reader.abort();
            reader.join().await;
        }
        // Half of the lives end with a close, half just end.
        if rng.chance(0.5) {
            lane.close().await;
        }
    }
}

/// Opens the lane; an operation that fails may make that fail, but not for ever.
async fn open(options: &LaneOptions) -> Lane {
    for _ in 0..100 {
        match Lane::open(Path::new(DIR), options.clone()).await {
            Ok(lane) => return lane,
            Err(_) => runtime::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the lane does not open");
}

/// Appends some records at once and waits for them.
async fn burst(lane: &Lane, rng: &mut Rng, next: &Rc<Cell<u64>>, log: &Log) {
    let mut waiting = Vec::new();
    for _ in 0..=rng.below(8) {
        let number = next.replace(next.get() + 1);
        let payload = payload(number);
        let ticket = loop {
            match lane.append(1, items(number), &payload) {
                Ok(ticket) => break Some(ticket),
                Err(AppendError::Busy) => lane.writable(payload.len()).await,
                Err(_) => break None,
            }
        };
        let Some(ticket) = ticket else { continue };
        log.borrow_mut().add(Event::Appended(number));
        let (lane, log) = (lane.clone(), log.clone());
        let done = Rc::new(RefCell::new(false));
        let waits = done.clone();
        waiting.push(runtime::spawn(async move {
            if lane.committed(ticket).await.is_ok() {
                log.borrow_mut().add(Event::Committed(number));
            }
            *waits.borrow_mut() = true;
        }));
        if rng.chance(0.2) {
            runtime::sleep(Duration::from_micros(rng.below(2000))).await;
        }
    }
    for task in waiting {
        task.join().await;
    }
}

/// Reads for a destination: near keeps up, far lags behind and starts over now and then.
async fn read(lane: Lane, destination: usize, mut rng: Rng, log: Log) {
    let mut reader: Reader = lane.reader(DESTINATIONS[destination]);
    loop {
        let record = reader.next().await;
        let number = number(&record);
        runtime::sleep(Duration::from_micros(
            rng.below(1 + 4000 * destination as u64),
        ))
        .await;
        if destination == 1 && rng.chance(0.05) {
            reader.seek_to_cursor();
            continue;
        }
        log.borrow_mut().add(Event::Acked(destination, number));
        reader.ack(record.sequence);
        if destination == 1 && rng.chance(0.02) {
            runtime::sleep(Duration::from_millis(200)).await;
        }
    }
}
