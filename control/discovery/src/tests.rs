//! The rig of this crate's tests: one resolver on a control thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use eval::Instance;
pub use eval::rig::{block, body, refusals, start, start_body};
use schema::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Runs a test on a control thread.
pub fn on_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Runs a test on a control thread with a clock that jumps over waiting.
pub fn on_paused_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// What an instance exports as its targets.
pub fn targets(instance: &Instance) -> schema::Targets {
    match instance.exports() {
        Value::Object(exports) => match exports.get("targets") {
            Some(Value::Targets(targets)) => targets.clone(),
            other => panic!("{other:?} are no targets"),
        },
        other => panic!("{other:?} are no exports"),
    }
}

/// Waits until `done`, at most 20 seconds.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let result = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
    assert!(result.is_ok(), "{what} did not come");
}

/// A server that gives a path the answer that was last set for it, 404 to others.
pub struct Server {
    url: String,
    routes: Routes,
    requests: Rc<RefCell<Vec<String>>>,
}

type Routes = Rc<RefCell<BTreeMap<String, Answer>>>;

/// Status, headers and body.
#[derive(Clone, Default)]
struct Answer {
    status: String,
    headers: String,
    body: String,
}

impl Server {
    /// On loopback.
    pub async fn start() -> Server {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback");
        let address = listener.local_addr().expect("it is bound");
        let server = Server::new(format!("http://{address}"));
        let (routes, requests) = (server.routes.clone(), server.requests.clone());
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("loopback");
                tokio::task::spawn_local(serve(stream, routes.clone(), requests.clone()));
            }
        });
        server
    }

    #[cfg(unix)]
    pub async fn start_unix(path: &std::path::Path) -> Server {
        let listener = tokio::net::UnixListener::bind(path).expect("a scratch folder");
        let server = Server::new(String::new());
        let (routes, requests) = (server.routes.clone(), server.requests.clone());
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a socket");
                tokio::task::spawn_local(serve(stream, routes.clone(), requests.clone()));
            }
        });
        server
    }

    fn new(url: String) -> Server {
        Server {
            url,
            routes: Rc::default(),
            requests: Rc::default(),
        }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn answer(&self, path: &str, status: &str, body: &str) {
        self.answer_with(path, status, "", body);
    }

    /// `headers` each end with a line break.
    pub fn answer_with(&self, path: &str, status: &str, headers: &str, body: &str) {
        let answer = Answer {
            status: status.to_owned(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        };
        self.routes.borrow_mut().insert(path.to_owned(), answer);
    }

    /// Heads of the requests that came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }
}

async fn serve<S>(mut stream: S, routes: Routes, requests: Rc<RefCell<Vec<String>>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            // The client went away.
            Err(_) => return,
        }
    }
    let request = String::from_utf8(request).expect("a request is text");
    let path = request
        .split([' ', '?'])
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    requests.borrow_mut().push(request);
    let found = routes.borrow().get(&path).cloned();
    let answer = found.unwrap_or_else(|| Answer {
        status: "404 Not Found".to_owned(),
        ..Answer::default()
    });
    let text = format!(
        "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n{}\r\n{}",
        answer.status,
        answer.body.len(),
        answer.headers,
        answer.body
    );
    // A client that is gone by now does not want it.
    if let Err(error) = stream.write_all(text.as_bytes()).await {
        tracing::debug!("nobody reads the answer: {error}");
    }
}
