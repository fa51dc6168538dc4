//! discovery.kubernetes: nodes, pods, services, endpoints and ingresses of a Kubernetes cluster.
//!
//! ```text
//! reflector (one a kind and namespace) --> store --> roles --> groups --> exports
//! ```
//!
//! Each kind is listed once and then watched; versions of an object that say nothing new to us are
//! no change. Targets are first exported when all kinds are listed, and from then on made anew for
//! those objects that a change touches, at most each five seconds.
//! Reference: docs/sources/reference/components/discovery/discovery.kubernetes.md

mod cluster;
mod kubeconfig;
mod objects;
mod reflector;
mod roles;
mod store;
mod watch;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use blocks::HttpClientConfig;
use eval::{Component, ResolverCx, ResolverError};
use schema::{Check, MetricDecl, MetricKind, Target};
use tokio::sync::Notify;

use crate::refresh::{Discoverer, Discovery, EXPORT_PAUSE, Groups, Running, SETTLE};
use cluster::Cluster;
use objects::{EndpointSlice, Endpoints, Ingress, Namespace, Node, Pod, Service};
use reflector::follow;
use roles::Attach;
use store::{Kind, Store, Stored};

pub use roles::Role;

pub static COMPONENT: Component = Component::of::<Discoverer<Kubernetes>>();

/// Which cluster to ask, and for what.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// What targets are made of.
    #[arg(required)]
    role: Role,
    /// URL of the API server; the cluster that this process runs in when neither this nor
    /// `kubeconfig_file` is set.
    api_server: String,
    /// File that says which server to ask and as whom.
    kubeconfig_file: String,
    /// Whose labels targets bear too.
    #[arg(block)]
    attach_metadata: AttachMetadata,
    /// Namespaces to look in; all when none is named.
    #[arg(block)]
    namespaces: Namespaces,
    /// Which objects count.
    #[arg(block)]
    selectors: Vec<SelectorBlock>,
    /// How to ask `api_server`.
    #[arg(flatten)]
    client: HttpClientConfig,
}

/// Whose labels targets bear beside those of their own object.
#[derive(schema::Arguments)]
pub struct AttachMetadata {
    /// Labels and annotations of the node that a target is on.
    node: bool,
    /// Labels and annotations of the namespace that a target is in.
    namespace: bool,
}

/// Namespaces to look in.
#[derive(schema::Arguments)]
pub struct Namespaces {
    /// Their names.
    names: Vec<String>,
    /// Also the one that this process runs in.
    own_namespace: bool,
}

/// A condition on the objects of a kind.
#[derive(schema::Arguments)]
pub struct SelectorBlock {
    /// The kind.
    #[arg(required)]
    role: Role,
    /// Condition on fields, as in `kubectl --field-selector`.
    field: String,
    /// Condition on labels, as in `kubectl --selector`.
    label: String,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        let kubeconfig = !self.kubeconfig_file.is_empty();
        if !self.api_server.is_empty() {
            if let Err(error) = net::Target::parse(&self.api_server) {
                check.attribute("api_server", error.to_string());
            }
            if kubeconfig {
                let message = "cannot use 'kubeconfig_file' and 'api_server' simultaneously";
                check.attribute("kubeconfig_file", message);
            }
        }
        for name in &self.namespaces.names {
            if name.is_empty() || name.contains(['/', '?', '#', '%']) {
                check.block(
                    "namespaces",
                    0,
                    format!("{name:?} is no name of a namespace"),
                );
            }
        }
    }

    fn selector(&self, role: Role) -> Selector {
        // Of several for one kind the last counts.
        let mut blocks = self.selectors.iter().rev();
        let found = blocks.find(|block| block.role == role);
        found.map_or_else(Selector::default, |block| Selector {
            field: block.field.clone(),
            label: block.label.clone(),
        })
    }

    /// Where to look; an empty name stands for everywhere.
    fn namespaces(&self) -> Result<Vec<String>, String> {
        let mut names = self.namespaces.names.clone();
        if self.namespaces.own_namespace {
            names.push(cluster::own_namespace()?);
        }
        if names.is_empty() {
            names.push(String::new());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

/// Conditions as the API takes them.
#[derive(Clone, Default)]
struct Selector {
    field: String,
    label: String,
}

const FAILURES: &str = "prometheus_sd_kubernetes_failures_total";

struct Kubernetes;

impl Discovery for Kubernetes {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.kubernetes";
    const METRICS: &'static [MetricDecl] = &[MetricDecl {
        name: FAILURES,
        kind: MetricKind::Counter,
        help: "The number of failed WATCH/LIST requests.",
    }];

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let cluster = Cluster::new(&arguments, &cx).map_err(ResolverError::new)?;
        let namespaces = arguments.namespaces().map_err(ResolverError::new)?;
        let world = World::new(cluster, cx);
        Ok(Running::spawn(async move {
            run(world, &arguments, &namespaces).await;
        }))
    }
}

/// Follows the cluster and exports, for ever.
async fn run(world: Rc<World>, arguments: &Arguments, namespaces: &[String]) {
    let reflectors = reflectors(&world, arguments, namespaces);
    world.render(arguments).await;
    drop(reflectors);
}

/// What all reflectors of a component share.
struct World {
    cluster: Cluster,
    groups: Rc<Groups>,
    store: RefCell<Store>,
    /// Reflectors that have not listed yet.
    missing: Cell<usize>,
    changed: Notify,
}

impl World {
    fn new(cluster: Cluster, cx: ResolverCx) -> Rc<World> {
        Rc::new(World {
            cluster,
            groups: Groups::new(cx),
            store: RefCell::default(),
            missing: Cell::new(0),
            changed: Notify::new(),
        })
    }

    fn change<T: Stored>(&self, change: impl FnOnce(&mut Kind<T>)) {
        change(T::kind(&mut self.store.borrow_mut()));
        self.changed.notify_one();
    }

    fn synced(&self) {
        self.missing.set(self.missing.get() - 1);
        self.changed.notify_one();
    }

    /// Makes targets of changes, for ever, once all kinds are there.
    async fn render(&self, arguments: &Arguments) {
        let attach = Attach {
            node: arguments.attach_metadata.node,
            namespace: arguments.attach_metadata.namespace,
        };
        loop {
            self.changed.notified().await;
            tokio::time::sleep(SETTLE).await;
            if 0 < self.missing.get() {
                continue;
            }
            let groups = roles::render(arguments.role, attach, &mut self.store.borrow_mut());
            for (source, targets) in groups {
                self.groups.set(&source, targets);
            }
            self.groups.flush();
            tokio::time::sleep(EXPORT_PAUSE).await;
        }
    }
}

/// Begins to follow what the role needs.
fn reflectors(world: &Rc<World>, arguments: &Arguments, namespaces: &[String]) -> Vec<Running> {
    let mut running = Vec::new();
    let attach = &arguments.attach_metadata;
    let role = arguments.role;
    for namespace in namespaces {
        match role {
            Role::Node => {}
            Role::Pod => running.push(start::<Pod>(world, namespace, arguments.selector(role))),
            Role::Service => {
                running.push(start::<Service>(world, namespace, arguments.selector(role)));
            }
            Role::Ingress => {
                running.push(start::<Ingress>(world, namespace, arguments.selector(role)));
            }
            Role::Endpoints => {
                running.push(start::<Endpoints>(
                    world,
                    namespace,
                    arguments.selector(role),
                ));
            }
            Role::EndpointSlice => {
                let selector = arguments.selector(role);
                running.push(start::<EndpointSlice>(world, namespace, selector));
            }
        }
        if matches!(role, Role::Endpoints | Role::EndpointSlice) {
            let services = arguments.selector(Role::Service);
            running.push(start::<Service>(world, namespace, services));
            running.push(start::<Pod>(
                world,
                namespace,
                arguments.selector(Role::Pod),
            ));
        }
    }
    // Compat: nodes are attached to pods and endpoints only.
    let on_nodes = matches!(role, Role::Pod | Role::Endpoints | Role::EndpointSlice);
    if role == Role::Node || (attach.node && on_nodes) {
        running.push(start::<Node>(world, "", arguments.selector(Role::Node)));
    }
    if attach.namespace && role != Role::Node {
        running.push(start::<Namespace>(world, "", Selector::default()));
    }
    running
}

fn start<T: Stored>(world: &Rc<World>, namespace: &str, selector: Selector) -> Running {
    world.missing.set(world.missing.get() + 1);
    Running::spawn(follow::<T>(world.clone(), namespace.to_owned(), selector))
}

/// The targets of a list of pods, of those in `namespaces` if any is named.
pub(crate) fn pods(body: &[u8], namespaces: &[String]) -> Result<Vec<Target>, String> {
    let page = watch::page::<Pod>(body)?;
    let wanted = |pod: &&Pod| namespaces.is_empty() || namespaces.contains(&pod.metadata.namespace);
    let pods = page.objects.iter().filter(wanted);
    Ok(pods.flat_map(roles::pod_targets).collect())
}

/// The targets of a list of a role's objects, with nothing else known of the cluster.
pub fn decode(role: Role, body: &[u8]) -> Result<Vec<Target>, String> {
    fn put<T: Stored>(store: &mut Store, body: &[u8]) -> Result<(), String> {
        let page = watch::page::<T>(body)?;
        T::kind(store).replace("", page.objects);
        Ok(())
    }
    let mut store = Store::default();
    match role {
        Role::Node => put::<Node>(&mut store, body),
        Role::Pod => put::<Pod>(&mut store, body),
        Role::Service => put::<Service>(&mut store, body),
        Role::Endpoints => put::<Endpoints>(&mut store, body),
        Role::EndpointSlice => put::<EndpointSlice>(&mut store, body),
        Role::Ingress => put::<Ingress>(&mut store, body),
    }?;
    let groups = roles::render(role, Attach::default(), &mut store);
    Ok(groups
        .into_iter()
        .flat_map(|(_, targets)| targets)
        .collect())
}

/// The events of a stream, as far as it goes: how many there are.
pub fn decode_watch(body: &[u8]) -> Result<usize, String> {
    let mut lines = watch::Lines::default();
    let lines = lines.feed(&net::Bytes::copy_from_slice(body))?;
    for line in &lines {
        watch::event::<Pod>(line)?;
    }
    Ok(lines.len())
}

#[cfg(test)]
mod tests;
