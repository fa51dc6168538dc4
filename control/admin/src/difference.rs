//! `/-/plan`: what a reload would do, without doing it.
//!
//! GET compares with the configuration as it is on disk now, POST with the files in the body:
//! `{"files": [{"name": "config.alloy", "text": "..."}]}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plan::Difference;
use serde_json::{Value, json};

use crate::Server;
use crate::control::stopping;

pub(crate) async fn own(State(server): State<Server>) -> Response {
    answer(&server, None).await
}

pub(crate) async fn given(State(server): State<Server>, Json(body): Json<Value>) -> Response {
    let files = body["files"].as_array().map(|files| {
        let files = files.iter().map(|file| {
            let text = |name: &str| file[name].as_str().map(str::to_owned);
            Some((text("name")?, text("text")?))
        });
        files.collect::<Option<Vec<_>>>()
    });
    match files.flatten() {
        Some(files) => answer(&server, Some(files)).await,
        None => {
            let text = "expected {\"files\": [{\"name\": \"...\", \"text\": \"...\"}]}\n";
            (StatusCode::BAD_REQUEST, text).into_response()
        }
    }
}

async fn answer(server: &Server, files: Option<Vec<(String, String)>>) -> Response {
    match server.handle.difference(files).await {
        Ok(Ok(difference)) => Json(shown(&difference)).into_response(),
        Ok(Err(refused)) => (StatusCode::BAD_REQUEST, refused).into_response(),
        Err(gone) => stopping(gone),
    }
}

fn shown(difference: &Difference) -> Value {
    let Difference {
        add,
        restart,
        remove,
        keep,
    } = difference;
    json!({ "add": add, "restart": restart, "remove": remove, "keep": keep })
}
