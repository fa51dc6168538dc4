//! Watches: blocking queries for the catalogue and for each service.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use net::{BodyLimits, Client, HeaderValue, Request, StatusCode};
use tokio::time::{Interval, MissedTickBehavior};

use super::api::{Services, datacenter, instances, services};
use super::{Arguments, FAILURES};
use crate::limits::ANSWER_BYTES_MAX;
use crate::refresh::{Groups, Running, failed};

/// How long the server may wait for a change.
const WAIT: Duration = Duration::from_secs(120);
/// How long an answer may take beyond that.
const GRACE: Duration = Duration::from_secs(15);
/// How long to rest after a failure. Short in this crate's tests, which do not have the time.
const RETRY: Duration = match cfg!(test) {
    true => Duration::from_millis(20),
    false => Duration::from_secs(15),
};

/// What all watches of a component share.
struct Watcher {
    client: Client,
    arguments: Arc<Arguments>,
    datacenter: String,
    groups: Rc<Groups>,
}

/// Watches for ever.
pub(super) async fn run(client: Client, arguments: Arc<Arguments>, groups: Rc<Groups>) {
    let mut watcher = Watcher {
        client,
        datacenter: arguments.datacenter.clone(),
        arguments,
        groups,
    };
    while watcher.datacenter.is_empty() {
        match watcher.own_datacenter().await {
            Ok(name) => watcher.datacenter = name,
            Err(error) => {
                watcher
                    .fail("error retrieving datacenter name", &error)
                    .await
            }
        }
    }
    let watcher = Rc::new(watcher);
    let arguments = &watcher.arguments;
    if arguments.services.is_empty() || !arguments.tags.is_empty() {
        watcher.clone().watch_catalogue().await;
        return;
    }
    let names = arguments.services.iter();
    let watches: Vec<Running> = names
        .map(|name| watcher.clone().watch_service(name))
        .collect();
    std::future::pending::<()>().await;
    drop(watches);
}

impl Watcher {
    async fn own_datacenter(&self) -> Result<String, String> {
        let answer = self.get("/v1/agent/self", &[], 0).await?;
        datacenter(&answer.body)
    }

    /// Starts and ends watches of services as their names come and go.
    async fn watch_catalogue(self: Rc<Self>) {
        let mut turns = self.turns();
        let mut index = 0;
        let mut watches: BTreeMap<String, Running> = BTreeMap::new();
        loop {
            turns.tick().await;
            let answer = match self.get("/v1/catalog/services", &[], index).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.fail("error refreshing service list", &error).await;
                    continue;
                }
            };
            let Some(next) = answer.changed(index) else {
                continue;
            };
            match services(&answer.body) {
                Ok(services) => {
                    index = next;
                    self.follow(&services, &mut watches);
                }
                Err(error) => self.fail("error refreshing service list", &error).await,
            }
        }
    }

    fn follow(self: &Rc<Self>, services: &Services, watches: &mut BTreeMap<String, Running>) {
        for (name, tags) in services {
            if self.is_wanted(name, tags) && !watches.contains_key(name) {
                watches.insert(name.clone(), self.clone().watch_service(name));
            }
        }
        watches.retain(|name, _| {
            let there = services.contains_key(name);
            if !there {
                self.groups.set(name, Vec::new());
            }
            there
        });
        if watches.is_empty() {
            // Nothing was found, which is worth telling.
            self.groups.set("", Vec::new());
        }
    }

    fn is_wanted(&self, name: &str, tags: &[String]) -> bool {
        let names = &self.arguments.services;
        let named = names.is_empty() || names.iter().any(|wanted| wanted == name);
        named && self.arguments.tags.iter().all(|tag| tags.contains(tag))
    }

    fn watch_service(self: Rc<Self>, name: &str) -> Running {
        let name = name.to_owned();
        Running::spawn(async move {
            let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let path = format!("/v1/health/service/{}", encoded.replace('+', "%20"));
            let tags: Vec<(&str, &str)> = self
                .arguments
                .tags
                .iter()
                .map(|tag| ("tag", &**tag))
                .collect();
            let mut turns = self.turns();
            let mut index = 0;
            loop {
                turns.tick().await;
                match self.watch_once(&name, &path, &tags, index).await {
                    Ok(next) => index = next,
                    Err(error) => {
                        let text = format!("error refreshing service {name:?}");
                        self.fail(&text, &error).await;
                    }
                }
            }
        })
    }

    async fn watch_once(
        &self,
        name: &str,
        path: &str,
        tags: &[(&str, &str)],
        index: u64,
    ) -> Result<u64, String> {
        let answer = self.get(path, tags, index).await?;
        let Some(next) = answer.changed(index) else {
            return Ok(index);
        };
        let separator = &self.arguments.tag_separator;
        let targets = instances(&answer.body, name, &self.datacenter, separator)?;
        self.groups.set(name, targets);
        Ok(next)
    }

    fn turns(&self) -> Interval {
        let mut turns = tokio::time::interval(self.arguments.refresh_interval);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        turns
    }

    async fn fail(&self, what: &str, error: &str) {
        self.groups.cx().add(FAILURES, 1.0);
        failed(self.groups.cx(), &format!("{what}: {error}"));
        tokio::time::sleep(RETRY).await;
    }

    /// Asks; with an index the answer waits for something newer.
    async fn get(&self, path: &str, more: &[(&str, &str)], index: u64) -> Result<Answer, String> {
        let url = format!("{}{path}?{}", self.arguments.url(), self.query(more, index));
        let target = net::Target::parse(&url).map_err(|error| error.to_string())?;
        let mut request = Request::get(&target);
        let token = self.arguments.token.expose();
        if !token.is_empty() {
            let mut value = HeaderValue::from_str(token).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request.headers.insert("x-consul-token", value);
        }
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        let sent = self.client.send(&request, WAIT + GRACE, limits).await;
        let response = sent.map_err(|error| error.to_string())?;
        if response.head.status != StatusCode::OK {
            return Err(format!(
                "unexpected response code: {}",
                response.head.status
            ));
        }
        let index = response.head.headers.get("x-consul-index");
        let index = index.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Answer {
            index,
            body: response.body,
        })
    }

    fn query(&self, more: &[(&str, &str)], index: u64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let arguments = &self.arguments;
        let named = [
            ("dc", &arguments.datacenter),
            ("ns", &arguments.namespace),
            ("partition", &arguments.partition),
        ];
        for (name, value) in named {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(more);
        if arguments.allow_stale {
            query.append_pair("stale", "");
        }
        for (name, value) in &arguments.node_meta {
            query.append_pair("node-meta", &format!("{name}:{value}"));
        }
        if index != 0 {
            query.append_pair("index", &index.to_string());
        }
        query.append_pair("wait", &format!("{}ms", WAIT.as_millis()));
        query.finish()
    }
}

struct Answer {
    index: Option<u64>,
    body: Vec<u8>,
}

impl Answer {
    /// The index to wait on next, if this answer is newer than `index`. One that goes back means
    /// that the server began anew, and one that is missing that it cannot wait.
    fn changed(&self, index: u64) -> Option<u64> {
        match self.index {
            Some(same) if same == index && index != 0 => None,
            Some(older) if older < index => Some(0),
            Some(newer) => Some(newer),
            None => Some(0),
        }
    }
}
