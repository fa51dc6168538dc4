//! A remote-write sender that numbers its samples and remembers which were acknowledged.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::http;

/// Sends `pushed{i="0"} n`, `pushed{i="1"} n`, ... with n = 1, 2, ... until it is stopped. A
/// request that is not acknowledged is sent again, as senders do.
pub struct Pusher {
    acknowledged: Arc<Mutex<Vec<u64>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    /// Starts to send to the receiver on `port`, `series` samples a request.
    pub fn start(port: u16, series: usize) -> Pusher {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (acks, stopped) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for number in 1.. {
                let body = request((0..series).map(|index| index.to_string()), number);
                while !send(port, &body) {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                acks.lock().expect("no holder panics").push(number);
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Pusher {
            acknowledged,
            stop,
            thread: Some(thread),
        }
    }

    /// Stops; gives the numbers of all acknowledged requests.
    pub fn stop(mut self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread
            .take()
            .expect("stopped once")
            .join()
            .expect("the sender does not panic");
        self.acknowledged.lock().expect("no holder panics").clone()
    }

    /// How many requests were acknowledged so far.
    pub fn count(&self) -> usize {
        self.acknowledged.lock().expect("no holder panics").len()
    }
}

/// Sends a sample of `pushed{i="...N"}` for each of these numbers, which is a long text; gives the
/// answer's status.
pub fn push_once(port: u16, series: Range<u64>) -> std::io::Result<u16> {
    let values = series.map(|number| format!("{number:0>600}"));
    post(port, &request(values, 1)).map(|response| response.status)
}

fn send(port: u16, body: &[u8]) -> bool {
    post(port, body).is_ok_and(|response| response.status == 204)
}

fn post(port: u16, body: &[u8]) -> std::io::Result<http::Response> {
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];
    http::send(port, "POST", "/api/v1/metrics/write", &headers, body)
}

/// A version 1 request; the time of request n is n milliseconds after a fixed one.
fn request(values: impl Iterator<Item = String>, number: u64) -> Vec<u8> {
    let mut message = Vec::new();
    for value in values {
        let mut inner = Vec::new();
        for (name, value) in [("__name__", "pushed"), ("i", value.as_str())] {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut inner, 1, &label);
        }
        let mut sample = vec![0x09];
        sample.extend_from_slice(&(number as f64).to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, 1_790_000_000_000 + number);
        bytes(&mut inner, 2, &sample);
        bytes(&mut message, 1, &inner);
    }
    snap::raw::Encoder::new()
        .compress_vec(&message)
        .expect("small enough for snappy")
}

fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
