//! Containers of a made-up engine, from its API to a sink.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use engine::testing::{Mood, SINK, TestShard, body, log_receivers, node, sink};
use net::Bytes;
use runtime::net::{ListenOptions, TcpListener, TcpStream};
use runtime::sim::check;
use runtime::sync::Notify;
use schema::{Body, Targets, Value};

use super::COMPONENT;

const NODE: &str = "loki.source.docker.d";
const SINK_NODE: &str = "test.sink.out";
const START_S: i64 = 1_700_000_000;

/// An engine with one container.
struct Engine {
    address: SocketAddr,
    container: Rc<Container>,
    task: runtime::Task,
}

#[derive(Default)]
struct Container {
    terminal: Cell<bool>,
    running: Cell<bool>,
    gone: Cell<bool>,
    finished: RefCell<String>,
    /// Seconds, whether it is stderr, and the line behind its time.
    lines: RefCell<Vec<(i64, bool, String)>>,
    changed: Notify,
    paths: RefCell<Vec<String>>,
}

impl Engine {
    fn start() -> Engine {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(any, &ListenOptions::exclusive()).expect("a port");
        let address = listener.local_addr().expect("bound");
        let container = Rc::new(Container::default());
        container.running.set(true);
        let shared = container.clone();
        let task = runtime::spawn(async move {
            let tasks = engine::TaskSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let container = shared.clone();
                tasks.spawn(async move { container.answer(stream).await });
            }
        });
        Engine {
            address,
            container,
            task,
        }
    }

    fn log(&self, second: i64, line: &str) {
        let stderr = line.starts_with('!');
        let line = (START_S + second, stderr, line.to_owned());
        self.container.lines.borrow_mut().push(line);
        self.container.changed.notify_all();
    }

    fn end(&self, second: i64) {
        let text = format!("2023-11-14T22:13:{:02}Z", 20 + second);
        self.container.finished.replace(text);
        self.container.running.set(false);
        self.container.changed.notify_all();
    }

    fn logs_asked(&self) -> Vec<String> {
        let paths = self.container.paths.borrow();
        paths
            .iter()
            .filter(|it| it.contains("/logs?"))
            .cloned()
            .collect()
    }
}

impl Container {
    async fn answer(&self, mut stream: TcpStream) {
        loop {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(Vec::with_capacity(4096)).await {
                    (Ok(1..), bytes) => request.extend(bytes),
                    _ => return,
                }
            }
            let request = String::from_utf8(request).expect("text");
            let path = request.split(' ').nth(1).expect("a path").to_owned();
            self.paths.borrow_mut().push(path.clone());
            if self.gone.get() {
                let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                write(&mut stream, text.into()).await;
                continue;
            }
            if path.ends_with("/json") {
                let (tty, running) = (self.terminal.get(), self.running.get());
                let finished = self.finished.borrow().clone();
                let state = format!(r#"{{"Running":{running},"FinishedAt":"{finished}"}}"#);
                let text = format!(r#"{{"Config":{{"Tty":{tty}}},"State":{state}}}"#);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
                write(&mut stream, (head + &text).into()).await;
                continue;
            }
            let since = path
                .split("since=")
                .nth(1)
                .and_then(|it| it.split('&').next());
            let since: i64 = since.expect("it is asked").parse().expect("seconds");
            return self.follow(stream, since).await;
        }
    }

    async fn follow(&self, mut stream: TcpStream, since: i64) {
        write(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()).await;
        let mut sent = 0;
        loop {
            let changed = self.changed.notified();
            let lines: Vec<_> = self.lines.borrow()[sent..].to_vec();
            sent += lines.len();
            for (second, stderr, line) in lines {
                if second < since {
                    continue;
                }
                let past = second - START_S;
                let content = format!("2023-11-14T22:13:{:02}.000000001Z {line}\n", 20 + past);
                let mut bytes = Vec::new();
                if !self.terminal.get() {
                    bytes.extend([if stderr { 2 } else { 1 }, 0, 0, 0]);
                    bytes.extend((content.len() as u32).to_be_bytes());
                }
                bytes.extend(content.as_bytes());
                write(&mut stream, bytes).await;
            }
            if !self.running.get() {
                return;
            }
            changed.await;
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: Vec<u8>) {
    // Whoever asked may have gone.
    let _ = stream.write_all(Bytes::from(bytes)).await;
}

fn arguments<const N: usize>(engine: &Engine, more: [(&str, Value); N]) -> Body {
    let target = |labels: [(&str, &str); 3]| schema::Target::new(labels);
    let targets = Targets::new(vec![target([
        ("__meta_docker_container_id", "c1"),
        ("__meta_docker_container_name", "/web"),
        ("job", "target"),
    ])]);
    let mut arguments = body([
        ("host", Value::string(format!("tcp://{}", engine.address))),
        ("targets", Value::Targets(targets)),
        ("forward_to", log_receivers(&[SINK_NODE])),
    ]);
    arguments.attributes.extend(body(more).attributes);
    arguments
}

async fn started(arguments: Body) -> TestShard {
    let shard = TestShard::start();
    apply(&shard, arguments).await;
    shard
}

async fn apply(shard: &TestShard, arguments: Body) {
    let nodes = [
        node(&COMPONENT, NODE, arguments),
        node(&SINK, SINK_NODE, body([])),
    ];
    let errors = shard.apply(&nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// Lines that came since, once nothing comes any more: labels, text and time.
async fn lines() -> Vec<String> {
    runtime::sleep(Duration::from_secs(8)).await;
    sink(SINK_NODE).take()
}

/// The same without labels and times.
async fn texts() -> Vec<String> {
    let text = |line: &String| {
        let (_, rest) = line.split_once("} ").expect("labels");
        rest.rsplit_once('@').expect("a time").0.to_owned()
    };
    lines().await.iter().map(text).collect()
}

#[test]
fn both_streams_are_followed_with_times_and_labels() {
    check(1, || async {
        let engine = Engine::start();
        engine.log(0, "one");
        engine.log(1, "!bad");
        engine.log(1, "");
        let labels = [("job".to_owned(), Value::from("over"))];
        let labels = Value::object(labels);
        let _shard = started(arguments(&engine, [("labels", labels)])).await;
        let expected = [
            r#"{job="over"} one@1700000000000000001"#,
            r#"{job="over"} !bad@1700000001000000001"#,
        ];
        assert_eq!(lines().await, expected);
        engine.log(2, "two");
        assert_eq!(texts().await, ["two"]);
        let asked = "/containers/c1/logs?follow=1&since=0&stderr=1&stdout=1&timestamps=1";
        assert_eq!(engine.logs_asked(), [asked]);
        engine.task.abort();
    });
}

#[test]
fn a_terminal_has_lines_without_frames() {
    check(1, || async {
        let engine = Engine::start();
        engine.container.terminal.set(true);
        engine.log(0, "one");
        engine.log(1, "two");
        let _shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["one", "two"]);
    });
}

#[test]
fn after_a_stop_nothing_comes_twice() {
    check(1, || async {
        let engine = Engine::start();
        engine.log(0, "one");
        engine.log(5, "two");
        let shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["one", "two"]);
        shard.drain().await;
        engine.log(6, "three");
        let shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["three"]);
        let since = format!("since={}&", START_S + 4);
        assert!(
            engine.logs_asked()[1].contains(&since),
            "{:?}",
            engine.logs_asked()
        );
        shard.drain().await;
    });
}

#[test]
fn lines_that_are_not_taken_are_read_again() {
    check(1, || async {
        let engine = Engine::start();
        engine.log(0, "one");
        let shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["one"]);
        sink(SINK_NODE).mood.set(Mood::Refuse);
        engine.log(1, "two");
        assert_eq!(texts().await, [""; 0]);
        shard.drain().await;
        let shard = started(arguments(&engine, [])).await;
        sink(SINK_NODE).mood.set(Mood::Take);
        assert_eq!(texts().await, ["two"]);
        shard.drain().await;
    });
}

#[test]
fn a_container_that_ends_is_followed_again_when_it_runs() {
    check(1, || async {
        let engine = Engine::start();
        engine.log(0, "one");
        let shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["one"]);
        engine.end(1);
        assert_eq!(texts().await, [""; 0]);
        let asked = engine.logs_asked().len();
        engine.container.running.set(true);
        engine.log(2, "again");
        assert_eq!(texts().await, ["again"]);
        assert_eq!(engine.logs_asked().len(), asked + 1);
        // Once it is removed, it is not asked for any more.
        engine.container.gone.set(true);
        engine.end(3);
        assert_eq!(texts().await, [""; 0]);
        let asked = engine.container.paths.borrow().len();
        assert_eq!(texts().await, [""; 0]);
        assert_eq!(engine.container.paths.borrow().len(), asked);
        shard.drain().await;
    });
}

#[test]
fn other_arguments_are_taken_without_reading_anything_twice() {
    check(1, || async {
        let engine = Engine::start();
        engine.log(0, "one");
        let shard = started(arguments(&engine, [])).await;
        assert_eq!(texts().await, ["one"]);
        let timeout = ("refresh_interval", Value::from("7s"));
        apply(&shard, arguments(&engine, [timeout])).await;
        engine.log(1, "two");
        assert_eq!(texts().await, ["two"]);
        assert_eq!(engine.logs_asked().len(), 2);
        let none = ("targets", Value::Targets(Targets::new(Vec::new())));
        let mut without = arguments(&engine, []);
        without.attributes.retain(|it| it.name != "targets");
        without.attributes.extend(body([none]).attributes);
        apply(&shard, without).await;
        engine.log(2, "three");
        assert_eq!(texts().await, [""; 0]);
        shard.drain().await;
    });
}
