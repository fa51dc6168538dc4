//! The admin HTTP server: health, reload, the component API, `/metrics`, and the first page.
//!
//! Runs on the control thread and owns nothing of the graph: every answer is a question to the
//! controller or to the shards through [`plan::Handle`]. Paths, statuses and JSON are Alloy's, so
//! that probes, dashboards and scripts keep working.

#![forbid(unsafe_code)]
// The control plane binds its listener by itself.
#![allow(clippy::disallowed_methods)]

mod auth;
mod components;
mod control;
mod difference;
mod listen;
mod live;
mod metrics;
mod pprof;
mod process;
pub mod settings;
mod support;
mod trace_requests;
mod ui;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{any, get, post};
use plan::{Handle, Tracer};

pub use auth::{Gate, GateRules};
pub use listen::TlsSwitch;
pub use live::LiveDebugging;
pub use process::Build;
pub use support::Facts;

/// What the server answers from.
#[derive(Clone)]
pub struct Server {
    pub handle: Handle,
    pub build: Build,
    /// Begins and ends with a slash.
    pub prefix: Arc<str>,
    pub hostname: Arc<str>,
    pub address: SocketAddr,
    /// Who may ask, as the `http` block says.
    pub gate: Gate,
    /// Whether data may be shown, as the `livedebugging` block says.
    pub live: LiveDebugging,
    /// Makes a span of each request, as the `tracing` block says.
    pub tracer: Tracer,
    /// For the support bundle; none if it is disabled.
    pub facts: Option<Arc<dyn Facts>>,
    /// Whether to take and forget what the demonstration delivers.
    pub demo: bool,
}

/// Takes the address, so that a second process is refused before anything else is begun.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Brings a prefix into the form that [`Server`] wants.
pub fn prefix(text: &str) -> Arc<str> {
    match text.trim_matches('/') {
        "" => "/".into(),
        inner => format!("/{inner}/").into(),
    }
}

/// Serves until the process ends. Call it inside of a local set of a tokio runtime.
pub async fn serve(listener: TcpListener, server: Server, tls: TlsSwitch) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listen::start(listener, tls)?, router(server)).await
}

fn router(server: Server) -> Router {
    let prefix = server.prefix.clone();
    let (gate, tracer) = (server.gate.clone(), server.tracer.clone());
    let at = |path: &str| format!("{prefix}{path}");
    // Compat: the API takes any method; only the pages below the prefix move with it.
    let mut router = Router::new()
        .route("/metrics", get(metrics::page))
        .route("/-/ready", get(control::ready))
        .route("/-/healthy", get(control::healthy))
        .route("/-/reload", get(control::reload).post(control::reload))
        .route("/debug/pprof/", any(pprof::absent))
        .route("/debug/pprof/{*profile}", any(pprof::absent))
        .route("/-/support", get(support::bundle))
        .route("/-/plan", get(difference::own).post(difference::given))
        .route("/api/v0/component/{*path}", get(metrics::component))
        .route(&at("api/v0/web/components"), any(components::list))
        .route(&at("api/v0/web/components/{*id}"), any(components::one))
        .route(&at("api/v0/web/modules/{*path}"), any(components::module))
        .route(
            &at("api/v0/web/remotecfg/{*path}"),
            any(components::remotecfg),
        )
        .route(&at("api/v0/web/peers"), any(components::peers))
        .route(&at("api/v0/web/debug/{*id}"), any(live::debug))
        .route(&at("api/v0/web/graph"), any(live::graph))
        .route(&at("api/v0/web/graph/{*module}"), any(live::graph_of))
        .route(&at("assets/app.js"), get(ui::script))
        .route(&at("assets/style.css"), get(ui::style))
        .route(&at("component/{*id}"), get(ui::index))
        .route(&at(""), get(ui::index));
    if &*prefix != "/" {
        router = router.route("/", get(ui::redirect));
    }
    if server.demo {
        router = router.route("/demo/receive", post(control::receive));
    }
    router
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .layer(middleware::from_fn_with_state(gate, auth::check))
        .layer(middleware::from_fn_with_state(
            tracer,
            trace_requests::trace,
        ))
        .with_state(server)
}
