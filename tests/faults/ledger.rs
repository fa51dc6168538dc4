//! The books of a lane against those that a test keeps: what was appended was acked, is held, or
//! was dropped for a reason, in items, at each step.

use std::path::Path;
use std::time::Duration;

use runtime::sim::{Disk, Options, Simulation};
use stdx::Rng;
use wal::{Lane, LaneOptions, LaneStats, Reader, SyncPolicy};

use crate::oracle::{DESTINATIONS, DIR, assert_balanced, items, number, payload};
use crate::workload::options;

/// What a test knows about a destination.
#[derive(Default)]
struct Book {
    acked_items: u64,
    /// The number that comes next; what is skipped on the way was dropped.
    next: u64,
    skipped_items: u64,
}

impl Book {
    /// Reads and acks up to `count` records.
    async fn read(&mut self, reader: &mut Reader, count: u64) {
        for _ in 0..count {
            let Some(record) = reader.next_ready().await else {
                return;
            };
            let number = number(&record);
            assert!(self.next <= number, "order");
            self.skipped_items += (self.next..number)
                .map(|skipped| u64::from(items(skipped)))
                .sum::<u64>();
            self.acked_items += u64::from(items(number));
            self.next = number + 1;
            reader.ack(record.sequence);
        }
    }

    fn assert_agrees(&self, stats: &LaneStats, destination: usize) {
        let theirs = &stats.destinations[destination];
        assert_eq!(theirs.acked_items, self.acked_items, "{stats:?}");
        // The lane may have dropped what the reader has not come to yet.
        assert!(self.skipped_items <= theirs.dropped.total(), "{stats:?}");
        assert_eq!(theirs.dropped.corrupt, 0, "{stats:?}");
    }
}

async fn life(seed: u64, options: LaneOptions) {
    let mut rng = Rng::new(seed);
    let lane = Lane::open(Path::new(DIR), options)
        .await
        .expect("the disk is sound");
    let mut readers = DESTINATIONS.map(|name| lane.reader(name));
    let mut books = [Book::default(), Book::default()];
    let mut appended_items = 0;
    let mut appended = 0;
    for _ in 0..200 {
        for _ in 0..rng.below(6) {
            let ticket = lane
                .append(1, items(appended), &payload(appended))
                .expect("there is room");
            lane.committed(ticket).await.expect("the disk is sound");
            appended_items += u64::from(items(appended));
            appended += 1;
        }
        for (destination, book) in books.iter_mut().enumerate() {
            // The far one reads a third of what comes.
            let count = rng.below(7) / (1 + 2 * destination as u64);
            book.read(&mut readers[destination], count).await;
        }
        runtime::sleep(Duration::from_millis(rng.below(2000))).await;
        let stats = lane.stats();
        assert_eq!(stats.appended_items, appended_items);
        assert_balanced(&stats);
        (0..2).for_each(|destination| books[destination].assert_agrees(&stats, destination));
    }
    for (destination, book) in books.iter_mut().enumerate() {
        book.read(&mut readers[destination], u64::MAX).await;
        let stats = lane.stats();
        book.assert_agrees(&stats, destination);
        // All is told: what never came was dropped, to the item.
        let unread: u64 = (book.next..appended)
            .map(|number| u64::from(items(number)))
            .sum();
        let theirs = &stats.destinations[destination];
        assert_eq!(
            theirs.dropped.total(),
            book.skipped_items + unread,
            "{stats:?}"
        );
        assert_eq!(theirs.held_items, 0, "{stats:?}");
    }
    let far = &lane.stats().destinations[1];
    assert!(
        far.dropped.total() > 0,
        "the far one lags until something is dropped: {far:?}"
    );
    lane.close().await;
}

fn run(seed: u64, options: LaneOptions) {
    let simulation = Simulation::new(seed, Options::new(Disk::new()));
    let ended = simulation.run(|| Box::pin(life(seed, options)));
    assert_eq!(ended, Ok(()), "seed {seed}");
}

#[test]
fn what_the_budget_drops_is_counted_to_the_item() {
    for seed in 0..20 {
        run(
            seed,
            LaneOptions {
                budget_bytes: 4 * 8192,
                ..options(SyncPolicy::EveryCommit)
            },
        );
    }
}

#[test]
fn what_age_drops_is_counted_to_the_item() {
    for seed in 0..20 {
        let age_max = Some(Duration::from_secs(30));
        run(
            seed,
            LaneOptions {
                age_max,
                ..options(SyncPolicy::None)
            },
        );
    }
}
