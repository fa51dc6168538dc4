//! `/-/support`: one zip with what somebody needs to see who helps with a problem, and no secret.
//!
//! Names are Alloy's. Every text is cleared of all secrets that the arguments of components hold,
//! configurations also of what looks like one.

mod zip;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plan::{Gone, Support, scrub};

use crate::control::stopping;
use crate::{Server, components, metrics};
use zip::Zip;

/// Between the two samples of metrics, unless the request says otherwise.
const SECONDS: u64 = 30;
/// Limit: a longer wait holds a connection and tells no more.
const SECONDS_MAX: u64 = 300;

const FOLDER: &str = "alloy-support-bundle";

/// Names whose values tell how the process was set up; those of others may be secrets.
const ENVIRONMENT: [&str; 14] = [
    "AUTOMEMLIMIT",
    "GODEBUG",
    "GOGC",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "HOSTNAME",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "PPROF_BLOCK_PROFILING_RATE",
    "PPROF_MUTEX_PROFILING_PERCENT",
];

/// What the process knows about itself besides the graph.
pub trait Facts: Send + Sync {
    /// `--name=value`, a line each.
    fn flags(&self) -> String;
    /// The last log lines.
    fn logs(&self) -> String;
}

/// `?duration=5`, in seconds.
pub(crate) async fn bundle(
    State(server): State<Server>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(facts) = server.facts.clone() else {
        let text = "support bundle generation is disabled; it can be re-enabled by removing the \
                    --server.http.disable-support-bundle flag\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    };
    let seconds = match parameters.get("duration").map(|text| text.parse::<u64>()) {
        None => SECONDS,
        Some(Ok(seconds)) if (1..=SECONDS_MAX).contains(&seconds) => seconds,
        Some(_) => {
            let text =
                format!("duration value (in seconds) should be between 1 and {SECONDS_MAX}\n");
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    match collect(&server, &*facts, seconds).await {
        Ok(zip) => {
            let head = [
                (header::CONTENT_TYPE, "application/zip"),
                (
                    header::CONTENT_DISPOSITION,
                    "attachment; filename=\"alloy-support-bundle.zip\"",
                ),
            ];
            (head, zip).into_response()
        }
        Err(gone) => stopping(gone),
    }
}

async fn collect(server: &Server, facts: &dyn Facts, seconds: u64) -> Result<Vec<u8>, Gone> {
    let start = metrics::text(server).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let end = metrics::text(server).await?;
    let details = components::everything(server).await?;
    let Support { sources, secrets } = server.handle.support().await?;
    let mut files = vec![
        ("alloy-metadata.yaml".to_owned(), metadata(server)),
        ("alloy-components.json".to_owned(), details.to_string()),
        (
            "alloy-peers.json".to_owned(),
            components::peer_list(server).to_string(),
        ),
        ("alloy-metrics-sample-start.txt".to_owned(), start),
        ("alloy-metrics-sample-end.txt".to_owned(), end),
        ("alloy-runtime-flags.txt".to_owned(), facts.flags()),
        ("alloy-environment.txt".to_owned(), environment()),
    ];
    let logs = facts.logs();
    if !logs.is_empty() {
        files.push(("alloy-logs.txt".to_owned(), logs));
    }
    for (name, text) in sources {
        let base = Path::new(&name).file_name().unwrap_or_default();
        files.push((format!("sources/{}", base.to_string_lossy()), text));
    }
    let mut zip = Zip::default();
    for (name, text) in files {
        zip.add(
            &format!("{FOLDER}/{name}"),
            scrub(&text, &secrets).as_bytes(),
        );
    }
    Ok(zip.finish())
}

fn metadata(server: &Server) -> String {
    format!(
        "build_version: {}\nos: {}\narchitecture: {}\n",
        server.build.version,
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn environment() -> String {
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    let lines = ENVIRONMENT.map(|name| {
        // A proxy's URL may have a password in it.
        let value = value(name);
        format!("{name}={}\n", syntax::masked(&value))
    });
    lines.concat()
}
