//! Sends the records of a lane to one destination, each until it is acked or dropped.
//!
//! Records start in the order of the lane. One may start while others are under way if it shares no
//! series with them, which its `Order` tells, so that a distant destination costs parallel requests
//! and never the order of a series. While a request waits to be tried again, no other one is
//! started: a destination in trouble gets no more than what it has already.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::LocalBoxFuture;
use runtime::sync::Notify;
use wal::{Reader, Record, Sequence};

use super::books::Outbox;
use super::letters::DeadLetters;
use super::order::Order;
use super::retry::{Backoff, Outcome};
use crate::build::Build;
use crate::component::Leave;
use crate::ledger::Ledger;
use crate::throttle::Throttle;

/// The protocol of a destination.
pub trait Transport: 'static {
    /// What the record has to come after.
    fn order(&self, record: &Record) -> Order;

    /// One attempt, counted from 0.
    fn send<'a>(&'a self, record: &'a Record, attempt: u32) -> LocalBoxFuture<'a, Outcome>;

    /// Told once per record, when it leaves the lane for this destination.
    fn settled(&self, record: &Record, fate: Fate);

    /// Told before each wait for another attempt.
    fn retrying(&self, record: &Record);

    /// Told how many requests are under way, when that changes.
    fn in_flight(&self, requests: usize);
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    Dropped(&'static str),
}

/// What a sender is made of.
#[derive(Clone)]
pub struct SenderOptions {
    pub cx: Build,
    pub destination: String,
    pub min_backoff: Duration,
    pub max_backoff: Duration,
    /// Zero for none.
    pub age_limit: Duration,
    /// Most requests at the same time, at least 1.
    pub in_flight_max: usize,
}

/// Sends one destination's share of a lane.
pub struct Sender<T> {
    options: SenderOptions,
    outbox: Outbox,
    transport: T,
    letters: DeadLetters,
    state: Rc<State>,
    failed: Throttle,
    rejected: Throttle,
}

/// What the outside may know of a running sender.
#[derive(Default)]
struct State {
    /// Requests at the destination.
    sending: Cell<usize>,
    /// Requests between two attempts.
    waiting: Cell<usize>,
    running: Cell<bool>,
    /// No further record is started.
    draining: Cell<bool>,
    stop: Cell<bool>,
    changed: Notify,
}

/// Lets an instance end its sender at a good moment.
#[derive(Clone)]
pub struct SenderHandle {
    state: Rc<State>,
    ledger: Ledger,
}

/// How often a line about the same trouble of one destination is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// How long the end of the process waits for what is in the log but not sent.
const ENDED_MAX: Duration = Duration::from_millis(400);

/// How long an idle sender waits before it looks at the lane's own drops.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// How often a sender looks for dead letters that somebody wants sent again.
const REDRIVE_INTERVAL: Duration = Duration::from_secs(5);

/// A record under way.
struct Flight<'a> {
    record: Rc<Record>,
    order: Order,
    work: LocalBoxFuture<'a, Option<Fate>>,
}

/// Why a wait ended.
enum Event {
    /// The flight at this index has landed; nothing when it was stopped.
    Landed(usize, Option<Fate>),
    Arrived(Record),
    Idle,
}

impl<T: Transport> Sender<T> {
    pub fn new(options: SenderOptions, outbox: Outbox, transport: T) -> Sender<T> {
        assert!(
            options.in_flight_max > 0,
            "a sender that sends nothing never ends"
        );
        Sender {
            letters: DeadLetters::new(&options.cx, &options.destination),
            options,
            outbox,
            transport,
            state: Rc::new(State::default()),
            failed: Throttle::new(LOG_INTERVAL),
            rejected: Throttle::new(LOG_INTERVAL),
        }
    }

    pub fn handle(&self) -> SenderHandle {
        SenderHandle {
            state: self.state.clone(),
            ledger: self.ledger().clone(),
        }
    }

    pub(super) fn options(&self) -> &SenderOptions {
        &self.options
    }

    /// Whether it was stopped through the handle.
    pub fn is_stopped(&self) -> bool {
        self.state.stop.get()
    }

    /// Runs until stopped through the handle.
    pub async fn run(&self) {
        let mut redrive = pin!(self.redrive());
        let mut send = pin!(self.send_all(Until::Stopped));
        std::future::poll_fn(|cx| {
            let Poll::Pending = redrive.as_mut().poll(cx);
            send.as_mut().poll(cx)
        })
        .await;
    }

    /// Sends dead letters again that somebody wants sent. One shard does, so that each goes once.
    async fn redrive(&self) -> Infallible {
        if self.options.cx.shard_index > 0 {
            return std::future::pending().await;
        }
        loop {
            runtime::sleep(REDRIVE_INTERVAL).await;
            for path in self.letters.redriven().await {
                self.send_letter(&path).await;
            }
        }
    }

    /// Sends one letter, if it is for this destination. When it is stopped on the way, the file
    /// stays for the next sender.
    async fn send_letter(&self, path: &Path) {
        let Some(letter) = self.letters.read(path).await else {
            return;
        };
        let record = Rc::new(Record {
            sequence: Sequence(0),
            kind: letter.kind,
            items: letter.items,
            // Who wants it sent wants that however old it is.
            appended_ms: runtime::wall_ms(),
            payload: letter.payload,
        });
        if let Some(fate) = self.deliver_guarded(record.clone()).await {
            self.ledger().take(u64::from(record.items));
            self.book(&record, fate);
            self.letters.remove(path).await;
        }
    }

    /// Runs until nothing is left, for a lane that nobody appends to any more.
    pub async fn run_until_empty(&self) {
        self.send_all(Until::Empty).await;
    }

    async fn send_all(&self, until: Until) {
        let mut reader = self.outbox.lane().reader(&self.options.destination);
        let mut flights: Vec<Flight<'_>> = Vec::new();
        let mut next = None;
        self.state.running.set(true);
        while !self.state.stop.get() {
            self.start_flights(&mut reader, &mut next, &mut flights)
                .await;
            if until == Until::Empty && flights.is_empty() && next.is_none() {
                break;
            }
            let reads = (next.is_none() && until == Until::Stopped).then_some(&mut reader);
            match wait(&mut flights, reads).await {
                Event::Landed(_, None) => break,
                Event::Landed(index, Some(fate)) => {
                    let flight = flights.swap_remove(index);
                    self.settle(&mut reader, &flight.record, fate);
                    self.transport.in_flight(flights.len());
                }
                Event::Arrived(record) => next = Some(record),
                Event::Idle => {}
            }
            self.outbox.count_lost();
        }
        self.state.running.set(false);
        self.state.changed.notify_all();
    }

    /// Starts what is ready and allowed to.
    async fn start_flights<'a>(
        &'a self,
        reader: &mut Reader,
        next: &mut Option<Record>,
        flights: &mut Vec<Flight<'a>>,
    ) {
        while flights.len() < self.options.in_flight_max
            && self.state.waiting.get() == 0
            && !self.state.draining.get()
        {
            if next.is_none() {
                *next = reader.next_ready().await;
            }
            let Some(record) = next.take() else {
                return;
            };
            let order = self.transport.order(&record);
            if !flights.iter().all(|flight| order.is_free_of(&flight.order)) {
                *next = Some(record);
                return;
            }
            let record = Rc::new(record);
            let work = Box::pin(self.deliver_guarded(record.clone()));
            flights.push(Flight {
                record,
                order,
                work,
            });
            self.transport.in_flight(flights.len());
        }
    }

    /// A record that a protocol panics on is dropped, so that it cannot do so for ever.
    async fn deliver_guarded(&self, record: Rc<Record>) -> Option<Fate> {
        if let Some(fate) = self.options.cx.guard(self.deliver(&record)).await {
            return fate;
        }
        let message = "sending it panicked; the log has the panic's text";
        self.letters.keep(&record, "panic", message).await;
        Some(Fate::Dropped("panic"))
    }

    /// Tries until the record has a fate; `None` when stopped between two attempts.
    async fn deliver(&self, record: &Record) -> Option<Fate> {
        let mut backoff = Backoff::new(self.options.min_backoff, self.options.max_backoff);
        for attempt in 0.. {
            if self.is_too_old(record) {
                return Some(Fate::Dropped("too_old"));
            }
            let outcome = {
                let _sending = Phase::enter(&self.state, &self.state.sending);
                self.transport.send(record, attempt).await
            };
            let (after, reason, message) = match outcome {
                Outcome::Ack => return Some(Fate::Delivered),
                Outcome::Drop { reason, message } => {
                    self.log_rejected(record, &message);
                    self.letters.keep(record, reason, &message).await;
                    return Some(Fate::Dropped(reason));
                }
                Outcome::Retry {
                    after,
                    reason,
                    message,
                } => (after, reason, message),
            };
            if self.state.stop.get() {
                return None;
            }
            self.transport.retrying(record);
            let wait = backoff.wait(after, runtime::random_u64());
            self.log_failed(reason, &message, wait);
            let _waiting = Phase::enter(&self.state, &self.state.waiting);
            runtime::sleep(wait).await;
        }
        unreachable!("attempts do not run out")
    }

    fn settle(&self, reader: &mut Reader, record: &Record, fate: Fate) {
        reader.ack(record.sequence);
        self.book(record, fate);
    }

    fn book(&self, record: &Record, fate: Fate) {
        let items = u64::from(record.items);
        match fate {
            Fate::Delivered => self.ledger().pass(items),
            Fate::Dropped(reason) => self.ledger().drop(reason, items),
        }
        self.transport.settled(record, fate);
    }

    fn ledger(&self) -> &Ledger {
        self.outbox.ledger(&self.options.destination)
    }

    fn is_too_old(&self, record: &Record) -> bool {
        let limit = self.options.age_limit;
        let age_ms = runtime::wall_ms() - record.appended_ms;
        !limit.is_zero() && age_ms > 0 && age_ms as u128 > limit.as_millis()
    }

    fn log_failed(&self, reason: &str, message: &str, wait: Duration) {
        if let Some(held_back) = self.failed.pass() {
            tracing::warn!(
                component_id = &*self.options.cx.node,
                endpoint = self.options.destination,
                reason,
                held_back,
                "sending failed, trying again in {}: {message}",
                stdx::format_duration(Duration::from_millis(wait.as_millis() as u64)),
            );
        }
    }

    fn log_rejected(&self, record: &Record, message: &str) {
        if let Some(held_back) = self.rejected.pass() {
            tracing::error!(
                component_id = &*self.options.cx.node,
                endpoint = self.options.destination,
                held_back,
                "endpoint refused {} items for good, see invar dlq: {message}",
                record.items,
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Stopped,
    Empty,
}

/// Waits for a flight to land, or for a record if there is a reader.
async fn wait(flights: &mut [Flight<'_>], reader: Option<&mut Reader>) -> Event {
    let arrival = async {
        match reader {
            Some(reader) => match runtime::timeout(IDLE_MAX, reader.next()).await {
                Ok(record) => Event::Arrived(record),
                Err(_) => Event::Idle,
            },
            None => std::future::pending().await,
        }
    };
    let mut arrival = pin!(arrival);
    std::future::poll_fn(|cx| match poll_flights(flights, cx) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => arrival.as_mut().poll(cx),
    })
    .await
}

fn poll_flights(flights: &mut [Flight<'_>], cx: &mut Context<'_>) -> Poll<Event> {
    for (index, flight) in flights.iter_mut().enumerate() {
        if let Poll::Ready(fate) = Pin::new(&mut flight.work).poll(cx) {
            return Poll::Ready(Event::Landed(index, fate));
        }
    }
    Poll::Pending
}

/// Counts a request in one of the counts of `State` until dropped.
struct Phase<'a> {
    state: &'a State,
    count: &'a Cell<usize>,
}

impl<'a> Phase<'a> {
    fn enter(state: &'a State, count: &'a Cell<usize>) -> Phase<'a> {
        count.set(count.get() + 1);
        state.changed.notify_all();
        Phase { state, count }
    }
}

impl Drop for Phase<'_> {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
        self.state.changed.notify_all();
    }
}

impl SenderHandle {
    /// Waits for a good moment to end the sender and lets it take no further record: between two
    /// attempts, and if nobody goes on, not before the lane is empty or the destination fails; at
    /// the end of the process only for a moment.
    pub async fn finish(&self, why: Leave) {
        match why {
            Leave::Replaced => {}
            Leave::Removed => self.idle(true).await,
            // What is left then is sent by the next process.
            Leave::Ended => drop(runtime::timeout(ENDED_MAX, self.idle(true)).await),
        }
        self.state.draining.set(true);
        self.idle(false).await;
        self.state.stop.set(true);
    }

    /// Until nothing is at the destination, and with `empty` nothing waits to be sent, or it fails.
    async fn idle(&self, empty: bool) {
        let state = &*self.state;
        while state.running.get() {
            let changed = state.changed.notified();
            let left = empty && self.ledger.balance().held > 0;
            if state.sending.get() == 0 && (state.waiting.get() > 0 || !left) {
                break;
            }
            changed.await;
        }
    }
}
