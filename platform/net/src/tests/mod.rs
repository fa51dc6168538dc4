//! The client against the server, and against peers that misbehave, on each backend.

mod auth;
mod client;
mod failures;
mod grpc;
mod proxy;
mod server;
mod tls;

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use runtime::net::{ListenOptions, TcpListener, TcpStream};
use runtime::sim;
use runtime::{Backend, IoChoice, LocalBoxFuture};

use crate::tls::{ClientAuth, Identity, MinVersion, Pem, ServerTls};
use crate::*;

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every test on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const LIMITS: BodyLimits = BodyLimits {
    wire_bytes: 1 << 20,
    decoded_bytes: 1 << 20,
};

/// Runs a test on the backends that this machine has, and simulated.
fn on_each_backend<F: Future<Output = ()> + 'static>(test: fn() -> F) {
    on_real_backends(test);
    simulated(test);
}

fn on_real_backends<F: Future<Output = ()> + 'static>(test: fn() -> F) {
    let probed = runtime::probe(IoChoice::Auto).expect("some backend works");
    let mut backends = vec![Backend::Tokio];
    if probed.backend != Backend::Tokio {
        backends.push(probed.backend);
    }
    for backend in backends {
        runtime::block_on(backend, || Box::pin(test())).expect("a probed backend starts");
    }
}

/// Runs a test that depends on time: the clock jumps.
fn simulated<F: Future<Output = ()> + 'static>(test: fn() -> F) {
    sim::check(7, test);
}

fn listen() -> TcpListener {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    TcpListener::bind(any_port, &ListenOptions::exclusive()).expect("loopback")
}

/// What a test's server saw.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<Asked>>>);

struct Asked {
    method: Method,
    uri: String,
    version: Version,
    headers: HeaderMap,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl Seen {
    fn count(&self) -> usize {
        self.0.borrow().len()
    }

    fn connections(&self) -> usize {
        self.0
            .borrow()
            .iter()
            .map(|asked| asked.peer)
            .collect::<HashSet<_>>()
            .len()
    }

    fn uris(&self) -> Vec<String> {
        self.0
            .borrow()
            .iter()
            .map(|a| format!("{} {}", a.method, a.uri))
            .collect()
    }

    /// A header of the n-th request, empty if it is not there.
    fn header(&self, index: usize, name: &str) -> String {
        let asked = self.0.borrow();
        let value = asked[index].headers.get(name);
        value
            .map(|value| value.to_str().expect("text").to_owned())
            .unwrap_or_default()
    }
}

/// A server that remembers what it was asked and answers with `answer`.
struct TestServer {
    address: SocketAddr,
    seen: Seen,
    server: Server,
}

impl TestServer {
    fn start(answer: impl Fn(&Asked) -> Answer + 'static) -> TestServer {
        TestServer::with(ServerOptions::standard(), answer)
    }

    fn with(options: ServerOptions, answer: impl Fn(&Asked) -> Answer + 'static) -> TestServer {
        let listener = listen();
        let address = listener.local_addr().expect("bound");
        let seen = Seen::default();
        let server = serve(listener, remembering(seen.clone(), answer), options);
        TestServer {
            address,
            seen,
            server,
        }
    }

    fn url(&self, path: &str) -> Target {
        Target::parse(&format!("http://{}{path}", self.address)).expect("valid")
    }

    /// By name, as the certificates want it.
    fn https(&self, path: &str) -> Target {
        let port = self.address.port();
        Target::parse(&format!("https://localhost:{port}{path}")).expect("valid")
    }
}

fn remembering(seen: Seen, answer: impl Fn(&Asked) -> Answer + 'static) -> Handler {
    let answer = Rc::new(answer);
    Rc::new(move |mut incoming: Incoming| {
        let (seen, answer) = (seen.clone(), answer.clone());
        let answering: LocalBoxFuture<'static, Answer> = Box::pin(async move {
            let mut body = Vec::new();
            incoming
                .read_body(LIMITS, &mut body)
                .await
                .expect("tests send good bodies");
            let asked = Asked {
                method: incoming.method.clone(),
                uri: incoming.uri.to_string(),
                version: incoming.version,
                headers: incoming.headers.clone(),
                body,
                peer: incoming.peer,
            };
            let answer = answer(&asked);
            seen.0.borrow_mut().push(asked);
            answer
        });
        answering
    })
}

fn ok(body: &'static str) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer.body = Bytes::from_static(body.as_bytes());
    answer
}

fn redirect(status: u16, location: &str) -> Answer {
    let mut answer = Answer::empty(StatusCode::from_u16(status).expect("a status"));
    let location = HeaderValue::from_str(location).expect("text");
    answer.headers.insert(header::LOCATION, location);
    answer.body = Bytes::from_static(b"moved");
    answer
}

fn client(change: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = ClientOptions::new("test/1");
    change(&mut options);
    Client::new(options).expect("valid options")
}

async fn get(client: &Client, target: &Target) -> Result<Response, HttpError> {
    client.send(&Request::get(target), PATIENCE, LIMITS).await
}

fn kind(result: Result<Response, HttpError>) -> ErrorKind {
    match result {
        Ok(response) => panic!("unexpected answer {}", response.head.status),
        Err(error) => error.kind(),
    }
}

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

fn text(name: &str) -> Pem {
    Pem::Inline(Secret::new(&bytes_of(name)))
}

#[allow(clippy::disallowed_methods)] // Fixtures of the repository, read before the test begins.
fn bytes_of(name: &str) -> String {
    std::fs::read_to_string(testdata(name)).expect("a file in testdata")
}

fn identity(name: &str) -> Identity {
    Identity {
        certificate: text(&format!("{name}.pem")),
        key: text(&format!("{name}.key")),
    }
}

fn tls_server(client_auth: ClientAuth) -> ServerOptions {
    let mut options = ServerOptions::standard();
    let min_version = MinVersion::Tls12;
    options.tls = Some(ServerTls {
        identity: identity("server"),
        client_auth,
        min_version,
    });
    options
}

/// Reads until `end` has come or the peer has closed.
async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while !all.ends_with(end) {
        let (read, buffer) = stream.read(Vec::with_capacity(1024)).await;
        match read {
            Ok(0) | Err(_) => break,
            Ok(_) => all.extend_from_slice(&buffer),
        }
    }
    all
}

async fn write(stream: &mut TcpStream, text: &'static str) {
    let (written, _) = stream.write_all(Bytes::from_static(text.as_bytes())).await;
    written.expect("the peer reads");
}
