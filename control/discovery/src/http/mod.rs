//! discovery.http: targets from a URL that answers in Prometheus' HTTP SD format.
//!
//! Asks at once and then each `refresh_interval`. An answer that cannot be used leaves the last
//! targets in place, is counted and logged; the component stays healthy, as in Alloy, since the
//! targets it gave are still good.
//! Reference: docs/sources/reference/components/discovery/discovery.http.md

mod decode;

use std::sync::Arc;
use std::time::Duration;

use blocks::HttpClientConfig;
use eval::{Component, ResolverCx, ResolverError};
use net::{BodyLimits, Client, HeaderValue, Request, StatusCode, header};
use schema::{Check, MetricDecl, MetricKind, Target};

pub use decode::{DecodeError, check_content_type, decode};
pub(crate) use decode::{Group, targets};

use crate::limits::ANSWER_BYTES_MAX;
use crate::refresh::{Discoverer, Discovery, Running, check_interval, client, refresh, refused};

pub static COMPONENT: Component = Component::of::<Discoverer<Http>>();

/// Where to ask for targets, how, and how often.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// URL to fetch targets from.
    #[arg(required)]
    url: String,
    /// How often to refresh targets.
    #[arg(default = "60s")]
    refresh_interval: Duration,
    /// How to ask.
    #[arg(flatten)]
    client: HttpClientConfig,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        match url::Url::parse(&self.url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                check.attribute("url", "\"url\" must begin with http:// or https://");
            }
            Ok(url) if url.host_str().is_none_or(str::is_empty) => {
                check.attribute("url", "\"url\" has no host");
            }
            Ok(_) => {}
            Err(error) => check.attribute("url", format!("\"url\" is no URL: {error}")),
        }
    }
}

const FAILURES: &str = "prometheus_sd_http_failures_total";

struct Http;

impl Discovery for Http {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.http";
    const METRICS: &'static [MetricDecl] = &[MetricDecl {
        name: FAILURES,
        kind: MetricKind::Counter,
        help: "Number of HTTP service discovery refresh failures.",
    }];

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let client = client(&arguments.client, &cx)?;
        let target = net::Target::parse(&arguments.url).map_err(refused)?;
        let request = request(&target, arguments.refresh_interval);
        let interval = arguments.refresh_interval;
        Ok(refresh(cx, interval, Some(FAILURES), async move || {
            ask(&client, &request, &arguments).await
        }))
    }
}

fn request(target: &net::Target, refresh_interval: Duration) -> Request {
    let mut request = Request::get(target);
    request
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    // What Prometheus sends, so that servers can fit what they compute to it.
    request.headers.insert(
        "x-prometheus-refresh-interval-seconds",
        HeaderValue::from(refresh_interval.as_secs()),
    );
    request
}

async fn ask(
    client: &Client,
    request: &Request,
    arguments: &Arguments,
) -> Result<Vec<Target>, String> {
    let limits = BodyLimits::both(ANSWER_BYTES_MAX);
    let sent = client
        .send(request, arguments.refresh_interval, limits)
        .await;
    let response = sent.map_err(|error| error.to_string())?;
    if response.head.status != StatusCode::OK {
        return Err(format!(
            "server returned HTTP status {}",
            response.head.status
        ));
    }
    let content_type = response.head.headers.get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    check_content_type(content_type).map_err(|error| error.to_string())?;
    let targets = decode(&response.body, &arguments.url).map_err(|error| error.to_string())?;
    Ok(targets.into_iter().map(Target::new).collect())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use eval::HealthState;
    use schema::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::tests::{on_control, start};

    /// A server that gives each of these answers once, and the last one for ever. Gives its URL.
    async fn serve(answers: &'static [(&'static str, &'static str, &'static str)]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback");
        let url = format!("http://{}/sd", listener.local_addr().expect("it is bound"));
        tokio::task::spawn_local(async move {
            for turn in 0.. {
                let (status, kind, body) = answers[turn.min(answers.len() - 1)];
                let (mut stream, _) = listener.accept().await.expect("loopback");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a request ends"));
                }
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    body.len()
                );
                let answer = [head.as_bytes(), body.as_bytes()].concat();
                stream.write_all(&answer).await.expect("the client reads");
            }
        });
        url
    }

    /// Waits until the instance has counted this many failures; gives its number of targets.
    async fn targets_after(instance: &eval::Instance, failures: f64) -> usize {
        let wait = async {
            while instance.metrics()[0].1 < failures {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let result = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(result.is_ok(), "counts {:?}", instance.metrics());
        match instance.exports() {
            Value::Object(exports) => match exports.get("targets") {
                Some(Value::Targets(targets)) => targets.len(),
                other => panic!("{other:?} are no targets"),
            },
            other => panic!("{other:?} are no exports"),
        }
    }

    #[test]
    fn a_bad_answer_is_counted_and_leaves_the_last_targets() {
        on_control(async || {
            let url = serve(&[
                ("200 OK", "application/json", r#"[{"targets":["c:1"]}]"#),
                (
                    "200 OK",
                    "application/json",
                    r#"[{"targets":["a:1","b:1"]}]"#,
                ),
                ("500 Oops", "application/json", "[]"),
                ("200 OK", "text/html", "[]"),
                ("200 OK", "application/json", "{"),
            ])
            .await;
            let arguments = [
                ("url", Value::from(url)),
                ("refresh_interval", Value::from("50ms")),
            ];
            let started = start(&COMPONENT, arguments, Rc::default()).await;
            let instance = started.expect("the URL is valid");
            assert_eq!(
                targets_after(&instance, 0.0).await,
                0,
                "nothing was asked yet"
            );
            assert_eq!(targets_after(&instance, 3.0).await, 2);
            assert_eq!(instance.health().state, HealthState::Healthy);
        });
    }
}
