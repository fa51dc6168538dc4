//! A remote-write sink that remembers every sample, and can refuse for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use crate::http::{self, Answer};
use crate::wire::{Field, fields};

/// One sample: timestamp in milliseconds and value.
pub type Point = (i64, f64);

/// What a remote-write receiver got so far.
#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    series: Arc<Mutex<HashMap<String, Vec<Point>>>>,
    refuse: Arc<AtomicU16>,
}

impl Sink {
    /// Starts on a free port; any path takes writes.
    pub fn start() -> Sink {
        let series = Arc::new(Mutex::new(HashMap::new()));
        let refuse = Arc::new(AtomicU16::new(0));
        let (kept, status) = (Arc::clone(&series), Arc::clone(&refuse));
        let port = http::serve(move |request| {
            let refused = status.load(Ordering::SeqCst);
            if refused != 0 {
                return Answer::status(refused);
            }
            take(&request.body, &mut kept.lock().expect("no holder panics"));
            Answer::status(204)
        });
        Sink {
            port,
            series,
            refuse,
        }
    }

    /// Answers every write with `status` until told otherwise; 0 accepts again.
    pub fn refuse(&self, status: u16) {
        self.refuse.store(status, Ordering::SeqCst);
    }

    /// The configuration's URL of this sink.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1/write", self.port)
    }

    /// All points of the series whose text (`name{label="value",...}`, labels sorted) is `series`.
    pub fn points(&self, series: &str) -> Vec<Point> {
        self.series
            .lock()
            .expect("no holder panics")
            .get(series)
            .cloned()
            .unwrap_or_default()
    }

    /// The names of all series, sorted.
    pub fn series(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .series
            .lock()
            .expect("no holder panics")
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    }

    /// How many samples arrived in all.
    pub fn count(&self) -> usize {
        self.series
            .lock()
            .expect("no holder panics")
            .values()
            .map(Vec::len)
            .sum()
    }
}

/// Decodes a version 1 request by hand: an oracle shares no code with what it checks.
fn take(body: &[u8], into: &mut HashMap<String, Vec<Point>>) {
    let message = snap::raw::Decoder::new()
        .decompress_vec(body)
        .expect("a snappy block");
    for (_, series) in fields(&message).filter(|(number, _)| *number == 1) {
        let series = series.bytes();
        let (mut labels, mut points) = (Vec::new(), Vec::new());
        for (number, value) in fields(series) {
            match number {
                1 => labels.push(pair(value.bytes())),
                2 => points.push(point(value.bytes())),
                _ => {}
            }
        }
        let name = labels
            .iter()
            .find(|(key, _)| key == "__name__")
            .map_or("", |(_, value)| value);
        let rest: Vec<String> = labels
            .iter()
            .filter(|(key, _)| key != "__name__")
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        into.entry(format!("{name}{{{}}}", rest.join(",")))
            .or_default()
            .extend(points);
    }
}

fn pair(message: &[u8]) -> (String, String) {
    let mut texts = [String::new(), String::new()];
    for (number, value) in fields(message) {
        texts[number as usize - 1] =
            String::from_utf8(value.bytes().to_vec()).expect("labels are UTF-8");
    }
    texts.into()
}

fn point(message: &[u8]) -> Point {
    let mut point = (0, 0.0);
    for (number, value) in fields(message) {
        match (number, value) {
            (1, Field::Fixed(bits)) => point.1 = f64::from_bits(bits),
            (2, Field::Varint(time)) => point.0 = time.cast_signed(),
            _ => panic!("not a sample's field: {number}"),
        }
    }
    point
}
