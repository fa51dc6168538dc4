//! A Loki that shows every line to whoever wants to know, in the order in which they came, and can
//! refuse for a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use crate::http::{self, Answer};
use crate::wire::fields;

/// What is shown: the labels of a stream and a line.
type Look = dyn FnMut(&str, &[u8]) + Send;

/// A Loki that takes pushes.
#[derive(Clone)]
pub struct LokiSink {
    port: u16,
    refuse: Arc<AtomicU16>,
}

/// Lines by stream.
pub type Streams = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

impl LokiSink {
    /// Starts on a free port and keeps all lines; any path takes pushes.
    pub fn keeping() -> (LokiSink, Streams) {
        let streams = Streams::default();
        let kept = streams.clone();
        let sink = LokiSink::start(move |labels, line| {
            let line = String::from_utf8_lossy(line).into_owned();
            let mut kept = kept.lock().expect("no holder panics");
            kept.entry(labels.to_owned()).or_default().push(line);
        });
        (sink, streams)
    }

    /// Starts on a free port; any path takes pushes.
    pub fn start(look: impl FnMut(&str, &[u8]) + Send + 'static) -> LokiSink {
        let refuse = Arc::new(AtomicU16::new(0));
        let look: Mutex<Box<Look>> = Mutex::new(Box::new(look));
        let status = refuse.clone();
        let port = http::serve(move |request| {
            let refused = status.load(Ordering::SeqCst);
            if refused != 0 {
                return Answer::status(refused);
            }
            take(&request.body, &mut **look.lock().expect("no holder panics"));
            Answer::status(204)
        });
        LokiSink { port, refuse }
    }

    /// Answers every push with `status` until told otherwise; 0 accepts again.
    pub fn refuse(&self, status: u16) {
        self.refuse.store(status, Ordering::SeqCst);
    }

    /// The configuration's URL of this sink.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/loki/api/v1/push", self.port)
    }
}

/// Decodes a push by hand: an oracle shares no code with what it checks.
fn take(body: &[u8], look: &mut Look) {
    let message = snap::raw::Decoder::new()
        .decompress_vec(body)
        .expect("a snappy block");
    for (_, stream) in fields(&message).filter(|(number, _)| *number == 1) {
        let (mut labels, mut lines) = (String::new(), Vec::new());
        for (number, value) in fields(stream.bytes()) {
            match number {
                1 => labels = String::from_utf8_lossy(value.bytes()).into_owned(),
                2 => lines.push(line_of(value.bytes())),
                _ => {}
            }
        }
        lines.iter().for_each(|line| look(&labels, line));
    }
}

fn line_of(entry: &[u8]) -> &[u8] {
    let line = fields(entry).find(|(number, _)| *number == 2);
    line.map_or(&[], |(_, line)| line.bytes())
}
