//! The containers of an instance: which are followed, and where that has come to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch};
use blocks::{ClientContext, DockerHost};
use engine::{Batch, Build, BuildError, Fanout, Health, Ledger, TaskSet, Throttle};
use net::Client;
use ops::relabel::{self, Rule};
use runtime::metrics::Gauge;
use runtime::sync::Notify;
use schema::{Block, Body, Target, Value};

use super::follow::{Followed, Tail};
use super::{ENTRIES, ERRORS, SourceDockerArguments};
use crate::cursors::Cursors;
use crate::source_file::positions::Key;
use crate::source_file::targets::label_text;

/// The label that names a container.
const CONTAINER_ID: &str = "__meta_docker_container_id";

/// The label that tells lines of the two streams apart, for rules.
const LOG_STREAM: &str = "__meta_docker_container_log_stream";

/// How long lines on their way may take when following ends.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// How often lines that cannot be read are logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// An instance.
pub struct Containers {
    cx: Build,
    arguments: RefCell<Arc<SourceDockerArguments>>,
    reading: RefCell<Rc<Reading>>,
    /// Other settings of reading came: all containers are followed anew.
    reset: Cell<bool>,
    forward: RefCell<Fanout>,
    pub(super) cursors: RefCell<Option<Rc<Cursors>>>,
    tails: RefCell<BTreeMap<Key, (Rc<Tail>, TaskSet)>>,
    changed: Notify,
    idle: Notify,
    /// Batches on their way.
    sending: Cell<usize>,
    pub(super) stopping: Cell<bool>,
    pub(super) ledger: Ledger,
    bad: Throttle,
    entries: Gauge,
    errors: Gauge,
}

/// How logs are read and labelled.
pub struct Reading {
    pub client: Client,
    /// What stands before the paths of the API.
    pub url: String,
    pub answer_timeout: Duration,
    rules: Vec<Rule>,
}

impl Reading {
    fn new(arguments: &SourceDockerArguments, cx: &Build) -> Result<Reading, BuildError> {
        let context = ClientContext {
            user_agent: &cx.globals.user_agent,
            overrides: &[],
        };
        let mut options = arguments.http_client_config.options(&context);
        let url = match DockerHost::parse(&arguments.host).map_err(BuildError::new)? {
            DockerHost::Http(url) => url,
            DockerHost::Unix(path) => {
                options.socket_path = Some(path.into());
                "http://docker".to_owned()
            }
        };
        let client = Client::new(options);
        Ok(Reading {
            client: client.map_err(|error| BuildError::new(error.to_string()))?,
            url,
            answer_timeout: arguments.refresh_interval,
            rules: arguments.relabel_rules.0.clone(),
        })
    }

    /// The labels of a stream's lines; none where rules drop them, and the lines stay.
    fn stream_labels(&self, of_target: &LabelsBuf, stream: &str) -> Rc<LabelsBuf> {
        let mut labels = of_target.clone();
        labels.set(LOG_STREAM, stream);
        if relabel::apply(&self.rules, &mut labels) == relabel::Outcome::Drop {
            labels.clear();
        }
        labels.retain(|name, _| !name.starts_with("__"));
        Rc::new(labels)
    }
}

/// A batch on its way, also where it is given up.
struct Sending<'a>(&'a Containers);

impl<'a> Sending<'a> {
    fn new(containers: &'a Containers) -> Sending<'a> {
        containers.sending.set(containers.sending.get() + 1);
        Sending(containers)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.sending.set(self.0.sending.get() - 1);
        self.0.idle.notify_all();
    }
}

impl Containers {
    pub fn new(
        arguments: Arc<SourceDockerArguments>,
        cx: &Build,
    ) -> Result<Rc<Containers>, BuildError> {
        let reading = Reading::new(&arguments, cx)?;
        let labels = [("component_id", &*cx.node)];
        Ok(Rc::new(Containers {
            reading: RefCell::new(Rc::new(reading)),
            reset: Cell::new(false),
            forward: RefCell::new(cx.fanout(&arguments.forward_to)),
            arguments: RefCell::new(arguments),
            cursors: RefCell::default(),
            tails: RefCell::default(),
            changed: Notify::new(),
            idle: Notify::new(),
            sending: Cell::new(0),
            stopping: Cell::new(false),
            ledger: cx.ledger("lines"),
            bad: Throttle::new(LOG_INTERVAL),
            entries: cx.registry.gauge(ENTRIES.name, ENTRIES.help, &labels),
            errors: cx.registry.gauge(ERRORS.name, ERRORS.help, &labels),
            cx: cx.clone(),
        }))
    }

    fn arguments(&self) -> Arc<SourceDockerArguments> {
        self.arguments.borrow().clone()
    }

    /// Takes other arguments. In place, since a second instance could not know where this one is.
    pub fn update(&self, arguments: Arc<SourceDockerArguments>) -> Result<(), BuildError> {
        if !arguments.reads_as(&self.arguments()) {
            let reading = Reading::new(&arguments, &self.cx)?;
            self.reading.replace(Rc::new(reading));
            self.reset.set(true);
        }
        *self.forward.borrow_mut() = self.cx.fanout(&arguments.forward_to);
        *self.arguments.borrow_mut() = arguments;
        self.changed.notify_all();
        Ok(())
    }

    pub async fn run(self: Rc<Self>) {
        let cursors = match Cursors::load(&self.cx.node_folder()).await {
            Ok(cursors) => Rc::new(cursors),
            Err(error) => {
                let text = format!("{error}; no container is followed before that is settled");
                self.cx.health.set(Health::Unhealthy, text);
                return std::future::pending().await;
            }
        };
        *self.cursors.borrow_mut() = Some(cursors.clone());
        let tasks = TaskSet::new();
        let node = self.cx.node.clone();
        let kept = cursors.clone();
        tasks.spawn(async move { kept.keep(&node).await });
        while !self.stopping.get() {
            let changed = self.changed.notified();
            if self.reset.replace(false) {
                self.wait_idle().await;
                self.tails.borrow_mut().clear();
            }
            self.resolve(&cursors);
            changed.await;
        }
        // Until the engine ends it: what is on its way is answered first.
        std::future::pending().await
    }

    /// Follows the containers of the targets, and no others.
    fn resolve(self: &Rc<Self>, cursors: &Rc<Cursors>) {
        let arguments = self.arguments();
        let mut wanted: BTreeMap<Key, (String, LabelsBuf)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut targets: Vec<LabelsBuf> = arguments.targets.iter().map(labels).collect();
        for labels in &mut targets {
            for (name, value) in &arguments.labels {
                labels.set(name, value);
            }
        }
        // Of two targets of a container one counts, the same each time.
        targets.sort_by_cached_key(label_text);
        for labels in targets {
            let id = labels.get(CONTAINER_ID).unwrap_or_default().to_owned();
            if id.is_empty() || !seen.insert(id.clone()) {
                continue;
            }
            let key = Key {
                path: format!("cursor-{id}"),
                labels: label_text(&labels),
            };
            wanted.insert(key, (id, labels));
        }
        let mut tails = self.tails.borrow_mut();
        tails.retain(|key, _| {
            let keep = wanted.contains_key(key);
            if !keep {
                cursors.remove(key);
            }
            keep
        });
        for (key, (id, labels)) in wanted {
            if tails.contains_key(&key) {
                continue;
            }
            let reading = self.reading.borrow().clone();
            let stream = |name: &str| reading.stream_labels(&labels, name);
            let streams = [stream("stdout"), stream("stderr")];
            let tail = Tail::new(id, key.clone(), streams, reading, cursors.clone());
            let tail = Rc::new(tail);
            let tasks = TaskSet::new();
            tasks.spawn(self.clone().follow(tail.clone()));
            tails.insert(key, (tail, tasks));
        }
    }

    /// Offers lines until they are taken or refused for good, then moves the cursor.
    pub(super) async fn pass_on(&self, tail: &Tail, followed: Followed) {
        let Followed {
            batch,
            cursor,
            untimed,
            too_long,
        } = followed;
        if untimed > 0 {
            self.errors.add(untimed as f64);
            if let Some(held_back) = self.bad.pass() {
                let (node, id) = (&*self.cx.node, tail.id.as_str());
                let message = "a line of a container has no time before it";
                tracing::warn!(component_id = node, container = id, held_back, message);
            }
        }
        self.ledger.take(untimed + too_long);
        self.ledger.drop("no_timestamp", untimed);
        self.ledger.drop("line_too_long", too_long);
        let sending = Sending::new(self);
        self.send(batch).await;
        tail.moved(cursor);
        drop(sending);
    }

    async fn send(&self, batch: LogsBatch) {
        let items = batch.items() as u64;
        if items == 0 {
            return;
        }
        self.ledger.take(items);
        let forward = self.forward.borrow().clone();
        let batch = Batch::Logs(Rc::new(batch));
        match forward.insist(batch).await {
            Ok(()) => {
                self.ledger.pass(items);
                self.entries.add(items as f64);
            }
            Err(nack) => self.ledger.drop(nack.reason, items),
        }
    }

    /// Ends following, waits for what is on its way, and saves.
    pub async fn drain(&self) {
        self.stopping.set(true);
        self.wait_idle().await;
        for (_, tasks) in self.tails.borrow().values() {
            tasks.abort();
        }
        let cursors = self.cursors.borrow().clone();
        if let Some(cursors) = cursors {
            cursors.save_or_tell(&self.cx.node).await;
        }
    }

    /// Waits for what is on its way; what is not answered in time is read again.
    async fn wait_idle(&self) {
        let idle = async {
            while self.sending.get() > 0 {
                self.idle.notified().await;
            }
        };
        let _in_time = runtime::timeout(DRAIN_MAX, idle).await;
    }

    pub(super) fn node(&self) -> &str {
        &self.cx.node
    }

    /// What the API shows of the containers.
    pub fn inspect(&self) -> Body {
        let mut body = Body::default();
        for (key, (tail, _)) in &*self.tails.borrow() {
            let cursors = self.cursors.borrow();
            let cursor = cursors.as_ref().and_then(|it| it.get(key));
            let fields = [
                ("id", Value::string(tail.id.as_str())),
                ("last_error", Value::string(tail.error.borrow().as_str())),
                ("labels", Value::string(key.labels.as_str())),
                ("is_running", Value::from(tail.running.get())),
                ("read_offset", Value::string(cursor.unwrap_or_default())),
            ];
            let block = Block::new("targets_info", Body::of(fields));
            body.blocks.push(block);
        }
        body
    }
}

fn labels(target: &Target) -> LabelsBuf {
    target.iter().collect()
}
