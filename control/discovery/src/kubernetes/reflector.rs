//! Keeps the objects of one kind in the store: lists them, then follows changes.
//!
//! A watch that ends goes on from the version that it had reached. Where the server has forgotten
//! that version all is listed again, and what is not listed any more is gone.

use std::rc::Rc;
use std::time::Duration;

use net::{BodyLimits, Request, StatusCode};

use super::objects::Object;
use super::store::Stored;
use super::watch::{Event, Lines, Page, event, page};
use super::{FAILURES, Selector, World};
use crate::refresh::failed;

/// Limit: objects of a page. A pod has some 10 KB, so that a page is 5 MB.
const PAGE_OBJECTS: u32 = 500;
/// Limit: bytes of a page. 500 objects of the 256 KiB that hardly any has; a larger answer is an
/// error that is told.
const PAGE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Limit: pages of one list, which is 5,000,000 objects: a server that never ends its list is not
/// followed for ever.
const PAGES_MAX: u32 = 10_000;

/// How long a page, or the head of a watch, may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the server shall keep a watch; it then ends it by itself.
const WATCH_SECONDS: u64 = 300;
/// How long a watch may stay silent beyond that before it counts as dead. The server sends a
/// bookmark about each minute to those that ask for them.
const GRACE_SECONDS: u64 = 30;

/// How long to rest after a failure, doubled up to the longest. Short in this crate's tests.
const RETRY_FIRST: Duration = match cfg!(test) {
    true => Duration::from_millis(10),
    false => Duration::from_millis(800),
};
const RETRY_LONGEST: Duration = match cfg!(test) {
    true => Duration::from_millis(40),
    false => Duration::from_secs(30),
};

/// Why following ended.
enum End {
    /// The server forgot the version.
    Expired,
    Failed(String),
}

/// Follows a kind in a namespace, or in all when it is empty, for ever.
pub(super) async fn follow<T: Stored>(world: Rc<World>, namespace: String, selector: Selector) {
    let source = Source::new::<T>(&world.cluster.url, &namespace, &selector);
    let mut rest = RETRY_FIRST;
    let mut synced = false;
    loop {
        let end = match source.list::<T>(&world).await {
            Ok((objects, version)) => {
                rest = RETRY_FIRST;
                world.change::<T>(|kind| kind.replace(&namespace, objects));
                if !std::mem::replace(&mut synced, true) {
                    world.synced();
                }
                source.watch_on::<T>(&world, version, &mut rest).await
            }
            Err(end) => end,
        };
        match end {
            End::Expired => tracing::debug!("listing {} again: the watch is too old", source.url),
            End::Failed(error) => source.failed(&world, &error, &mut rest).await,
        }
    }
}

/// Where a kind is listed and watched.
struct Source {
    url: String,
    /// What each query has in common.
    selectors: Vec<(&'static str, String)>,
}

impl Source {
    fn new<T: Object>(server: &str, namespace: &str, selector: &Selector) -> Source {
        let namespace: String = match T::NAMESPACED && !namespace.is_empty() {
            true => format!("/namespaces/{namespace}"),
            false => String::new(),
        };
        let given = [
            ("fieldSelector", &selector.field),
            ("labelSelector", &selector.label),
        ];
        let given = given.into_iter().filter(|(_, text)| !text.is_empty());
        Source {
            url: format!("{server}{}{namespace}/{}", T::API, T::PLURAL),
            selectors: given.map(|(name, text)| (name, text.clone())).collect(),
        }
    }

    fn request(&self, more: &[(&str, &str)]) -> Result<Request, End> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.selectors);
        query.extend_pairs(more);
        let target = net::Target::parse(&format!("{}?{}", self.url, query.finish()));
        let target = target.map_err(|error| End::Failed(error.to_string()))?;
        Ok(Request::get(&target))
    }

    /// All objects, and the version that they are of.
    async fn list<T: Object>(&self, world: &World) -> Result<(Vec<T>, String), End> {
        let mut objects = Vec::new();
        let mut next = String::new();
        for _ in 0..PAGES_MAX {
            let page = self.page::<T>(world, &next).await?;
            objects.extend(page.objects);
            if page.next.is_empty() {
                return Ok((objects, page.version));
            }
            next = page.next;
        }
        Err(End::Failed(format!(
            "a list has more than {PAGES_MAX} pages"
        )))
    }

    async fn page<T: Object>(&self, world: &World, next: &str) -> Result<Page<T>, End> {
        let limit = PAGE_OBJECTS.to_string();
        let mut query = vec![("limit", &*limit)];
        if !next.is_empty() {
            query.push(("continue", next));
        }
        let request = self.request(&query)?;
        let limits = BodyLimits::both(PAGE_BYTES_MAX);
        let sent = world.cluster.client.send(&request, ANSWER_TIMEOUT, limits);
        let response = sent.await.map_err(|error| End::Failed(error.to_string()))?;
        match response.head.status {
            StatusCode::OK => page(&response.body).map_err(End::Failed),
            StatusCode::GONE => Err(End::Expired),
            status => Err(End::Failed(refusal(status, &response.body))),
        }
    }

    /// Watches, one watch after the other, until a list is needed.
    async fn watch_on<T: Stored>(
        &self,
        world: &World,
        mut version: String,
        rest: &mut Duration,
    ) -> End {
        loop {
            match self.watch::<T>(world, &mut version).await {
                Ok(()) => *rest = RETRY_FIRST,
                Err(End::Failed(error)) => self.failed(world, &error, rest).await,
                Err(End::Expired) => return End::Expired,
            }
        }
    }

    /// One watch, which ends well when the server ends it.
    async fn watch<T: Stored>(&self, world: &World, version: &mut String) -> Result<(), End> {
        let seconds = WATCH_SECONDS.to_string();
        let request = self.request(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", &seconds),
        ])?;
        let failed = |error: net::HttpError| End::Failed(error.to_string());
        let opened = world.cluster.client.open(&request, ANSWER_TIMEOUT).await;
        let mut answer = opened.map_err(failed)?;
        match answer.head.status {
            StatusCode::OK => {}
            StatusCode::GONE => return Err(End::Expired),
            status => return Err(End::Failed(refusal(status, b""))),
        }
        let mut lines = Lines::default();
        let silence = Duration::from_secs(WATCH_SECONDS + GRACE_SECONDS);
        loop {
            let chunk = tokio::time::timeout(silence, answer.chunk()).await;
            let chunk = chunk.map_err(|_| End::Failed("the watch fell silent".to_owned()))?;
            let Some(chunk) = chunk.map_err(failed)? else {
                return Ok(());
            };
            for line in lines.feed(&chunk).map_err(End::Failed)? {
                let (event, at) = event::<T>(&line).map_err(End::Failed)?;
                match event {
                    Event::Put(object) => world.change::<T>(|kind| kind.put(object)),
                    Event::Gone(meta) => world.change::<T>(|kind| kind.remove(&meta.key())),
                    Event::Bookmark => {}
                    Event::Expired => return Err(End::Expired),
                    Event::Failed(error) => return Err(End::Failed(error)),
                }
                if !at.is_empty() {
                    *version = at;
                }
            }
        }
    }

    async fn failed(&self, world: &World, error: &str, rest: &mut Duration) {
        world.groups.cx().add(FAILURES, 1.0);
        failed(world.groups.cx(), &format!("{}: {error}", self.url));
        tokio::time::sleep(*rest).await;
        *rest = (*rest * 2).min(RETRY_LONGEST);
    }
}

/// What the server says, without all of it.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    match serde_json::from_slice::<Status>(body) {
        Ok(said) => format!("the API server answered {status}: {}", said.message),
        Err(_) => format!("the API server answered {status}"),
    }
}
