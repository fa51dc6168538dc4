//! A scrape target whose samples are numbered, so that a lost or repeated scrape can be told from
//! its values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::{self, Answer};

/// Serves `series` series `m{i="0"}`, ...; the value of each is the number of the scrape.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    scrapes: Arc<AtomicU64>,
}

impl Target {
    /// Starts on a free port.
    pub fn start(series: usize) -> Target {
        let scrapes = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&scrapes);
        let port = http::serve(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let mut body = String::with_capacity(series * 24);
            for index in 0..series {
                body += &format!("m{{i=\"{index}\"}} {number}\n");
            }
            Answer {
                status: 200,
                content_type: "text/plain; version=0.0.4",
                body: body.into_bytes(),
            }
        });
        Target { port, scrapes }
    }

    /// How often it was scraped.
    pub fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::SeqCst)
    }
}
