//! The first page and its assets, built into the binary.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::Server;

const INDEX: &str = include_str!("../ui/index.html");
const SCRIPT: &str = include_str!("../ui/app.js");
const STYLE: &str = include_str!("../ui/style.css");

pub(crate) async fn index(State(server): State<Server>) -> Response {
    // Flags are the operator's, yet a quote in one must not end the attribute.
    let base = server.prefix.replace('&', "&amp;").replace('"', "&quot;");
    Html(INDEX.replace("{{base}}", &base)).into_response()
}

pub(crate) async fn redirect(State(server): State<Server>) -> Redirect {
    Redirect::temporary(&server.prefix)
}

pub(crate) async fn script() -> Response {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        SCRIPT,
    )
        .into_response()
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
