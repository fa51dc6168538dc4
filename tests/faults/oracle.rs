//! What was promised, and whether a disk keeps it.
//!
//! Every record carries a number. The log of events says, for each, up to which disk operation it
//! had happened; a disk image says which operation it stands before. What happened earlier is what
//! the lane on that image owes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use runtime::sim::{Disk, Options, Simulation, Stopped};
use wal::{Lane, LaneOptions, LaneStats, Record, Sequence};

pub const DIR: &str = "/storage/lane";

pub const DESTINATIONS: [&str; 2] = ["near", "far"];

/// What happened, with the number of disk operations that had begun before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    list: Vec<(u64, Event)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The record was given to the lane.
    Appended(u64),
    /// The lane promised that it is safe.
    Committed(u64),
    /// A destination was done with it.
    Acked(usize, u64),
}

pub type Log = Rc<RefCell<Events>>;

impl Events {
    /// Notes an event of the running simulation.
    pub fn add(&mut self, event: Event) {
        self.list.push((runtime::sim::disk().ops(), event));
    }

    /// What had happened before this operation.
    pub fn before(&self, op: u64) -> Owed {
        let mut owed = Owed::default();
        for (_, event) in self.list.iter().filter(|(at, _)| *at <= op) {
            match *event {
                Event::Appended(number) => drop(owed.appended.insert(number)),
                Event::Committed(number) => drop(owed.committed.insert(number)),
                Event::Acked(destination, number) => {
                    owed.acked[destination].insert(number);
                }
            }
        }
        owed
    }
}

/// What a lane owes, by the numbers of records.
#[derive(Clone, Debug, Default)]
pub struct Owed {
    pub appended: BTreeSet<u64>,
    pub committed: BTreeSet<u64>,
    pub acked: [BTreeSet<u64>; 2],
}

/// What is asked of a lane that was opened on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// What was committed is there, and nothing counts as lost.
    Exact,
    /// What was committed is there. A record that was refused after its sync had failed may have
    /// been found by the next process all the same, and then counts as lost after a power cut.
    Durable,
    /// What is there was appended, in order and whole.
    Sound,
}

/// What was found on a disk.
#[derive(Debug)]
pub struct Found {
    /// By destination, in the order they came.
    pub numbers: [Vec<u64>; 2],
    pub stats: LaneStats,
}

/// Opens the lane on a disk, drains it and appends to it; panics unless it keeps the promise.
/// `what` is told when it does not.
pub fn check(
    disk: Disk,
    options: &LaneOptions,
    owed: &Owed,
    promise: Promise,
    what: &str,
) -> Found {
    let simulation = Simulation::new(owed.appended.len() as u64, Options::new(disk));
    let options = options.clone();
    let ended: Result<Found, Stopped> = simulation.run(|| Box::pin(drain(options)));
    let found = ended.unwrap_or_else(|stopped| panic!("{what}: recovery ended as {stopped:?}"));
    for (destination, numbers) in found.numbers.iter().enumerate() {
        let name = DESTINATIONS[destination];
        assert!(
            numbers.is_sorted_by(|a, b| a < b),
            "{what}: order of {name}: {numbers:?}"
        );
        let found: BTreeSet<u64> = numbers.iter().copied().collect();
        let invented: Vec<_> = found.difference(&owed.appended).collect();
        assert!(
            invented.is_empty(),
            "{what}: invented for {name}: {invented:?}"
        );
        if promise != Promise::Sound {
            let due = owed.committed.difference(&owed.acked[destination]);
            let lost: Vec<_> = due.filter(|number| !found.contains(number)).collect();
            assert!(
                lost.is_empty(),
                "{what}: lost for {name}: {lost:?} of {numbers:?}"
            );
        }
    }
    if promise == Promise::Exact {
        for destination in &found.stats.destinations {
            assert_eq!(destination.lost_records, 0, "{what}: {:?}", found.stats);
            assert_eq!(destination.dropped.total(), 0, "{what}: {:?}", found.stats);
        }
    }
    found
}

/// The number of the records that are appended between two crashes.
const BETWEEN: u64 = 1 << 30;

/// Starts on a disk that a crash has left, appends, and crashes again at some operation. Gives the
/// disk that this leaves, and what is owed on it.
pub fn crash_again(disk: &Disk, options: &LaneOptions, owed: &Owed, seed: u64) -> (Disk, Owed) {
    let disk = disk.kill();
    let simulation = Simulation::new(seed, Options::new(disk.clone()));
    // Opening takes twenty operations or so, each commit two.
    disk.crash_at(stdx::Rng::new(seed).below(40));
    let (options, noted) = (options.clone(), Log::default());
    let events = noted.clone();
    let ended = simulation.run(|| {
        Box::pin(async move {
            let lane = Lane::open(Path::new(DIR), options)
                .await
                .expect("a lane always opens");
            for number in BETWEEN..BETWEEN + 20 {
                let ticket = lane
                    .append(1, items(number), &payload(number))
                    .expect("a sound disk");
                events.borrow_mut().add(Event::Appended(number));
                lane.committed(ticket).await.expect("a sound disk commits");
                events.borrow_mut().add(Event::Committed(number));
            }
        })
    });
    assert!(matches!(ended, Ok(()) | Err(Stopped::Crashed)), "{ended:?}");
    let between = noted.borrow().before(disk.ops());
    let mut owed = owed.clone();
    owed.appended.extend(between.appended);
    owed.committed.extend(between.committed);
    (disk.crash(seed), owed)
}

/// The number of the records that are appended after a recovery.
const LATER: u64 = 1 << 40;

async fn drain(options: LaneOptions) -> Found {
    let lane = Lane::open(Path::new(DIR), options)
        .await
        .expect("a lane always opens");
    let mut numbers = [Vec::new(), Vec::new()];
    let mut last = [Sequence(0); 2];
    for (destination, name) in DESTINATIONS.iter().enumerate() {
        last[destination] = read(&lane, name, &mut numbers[destination]).await;
    }
    assert_balanced(&lane.stats());
    // The lane goes on, behind all that was there.
    for number in LATER..LATER + 3 {
        let ticket = lane
            .append(1, 1, &payload(number))
            .expect("a sound disk takes records");
        lane.committed(ticket).await.expect("a sound disk commits");
    }
    for (destination, name) in DESTINATIONS.iter().enumerate() {
        let mut later = Vec::new();
        let first = lane.reader(name).next().await.sequence;
        assert!(
            last[destination] < first,
            "sequences go back from {:?}",
            last[destination]
        );
        read(&lane, name, &mut later).await;
        assert_eq!(
            later,
            [LATER, LATER + 1, LATER + 2],
            "new records for {name}"
        );
    }
    let stats = lane.stats();
    assert_balanced(&stats);
    lane.close().await;
    Found { numbers, stats }
}

/// Reads and acks all that is there. Gives the last sequence.
async fn read(lane: &Lane, name: &str, numbers: &mut Vec<u64>) -> Sequence {
    let mut reader = lane.reader(name);
    let mut last = Sequence(0);
    while let Some(record) = reader.next_ready().await {
        assert!(
            last < record.sequence,
            "sequences of {name} go back from {last:?}"
        );
        last = record.sequence;
        numbers.push(number(&record));
        reader.ack(record.sequence);
    }
    last
}

/// What a record of this number holds: from nothing but the number to a good part of a segment.
pub fn payload(number: u64) -> Vec<u8> {
    let mut rng = stdx::Rng::new(number);
    let bytes = match rng.below(8) {
        0 => 0,
        1 => 1000 + rng.below(1500),
        _ => rng.below(300),
    };
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend((0..bytes).map(|_| rng.next_u64() as u8));
    payload
}

/// Items of the record of this number.
pub fn items(number: u64) -> u32 {
    1 + (number % 7) as u32
}

/// The number in a record. Panics unless every byte is as it was appended.
pub fn number(record: &Record) -> u64 {
    let number = *record
        .payload
        .first_chunk()
        .expect("a number is in each payload");
    let number = u64::from_le_bytes(number);
    assert!(
        record.payload == payload(number),
        "the payload of {number} was altered"
    );
    number
}

/// The books of every destination balance.
pub fn assert_balanced(stats: &LaneStats) {
    for at in &stats.destinations {
        let came = at.recovered_items + stats.appended_items;
        let went = at.acked_items + at.held_items + at.dropped.total();
        assert_eq!(
            came, went,
            "the books of {} do not balance: {stats:?}",
            at.name
        );
    }
}
