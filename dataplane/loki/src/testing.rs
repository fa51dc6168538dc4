//! What tests of this family have around them: a Loki that takes pushes and misbehaves when asked.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch};
use formats::loki_push::{Limits, decode, parse_labels};
use formats::snappy;
use net::{Answer, BodyLimits, Bytes, Client, ClientOptions, HeaderMap, HeaderName, HeaderValue};
use net::{Incoming, Request, Server, ServerOptions, StatusCode, Target, serve};
use runtime::LocalBoxFuture;
use runtime::net::{ListenOptions, TcpListener};
use schema::Value;

/// A receiver of pushes.
pub struct Loki {
    pub address: SocketAddr,
    pub got: Rc<Got>,
    _server: Server,
}

/// What a receiver got, and what it answers.
#[derive(Default)]
pub struct Got {
    /// As `engine::testing::log_lines`, of requests that it took, in their order.
    pub lines: RefCell<Vec<String>>,
    pub headers: RefCell<Vec<HeaderMap>>,
    /// Answers to the next requests; 204 when there are none left.
    pub statuses: RefCell<Vec<u16>>,
    pub requests: Cell<usize>,
}

const LIMITS: Limits = Limits {
    streams_max: 10_000,
    entries_max: 1_000_000,
    pairs_max: 1_000_000,
};

impl Loki {
    pub fn start() -> Loki {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(address, &ListenOptions::exclusive());
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let got = Rc::new(Got::default());
        let keep = got.clone();
        let handler = Rc::new(move |incoming: Incoming| -> LocalBoxFuture<'static, _> {
            let got = keep.clone();
            Box::pin(async move { got.answer(incoming).await })
        });
        let server = serve(listener, handler, ServerOptions::standard());
        Loki {
            address,
            got,
            _server: server,
        }
    }

    pub fn url(&self) -> Value {
        Value::string(format!("http://{}/loki/api/v1/push", self.address))
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
        let mut statuses = self.statuses.borrow_mut();
        let status = match statuses.is_empty() {
            true => 204,
            false => statuses.remove(0),
        };
        if status < 300 {
            self.lines.borrow_mut().extend(lines(&body));
        }
        Answer::text(StatusCode::from_u16(status).expect("a status"), "told to")
    }
}

fn lines(body: &[u8]) -> Vec<String> {
    let mut batch = LogsBatch::default();
    snappy::decompress(body, 64 << 20, &mut batch.text).expect("a snappy block");
    let mut labels = |text: &[u8]| {
        let mut labels = LabelsBuf::new();
        parse_labels(text, &mut labels).expect("labels");
        Some(Rc::new(labels))
    };
    decode(&mut batch, &LIMITS, &mut labels).expect("a push request");
    engine::testing::log_lines(&batch)
}

/// Posts to a source of this shard: status and text of the answer.
pub async fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let target = Target::parse(&format!("http://{address}{path}")).expect("a URL");
    let mut request = Request::post(&target, Bytes::copy_from_slice(body));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = HeaderValue::from_str(value).expect("a value");
        request.headers.insert(name, value);
    }
    let client = Client::new(ClientOptions::new("test")).expect("plain options");
    let limits = BodyLimits::both(1 << 20);
    let answer = client.send(&request, Duration::from_secs(5), limits).await;
    let answer = answer.expect("an answer");
    let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
    (answer.head.status.as_u16(), text)
}
