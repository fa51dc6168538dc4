//! How long a push waits for others to share its commit.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use runtime::metrics::Registry;
use runtime::sim::check;

use super::{Encoder, Message, Stage, Write};
use crate::build::LaneDefaults;
use crate::outbox::books::{Outbox, Owner};

/// A message is the bytes that were pushed.
#[derive(Default)]
struct Text {
    open: Vec<u8>,
}

impl Encoder for Text {
    fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn is_full(&self) -> bool {
        self.open.len() >= 1000
    }

    fn seal(&mut self) -> Message {
        let payload = std::mem::take(&mut self.open);
        let items = payload.len() as u32;
        Message {
            kind: 1,
            items,
            payload,
        }
    }

    fn recycle(&mut self, _payload: Vec<u8>) {}
}

const DELAY: Duration = Duration::from_millis(5);
const PATIENT: Duration = Duration::from_millis(500);

async fn stage() -> Rc<Stage<Text>> {
    let registry = Registry::default();
    let owner = Owner {
        registry: &registry,
        node: "test",
    };
    let options = LaneDefaults::standard().options(vec!["d".to_owned()]);
    let outbox = Outbox::open(&owner, Path::new("/lane"), options, None).await;
    Stage::new(outbox.expect("an empty disk"), Text::default(), DELAY)
}

/// Pushes one byte; how long it took until it was committed.
async fn push(stage: &Rc<Stage<Text>>, patience: Duration) -> Duration {
    let start = runtime::now();
    let pushed = stage.push(patience, |text| {
        text.open.push(b'x');
        Write::Done
    });
    pushed.await.expect("a disk with room");
    start.elapsed()
}

/// How long a patient push takes beside another that comes 100 ms after it.
async fn beside(stage: &Rc<Stage<Text>>, patience: Duration) -> (Duration, Duration) {
    let patient = stage.clone();
    let (done, told) = runtime::sync::oneshot::channel();
    runtime::spawn(async move {
        let took = push(&patient, PATIENT).await;
        done.send(took).expect("somebody waits");
    });
    runtime::sleep(Duration::from_millis(100)).await;
    let other = push(stage, patience).await;
    (told.await.expect("it was committed"), other)
}

fn near(took: Duration, wanted_ms: u64) -> bool {
    (wanted_ms..wanted_ms + 50).contains(&(took.as_millis() as u64))
}

#[test]
fn a_push_without_patience_waits_for_the_delay_and_one_with_it_for_that() {
    check(1, || async {
        let stage = stage().await;
        let took = push(&stage, Duration::ZERO).await;
        assert!(near(took, 5), "{took:?}");
        let took = push(&stage, PATIENT).await;
        assert!(near(took, 500), "{took:?}");
    });
}

#[test]
fn who_joins_with_less_patience_takes_the_others_along() {
    check(1, || async {
        let stage = stage().await;
        let (patient, hasty) = beside(&stage, Duration::ZERO).await;
        assert!(
            near(hasty, 5) && near(patient, 105),
            "{hasty:?} {patient:?}"
        );
    });
}

#[test]
fn the_end_of_the_process_ends_all_patience() {
    check(1, || async {
        let stage = stage().await;
        let outbox = stage.outbox.clone();
        runtime::spawn(async move {
            runtime::sleep(Duration::from_millis(100)).await;
            outbox.hurry();
        });
        let took = push(&stage, PATIENT).await;
        assert!(near(took, 100), "{took:?}");
        let took = push(&stage, PATIENT).await;
        assert!(near(took, 0), "{took:?}");
    });
}

#[test]
fn who_joins_with_as_much_patience_waits_for_the_first() {
    check(1, || async {
        let stage = stage().await;
        let (first, second) = beside(&stage, PATIENT).await;
        assert!(
            near(first, 500) && near(second, 400),
            "{first:?} {second:?}"
        );
        let commits = stage.outbox.lane().stats().commits;
        assert_eq!(commits, 1, "both are in one commit");
    });
}
