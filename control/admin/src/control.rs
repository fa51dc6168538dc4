//! `/-/ready`, `/-/healthy`, `/-/reload`: what supervisors and operators ask.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plan::Gone;

use crate::Server;

pub(crate) async fn ready(State(server): State<Server>) -> Response {
    match server.handle.readiness().await {
        Ok(readiness) if readiness.ready => (StatusCode::OK, "Alloy is ready.\n").into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "Alloy is not ready.\n").into_response(),
        Err(gone) => stopping(gone),
    }
}

pub(crate) async fn healthy(State(server): State<Server>) -> Response {
    match server.handle.readiness().await {
        Ok(readiness) if readiness.unhealthy.is_empty() => {
            (StatusCode::OK, "All Alloy components are healthy.\n").into_response()
        }
        Ok(readiness) => {
            let text = format!("unhealthy components: {}\n", readiness.unhealthy.join(", "));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        Err(gone) => stopping(gone),
    }
}

/// Compat: GET reloads too.
pub(crate) async fn reload(State(server): State<Server>) -> Response {
    match server.handle.reload().await {
        Ok(Ok(done)) => (StatusCode::OK, done).into_response(),
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, error).into_response(),
        Err(gone) => stopping(gone),
    }
}

/// Where the demonstration delivers to: takes everything and keeps nothing.
pub(crate) async fn receive(_: axum::body::Bytes) -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(crate) fn stopping(_: Gone) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the process is stopping\n").into_response()
}
