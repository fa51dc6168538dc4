//! Live debugging: `debug/{id}` streams what passes a component as text, `graph` how much goes from
//! each component to the next.
//!
//! Both are streams that end when the client closes: parts that end in `|;|`, as Alloy's page reads
//! them. They cost the shards nothing while nobody reads.

mod rates;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use crate::Server;
use crate::control::stopping;
use rates::Rates;

/// What ends a part.
const END: &str = "|;|";

/// How often events are sent on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How often rates are counted, in seconds.
const WINDOW_SECONDS: u64 = 5;
const WINDOW_SECONDS_MAX: u64 = 60;

/// Compat: Alloy's text, which its page shows.
const OFF: &str = "the live debugging service is disabled. Check the documentation to find out how \
                   to enable it\n";

/// Whether data may be shown, as the `livedebugging` block says.
#[derive(Clone, Default)]
pub struct LiveDebugging {
    enabled: Arc<AtomicBool>,
}

impl LiveDebugging {
    pub fn set(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }
}

type Parameters = Query<BTreeMap<String, String>>;

/// `debug/{id}?sampleProb=0.5`
pub(crate) async fn debug(
    State(server): State<Server>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Response {
    if !server.live.is_enabled() {
        return (StatusCode::INTERNAL_SERVER_ERROR, OFF).into_response();
    }
    match server.handle.component(&id).await {
        Ok(Some(_)) => {}
        Ok(None) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "component not found\n").into_response();
        }
        Err(gone) => return stopping(gone),
    }
    let given = parameters.get("sampleProb").map(|text| text.parse::<f64>());
    // Compat: what cannot be read is told by the status, and all is shown.
    let (status, probability) = match given {
        None => (StatusCode::OK, 1.0),
        Some(Ok(part)) if (0.0..=1.0).contains(&part) => (StatusCode::OK, part),
        Some(_) => (StatusCode::BAD_REQUEST, 1.0),
    };
    let events = server.handle.tap(&id, probability);
    let (parts, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(FLUSH_EVERY);
        loop {
            tokio::select! {
                () = parts.closed() => return,
                _ = turns.tick() => {}
            }
            let text: String = events.drain().map(|event| event + END).collect();
            if !text.is_empty() && parts.send(text).await.is_err() {
                return;
            }
        }
    });
    (status, streamed(stream)).into_response()
}

/// `graph?window=5` of the root.
pub(crate) async fn graph(server: State<Server>, parameters: Parameters) -> Response {
    graph_of(server, Path(String::new()), parameters).await
}

/// `graph/{moduleID}`
pub(crate) async fn graph_of(
    State(server): State<Server>,
    Path(module): Path<String>,
    Query(parameters): Parameters,
) -> Response {
    if !server.live.is_enabled() {
        return (StatusCode::INTERNAL_SERVER_ERROR, OFF).into_response();
    }
    let given = parameters.get("window").map(|text| text.parse::<u64>());
    let (status, seconds) = match given {
        None => (StatusCode::OK, WINDOW_SECONDS),
        Some(Ok(given)) if (1..=WINDOW_SECONDS_MAX).contains(&given) => (StatusCode::OK, given),
        Some(_) => (StatusCode::BAD_REQUEST, WINDOW_SECONDS),
    };
    let (parts, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut rates = Rates::new(module, Duration::from_secs(seconds));
        rates.count(&server.handle.shard_metrics().await);
        loop {
            tokio::select! {
                () = parts.closed() => return,
                () = tokio::time::sleep(rates.window()) => {}
            }
            let items = rates.count(&server.handle.shard_metrics().await);
            if parts.send(format!("{items}{END}")).await.is_err() {
                return;
            }
        }
    });
    (status, streamed(stream)).into_response()
}

fn streamed(stream: mpsc::Receiver<String>) -> Body {
    Body::from_stream(Parts { stream })
}

struct Parts {
    stream: mpsc::Receiver<String>,
}

impl futures_core::Stream for Parts {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let part = self.stream.poll_recv(cx);
        part.map(|part| part.map(|text| Ok(Bytes::from(text))))
    }
}
