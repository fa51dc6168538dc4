//! How the rest of the control plane talks to the controller: questions by channel, so that what
//! serves HTTP holds no part of the graph.

use std::sync::Arc;
use std::time::Duration;

use eval::Page;
use runtime::metrics::Snapshot;
use schema::{Body, BodySchema, Secret, Value};
use tokio::sync::oneshot;

use crate::difference::Difference;
use crate::health::Health;
use crate::limits::{SHARD_ANSWER_MS, TAP_EVENTS_MAX};
use crate::source::ConfigSource;

/// Questions to the controller and to the shards. Clones ask the same ones.
#[derive(Clone)]
pub struct Handle {
    pub(crate) requests: flume::Sender<Request>,
    pub(crate) shards: Vec<flume::Sender<engine::Command>>,
}

pub(crate) enum Request {
    Components {
        module: String,
        reply: oneshot::Sender<Option<Vec<ComponentView>>>,
    },
    Component {
        id: String,
        reply: oneshot::Sender<Option<Box<ComponentDetail>>>,
    },
    Page {
        id: String,
        reply: oneshot::Sender<Option<Arc<dyn Page>>>,
    },
    Readiness(oneshot::Sender<Readiness>),
    Metrics(oneshot::Sender<Snapshot>),
    Reload(oneshot::Sender<Result<String, String>>),
    Difference {
        /// The controller's own source, read again, unless given.
        source: Option<ConfigSource>,
        reply: oneshot::Sender<Result<Difference, String>>,
    },
    Support(oneshot::Sender<Support>),
    Stop(oneshot::Sender<()>),
}

/// What the component API lists about a component.
#[derive(Clone, Debug)]
pub struct ComponentView {
    pub name: String,
    pub local_id: String,
    /// Empty at the root.
    pub module_id: String,
    pub label: Option<String>,
    /// Local ids.
    pub references_to: Vec<String>,
    pub referenced_by: Vec<String>,
    /// Full ids.
    pub data_flow_to: Vec<String>,
    pub health: Health,
    /// The module inside of a custom component, those of the elements of a `foreach`.
    pub created_modules: Vec<String>,
}

/// A component with its values.
#[derive(Debug)]
pub struct ComponentDetail {
    pub view: ComponentView,
    /// The arguments as the API shows them, with the schema that says what their defaults are.
    pub arguments: Body,
    pub schema: Option<&'static BodySchema>,
    /// An object.
    pub exports: Value,
    /// What a resolver tells about itself; instances on shards are asked with [`Handle::inspect`].
    pub debug: Option<Value>,
}

impl ComponentView {
    pub fn id(&self) -> String {
        match self.module_id.as_str() {
            "" => self.local_id.clone(),
            module => format!("{module}/{}", self.local_id),
        }
    }
}

/// What `/-/ready` and `/-/healthy` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// All shards run the configuration.
    pub ready: bool,
    /// Ids of the components that are not healthy.
    pub unhealthy: Vec<String>,
}

/// What a support bundle is made of that only the controller knows.
pub struct Support {
    /// Files by name, without what looks like a secret.
    pub sources: Vec<(String, String)>,
    /// Known secrets, for [`crate::scrub`].
    pub secrets: Vec<Secret>,
}

/// The controller has ended; the process is about to.
#[derive(Debug)]
pub struct Gone;

impl Handle {
    /// The components of a module, the root's if `module` is empty; None if there is none such.
    pub async fn components(&self, module: &str) -> Result<Option<Vec<ComponentView>>, Gone> {
        let module = module.to_owned();
        self.ask(|reply| Request::Components { module, reply })
            .await
    }

    pub async fn component(&self, id: &str) -> Result<Option<Box<ComponentDetail>>, Gone> {
        let id = id.to_owned();
        self.ask(|reply| Request::Component { id, reply }).await
    }

    /// What a component of the control plane serves; None if there is nothing such.
    pub async fn page(&self, id: &str) -> Result<Option<Arc<dyn Page>>, Gone> {
        let id = id.to_owned();
        self.ask(|reply| Request::Page { id, reply }).await
    }

    pub async fn readiness(&self) -> Result<Readiness, Gone> {
        self.ask(Request::Readiness).await
    }

    /// Reads the configuration again. `Ok` says what changed, `Err` why nothing or not all did.
    pub async fn reload(&self) -> Result<Result<String, String>, Gone> {
        self.ask(Request::Reload).await
    }

    /// What a reload would do with these files, or with the configuration as it is now. `Err` says
    /// why it would be refused.
    pub async fn difference(
        &self,
        files: Option<Vec<(String, String)>>,
    ) -> Result<Result<Difference, String>, Gone> {
        let source = files.map(ConfigSource::Texts);
        self.ask(|reply| Request::Difference { source, reply })
            .await
    }

    pub async fn support(&self) -> Result<Support, Gone> {
        self.ask(Request::Support).await
    }

    /// Stops the resolvers and drains all shards; returns when they have finished.
    pub async fn stop(&self) -> Result<(), Gone> {
        self.ask(Request::Stop).await
    }

    /// The control plane's own metrics.
    pub async fn metrics(&self) -> Result<Snapshot, Gone> {
        self.ask(Request::Metrics).await
    }

    /// The metrics of each shard by its index. A shard that does not answer in time is left out.
    pub async fn shard_metrics(&self) -> Vec<(usize, Snapshot)> {
        self.ask_shards(engine::Command::Snapshot).await
    }

    /// Debug information of a node from all shards, blocks of several one after the other.
    pub async fn inspect(&self, node: &str) -> Option<Body> {
        let ask = |reply| engine::Command::Inspect {
            node: node.to_owned(),
            reply,
        };
        let mut found: Option<Body> = None;
        for (_, body) in self.ask_shards(ask).await {
            match (&mut found, body) {
                (Some(found), Some(body)) => found.blocks.extend(body.blocks),
                (None, body) => found = body,
                (Some(_), None) => {}
            }
        }
        found
    }

    /// What passes a node, as text. What is not fetched in time is left out; dropping the receiver
    /// ends it.
    pub fn tap(&self, node: &str, probability: f64) -> flume::Receiver<String> {
        let (events, shown) = flume::bounded(TAP_EVENTS_MAX);
        let node = node.to_owned();
        let tap = engine::Tap {
            node,
            probability,
            events,
        };
        for shard in &self.shards {
            // A shard that has ended shows nothing.
            drop(shard.send(engine::Command::Tap(tap.clone())));
        }
        shown
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    async fn ask_shards<T>(
        &self,
        command: impl Fn(flume::Sender<T>) -> engine::Command,
    ) -> Vec<(usize, T)> {
        let mut waiting = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let (reply, answer) = flume::bounded(1);
            // A shard that has ended gives no answer below.
            drop(shard.send(command(reply)));
            waiting.push(answer);
        }
        let deadline = tokio::time::Instant::now() + Duration::from_millis(SHARD_ANSWER_MS);
        let mut answers = Vec::with_capacity(waiting.len());
        for (index, answer) in waiting.into_iter().enumerate() {
            if let Ok(Ok(value)) = tokio::time::timeout_at(deadline, answer.recv_async()).await {
                answers.push((index, value));
            }
        }
        answers
    }
}
