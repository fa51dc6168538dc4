//! `/api/v0/web/...`: components, their values and references, in Alloy's JSON.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plan::{ComponentDetail, ComponentView, Gone};
use schema::{Body, BodySchema};
use serde_json::{Value as JsonValue, json};

use crate::Server;
use crate::control::stopping;

/// What custom components take, as far as the API is concerned.
static OPEN: LazyLock<BodySchema> = LazyLock::new(|| BodySchema {
    open: true,
    ..BodySchema::default()
});

pub(crate) async fn list(State(server): State<Server>) -> Response {
    of_module(&server, "").await
}

/// `modules/{moduleID}/components`
pub(crate) async fn module(State(server): State<Server>, Path(path): Path<String>) -> Response {
    match path.strip_suffix("/components") {
        Some(module) => of_module(&server, module).await,
        None => not_found(),
    }
}

async fn of_module(server: &Server, module: &str) -> Response {
    match server.handle.components(module).await {
        Ok(Some(views)) => {
            let listed = views
                .iter()
                .map(|view| component(view, json!([]), json!([]), json!([])));
            Json(JsonValue::Array(listed.collect())).into_response()
        }
        Ok(None) => not_found(),
        Err(gone) => stopping(gone),
    }
}

pub(crate) async fn one(State(server): State<Server>, Path(id): Path<String>) -> Response {
    let detail = match server.handle.component(&id).await {
        Ok(Some(detail)) => detail,
        Ok(None) => return not_found(),
        Err(gone) => return stopping(gone),
    };
    let instances = server.handle.inspect(&id).await;
    Json(described(&server, &detail, instances.as_ref())).into_response()
}

fn described(server: &Server, detail: &ComponentDetail, instances: Option<&Body>) -> JsonValue {
    let arguments = schema::body_to_api_json(&detail.arguments, detail.schema.unwrap_or(&OPEN));
    let exports = schema::exports_to_api_json(&detail.exports);
    let debug = match (&detail.debug, instances) {
        (Some(debug), _) => schema::debug_to_api_json(debug),
        (None, Some(body)) => statements(body),
        (None, None) => json!([]),
    };
    let mut shown = component(&detail.view, arguments, exports, debug);
    shown["liveDebuggingEnabled"] = json!(server.live.is_enabled());
    shown
}

fn component(
    view: &ComponentView,
    arguments: JsonValue,
    exports: JsonValue,
    debug: JsonValue,
) -> JsonValue {
    let mut shown = json!({
        "name": view.name,
        "type": "block",
        "localID": view.local_id,
        "moduleID": view.module_id,
    });
    // Compat: these two are left out when empty.
    if let Some(label) = &view.label {
        shown["label"] = json!(label);
    }
    shown["referencesTo"] = json!(view.references_to);
    shown["referencedBy"] = json!(view.referenced_by);
    shown["dataFlowEdgesTo"] = json!(view.data_flow_to);
    shown["health"] = json!({
        "state": view.health.state.as_str(),
        "message": view.health.message,
        "updatedTime": rfc3339(view.health.updated_ns),
    });
    shown["original"] = json!("");
    shown["arguments"] = arguments;
    shown["exports"] = exports;
    shown["debugInfo"] = debug;
    if !view.created_modules.is_empty() {
        shown["createdModuleIDs"] = json!(view.created_modules);
    }
    shown["liveDebuggingEnabled"] = json!(false);
    shown
}

fn rfc3339(nanoseconds: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds.into());
    time.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// A body as instances give it: attributes and blocks as they are.
fn statements(body: &Body) -> JsonValue {
    let attributes = body.attributes.iter().map(|attribute| {
        let value = schema::value_to_api_json(&attribute.value);
        json!({ "name": attribute.name, "type": "attr", "value": value })
    });
    let blocks = body.blocks.iter().map(|block| {
        let mut shown = json!({ "name": block.name, "type": "block" });
        if let Some(label) = &block.label {
            shown["label"] = json!(label);
        }
        shown["body"] = statements(&block.body);
        shown
    });
    JsonValue::Array(attributes.chain(blocks).collect())
}

/// All components of all modules, with their values.
pub(crate) async fn everything(server: &Server) -> Result<JsonValue, Gone> {
    let mut shown = Vec::new();
    let mut modules = vec![String::new()];
    while let Some(module) = modules.pop() {
        for view in server.handle.components(&module).await?.unwrap_or_default() {
            let id = view.id();
            if let Some(detail) = server.handle.component(&id).await? {
                let instances = server.handle.inspect(&id).await;
                shown.push(described(server, &detail, instances.as_ref()));
            }
            modules.extend(view.created_modules);
        }
    }
    Ok(JsonValue::Array(shown))
}

/// Without clustering this node alone.
pub(crate) async fn peers(State(server): State<Server>) -> Response {
    Json(peer_list(&server)).into_response()
}

pub(crate) fn peer_list(server: &Server) -> JsonValue {
    json!([{
        "name": &*server.hostname,
        "addr": server.address.to_string(),
        "isSelf": true,
        "state": "participant",
    }])
}

pub(crate) async fn remotecfg() -> Response {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "remote configuration is not running\n",
    )
        .into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}
