//! Numbered lines of files through rotations, kills and an outage: every number arrives, in order,
//! and few arrive twice.
//!
//! The oracle is the writer, which numbers its lines from 0, and the sink: a number that arrives
//! for the first time has to be the next one.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tests::eventually;
use tests::invar::Invar;
use tests::loki_sink::LokiSink;

use crate::kill::REFUSED;

/// Lines in CI; `INVAR_LOG_LINES=10000000` is the long run.
fn lines() -> u64 {
    std::env::var("INVAR_LOG_LINES").map_or(150_000, |count| count.parse().expect("a number"))
}

/// Lines a second that the writer writes.
const RATE: u64 = 50_000;

/// Time between rotations.
const ROTATION: Duration = Duration::from_millis(100);

/// Files that the writer keeps beside the one that it writes. The oldest goes when all of it has
/// arrived, so that its inode is used again.
const KEPT: u64 = 5;

/// What has arrived.
#[derive(Default)]
struct Numbers {
    next: u64,
    again: u64,
    /// The first numbers that came too early, with the one that was due.
    early: Vec<(u64, u64)>,
}

impl Numbers {
    fn take(&mut self, line: &[u8]) {
        let text = std::str::from_utf8(line).expect("lines are text");
        let (number, _) = text.split_once(' ').expect("a number and a text");
        let number: u64 = number.parse().expect("a number");
        match number.cmp(&self.next) {
            std::cmp::Ordering::Equal => self.next += 1,
            std::cmp::Ordering::Less => self.again += 1,
            std::cmp::Ordering::Greater if self.early.len() < 10 => {
                self.early.push((number, self.next));
            }
            std::cmp::Ordering::Greater => {}
        }
    }
}

/// A sink of numbered lines.
fn sink() -> (LokiSink, Arc<Mutex<Numbers>>) {
    let numbers = Arc::new(Mutex::new(Numbers::default()));
    let taken = numbers.clone();
    let sink = LokiSink::start(move |_, line| taken.lock().expect("no holder panics").take(line));
    (sink, numbers)
}

fn next(numbers: &Mutex<Numbers>) -> u64 {
    let numbers = numbers.lock().expect("no holder panics");
    assert_eq!(
        numbers.early,
        [],
        "numbers came before the one that was due"
    );
    numbers.next
}

fn again(numbers: &Mutex<Numbers>) -> u64 {
    numbers.lock().expect("no holder panics").again
}

fn config(path: &Path, sink: &LokiSink) -> String {
    let (path, url) = (path.display(), sink.url());
    format!(
        r#"
        loki.source.file "f" {{
            targets    = [{{ "__path__" = "{path}", "job" = "f" }}]
            forward_to = [loki.process.p.receiver]
        }}

        loki.process "p" {{
            forward_to = [loki.write.out.receiver]

            stage.cri {{ }}
            stage.regex {{ expression = "^(?P<number>\\d+) " }}
            stage.static_labels {{ values = {{ site = "s" }} }}
        }}

        loki.write "out" {{
            endpoint {{
                url                = "{url}"
                batch_wait         = "100ms"
                min_backoff_period = "30ms"
                max_backoff_period = "200ms"
            }}
        }}
        "#
    )
}

/// Writes numbered lines and rotates by renaming, as logrotate does.
struct Writer {
    path: PathBuf,
    file: File,
    next: u64,
    /// What was renamed: its number and the one behind its last line.
    rotated: Vec<(u64, u64)>,
    rotations: u64,
}

impl Writer {
    fn new(path: PathBuf) -> Writer {
        let file = File::create(&path).expect("a log file");
        Writer {
            path,
            file,
            next: 0,
            rotated: Vec::new(),
            rotations: 0,
        }
    }

    fn write(&mut self, count: u64) {
        let mut text = Vec::new();
        for number in self.next..self.next + count {
            writeln!(text, "{number:09} a line of some length for the test").expect("in memory");
        }
        self.file.write_all(&text).expect("the disk takes it");
        self.next += count;
    }

    fn rotated_path(&self, number: u64) -> PathBuf {
        self.path.with_extension(format!("log.{number:06}"))
    }

    fn rotate(&mut self, arrived: u64) {
        let number = self.rotations;
        self.rotations += 1;
        fs::rename(&self.path, self.rotated_path(number)).expect("renamed");
        self.file = File::create(&self.path).expect("a log file");
        self.rotated.push((number, self.next));
        while self.rotated.len() as u64 > KEPT && self.rotated[0].1 <= arrived {
            let (oldest, _) = self.rotated.remove(0);
            fs::remove_file(self.rotated_path(oldest)).expect("removed");
        }
    }

    /// Writes up to `count` lines at the rate, and tells how far it has come.
    fn run(mut self, count: u64, numbers: &Mutex<Numbers>, written: &AtomicU64) -> Writer {
        let start = Instant::now();
        let mut rotated = start;
        while self.next < count {
            let due = (start.elapsed().as_millis() as u64 * RATE / 1000).min(count);
            self.write(due.saturating_sub(self.next));
            written.store(self.next, Ordering::SeqCst);
            if rotated.elapsed() >= ROTATION {
                rotated = Instant::now();
                self.rotate(next(numbers));
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        self
    }
}

/// Duplicates that a kill may cost: what was sent and not yet marked as such, and the batch of the
/// file that was on its way.
const AGAIN_MAX: u64 = 20_000;

#[test]
fn every_line_arrives_in_order_through_rotations_kills_and_an_outage() {
    let (sink, numbers) = sink();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let writer = Writer::new(path.clone());
    let mut invar = Invar::start(&config(&path, &sink)).announce(REFUSED);
    let count = lines();
    let written = Arc::new(AtomicU64::new(0));
    let (arrived, progress) = (numbers.clone(), written.clone());
    let writing = std::thread::spawn(move || writer.run(count, &arrived, &progress));
    let mut kills = 0;
    while written.load(Ordering::SeqCst) < count {
        // A third of the kills fall into an outage of the sink.
        sink.refuse(if kills % 3 == 1 { 503 } else { 0 });
        std::thread::sleep(Duration::from_millis(400 + kills * 37 % 300));
        invar.kill();
        invar.spawn();
        kills += 1;
    }
    sink.refuse(0);
    let writer = writing.join().expect("the writer does not panic");
    eventually("every line arrives", Duration::from_secs(60), || {
        (next(&numbers) == count).then_some(())
    });
    let repeated = again(&numbers);
    let rotations = writer.rotations;
    println!("{count} lines, {rotations} rotations, {kills} kills, {repeated} lines again");
    assert!(
        repeated <= kills * AGAIN_MAX,
        "{repeated} lines came again after {kills} kills"
    );
    stops_cost_nothing(invar, writer, &numbers);
}

/// SIGTERM ends the program at once, and what it had read does not come again.
fn stops_cost_nothing(mut invar: Invar, mut writer: Writer, numbers: &Mutex<Numbers>) {
    let before = again(numbers);
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        writer.write(5_000);
        std::thread::sleep(Duration::from_millis(150));
        let start = Instant::now();
        assert!(invar.stop().success());
        shortest = shortest.min(start.elapsed());
        writer.write(5_000);
        writer.rotate(next(numbers));
        invar.spawn();
    }
    eventually("what was written since", Duration::from_secs(30), || {
        (next(numbers) == writer.next).then_some(())
    });
    assert_eq!(again(numbers), before, "stops cost no duplicates");
    println!("SIGTERM to exit {shortest:?}");
    assert!(shortest < Duration::from_secs(1), "took {shortest:?}");
}

#[test]
fn a_truncation_costs_at_most_what_was_written_since_the_last_look() {
    let (sink, streams) = LokiSink::keeping();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let invar = Invar::start(&config(&path, &sink));
    let text = |round: u64, part: &str| -> String {
        let lines = (0..10).map(|line| format!("{round} {part} {line}\n"));
        lines.collect()
    };
    let has = |line: &str| {
        let streams = streams.lock().expect("no holder panics");
        streams.values().flatten().any(|it| it == line)
    };
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("a log file");
    const ROUNDS: u64 = 8;
    for round in 0..ROUNDS {
        let mut write = |part| {
            let text = text(round, part);
            file.write_all(text.as_bytes()).expect("the disk takes it");
        };
        write("read");
        let last = format!("{round} read 9");
        eventually(&last, Duration::from_secs(20), || has(&last).then_some(()));
        // These may or may not be seen before they are gone.
        write("late");
        file.set_len(0).expect("cut");
    }
    for round in 0..ROUNDS {
        for line in 0..10 {
            let line = format!("{round} read {line}");
            assert!(has(&line), "{line}");
        }
    }
    let cut = invar.metric("invar_source_file_truncations_total");
    assert!(
        cut >= (ROUNDS - 1) as f64,
        "{cut} of {ROUNDS} truncations are counted"
    );
}
