//! What tests of this family have around them: targets that expose, receivers of remote write.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use batch::is_stale;
use formats::remote_write::{Limits, v1, v2};
use formats::snappy;
use net::{Answer, BodyLimits, Bytes, HeaderMap, HeaderValue, Incoming, Server, ServerOptions};
use net::{StatusCode, header, serve};
use runtime::LocalBoxFuture;
use runtime::net::{ListenOptions, TcpListener};
use schema::Value;

fn listen(port: u16) -> (TcpListener, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(address, &ListenOptions::exclusive()).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// A target that answers with a page that may change.
pub struct Exposer {
    pub address: SocketAddr,
    pub page: Rc<RefCell<Page>>,
    pub asked: Rc<RefCell<Vec<String>>>,
    _server: Server,
}

#[derive(Clone)]
pub struct Page {
    pub status: u16,
    pub media: &'static str,
    pub text: String,
    /// In place of the text, if it is not empty.
    pub bytes: Vec<u8>,
    pub delay: Duration,
}

impl Exposer {
    pub fn start(text: &str) -> Exposer {
        let (listener, address) = listen(0);
        let media = "text/plain; version=0.0.4";
        let page = Page {
            status: 200,
            media,
            text: text.to_owned(),
            bytes: Vec::new(),
            delay: Duration::ZERO,
        };
        let page = Rc::new(RefCell::new(page));
        let asked: Rc<RefCell<Vec<String>>> = Rc::default();
        let (shown, seen) = (page.clone(), asked.clone());
        let handler = Rc::new(move |incoming: Incoming| -> LocalBoxFuture<'static, _> {
            seen.borrow_mut().push(incoming.uri.to_string());
            let page = shown.borrow().clone();
            Box::pin(async move {
                runtime::sleep(page.delay).await;
                let status = StatusCode::from_u16(page.status).expect("a status");
                let mut answer = Answer::empty(status);
                let media = HeaderValue::from_static(page.media);
                answer.headers.insert(header::CONTENT_TYPE, media);
                answer.body = match page.bytes.is_empty() {
                    true => Bytes::from(page.text),
                    false => Bytes::from(page.bytes),
                };
                answer
            })
        });
        let server = serve(listener, handler, ServerOptions::standard());
        Exposer {
            address,
            page,
            asked,
            _server: server,
        }
    }

    pub fn show(&self, text: &str) {
        self.page.borrow_mut().text = text.to_owned();
    }

    pub fn target(&self) -> Value {
        self.target_with([("instance", "i"), ("job", "j")])
    }

    pub fn target_with<const N: usize>(&self, labels: [(&str, &str); N]) -> Value {
        let address = ("__address__".to_owned(), self.address.to_string());
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let labels = labels.into_iter().chain([address]);
        Value::object(labels.map(|(name, value)| (name, Value::string(value))))
    }
}

/// A receiver of remote write of both versions.
pub struct Receiver {
    pub address: SocketAddr,
    pub got: Rc<Got>,
    _server: Server,
}

/// What a receiver got, and what it answers.
pub struct Got {
    /// `name{label="value"} 1@2000` of requests that it took, in their order.
    pub lines: RefCell<Vec<String>>,
    /// Samples of each request that it took.
    pub sizes: RefCell<Vec<usize>>,
    pub metadata: RefCell<Vec<String>>,
    pub headers: RefCell<Vec<HeaderMap>>,
    pub requests: Cell<usize>,
    pub status: Cell<u16>,
    pub retry_after: RefCell<Option<String>>,
    /// Samples that it says to have written.
    pub written: Cell<Option<u64>>,
    pub delay: Cell<Duration>,
}

const LIMITS: Limits = Limits {
    series_max: 100_000,
    labels_per_series_max: 100,
    items_max: 1_000_000,
};

impl Receiver {
    pub fn start() -> Receiver {
        Receiver::on_port(0)
    }

    pub fn on_port(port: u16) -> Receiver {
        let (listener, address) = listen(port);
        let got = Rc::new(Got {
            lines: RefCell::default(),
            sizes: RefCell::default(),
            metadata: RefCell::default(),
            headers: RefCell::default(),
            requests: Cell::new(0),
            status: Cell::new(204),
            retry_after: RefCell::default(),
            written: Cell::default(),
            delay: Cell::default(),
        });
        let keep = got.clone();
        let handler = Rc::new(move |incoming: Incoming| -> LocalBoxFuture<'static, _> {
            let got = keep.clone();
            Box::pin(async move { got.answer(incoming).await })
        });
        let server = serve(listener, handler, ServerOptions::standard());
        Receiver {
            address,
            got,
            _server: server,
        }
    }

    pub fn url(&self) -> Value {
        Value::string(format!("http://{}/api/v1/write", self.address))
    }
}

impl Got {
    async fn answer(&self, mut incoming: Incoming) -> Answer {
        let mut body = Vec::new();
        let read = incoming
            .read_body(BodyLimits::both(64 << 20), &mut body)
            .await;
        read.expect("the sender sends it whole");
        self.requests.set(self.requests.get() + 1);
        self.headers.borrow_mut().push(incoming.headers.clone());
        runtime::sleep(self.delay.get()).await;
        let status = self.status.get();
        if status < 300 {
            let kind = incoming.headers.get(header::CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            self.keep(&body, kind.ends_with("write.v2.Request"));
        }
        let mut answer = Answer::text(StatusCode::from_u16(status).expect("a status"), "told to");
        if let Some(written) = self.written.get() {
            let name = "x-prometheus-remote-write-samples-written";
            answer.headers.insert(name, HeaderValue::from(written));
        }
        if let Some(wish) = &*self.retry_after.borrow() {
            let wish = HeaderValue::from_str(wish).expect("a header");
            answer.headers.insert(header::RETRY_AFTER, wish);
        }
        answer
    }

    fn keep(&self, body: &[u8], second: bool) {
        let mut plain = Vec::new();
        snappy::decompress(body, 64 << 20, &mut plain).expect("a snappy block");
        let request = if second {
            v2::decode(&plain, &LIMITS)
        } else {
            v1::decode(&plain, &LIMITS)
        };
        let request = request.expect("a request");
        let mut samples = 0;
        for series in &request.series {
            let labels = series.labels.iter().filter(|(name, _)| *name != "__name__");
            let labels: Vec<String> = labels
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            let name = series.labels.get("__name__").unwrap_or_default();
            for (time, value) in &series.samples {
                samples += 1;
                let value = if is_stale(*value) {
                    "STALE".to_owned()
                } else {
                    value.to_string()
                };
                let line = format!("{name}{{{}}} {value}@{time}", labels.join(","));
                self.lines.borrow_mut().push(line);
            }
            for (time, histogram) in &series.histograms {
                samples += 1;
                let shown = engine::testing::histogram(histogram);
                let line = format!("{name}{{{}}} {shown}@{time}", labels.join(","));
                self.lines.borrow_mut().push(line);
            }
            if let Some(metadata) = &series.metadata {
                let (kind, help) = (metadata.kind.name(), &metadata.help);
                let line = format!("{name} {kind} {help} {}", metadata.unit);
                self.metadata.borrow_mut().push(line);
            }
            for (_, value, exemplar) in &series.exemplars {
                let line = format!(
                    "{name}{{{}}} exemplar {exemplar:?} {value}",
                    labels.join(",")
                );
                self.lines.borrow_mut().push(line);
            }
        }
        self.sizes.borrow_mut().push(samples);
        for metadata in &request.metadata {
            let line = format!("{} {}", metadata.name, metadata.kind.name());
            self.metadata.borrow_mut().push(line);
        }
    }
}
