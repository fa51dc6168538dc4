//! remote.http: what a URL answers, kept up to date.
//!
//! Asks at the start, whose failure refuses the configuration, and then each `poll_frequency`. An
//! answer that cannot be used later leaves the last content in place and makes the component
//! unhealthy until there is a good one.
//! Reference: docs/sources/reference/components/remote/remote.http.md

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{ClientContext, HttpClientConfig};
use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use net::{BodyLimits, Bytes, Client, HeaderName, HeaderValue, Method, Request, StatusCode};
use schema::{Capsule, Check, ExportField, OptionalSecret, Stability, Value};
use tokio::task::AbortHandle;

pub static COMPONENT: Component = Component::of::<RemoteHttp>();

/// What to ask, how, and how often.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// URL to poll.
    #[arg(required)]
    url: String,
    /// Body of the request.
    #[arg(default = "")]
    body: String,
    /// Headers of the request.
    headers: BTreeMap<String, String>,
    /// Marks the answer as a secret.
    #[arg(default = false)]
    is_secret: bool,
    /// HTTP method of the request.
    #[arg(default = "GET")]
    method: String,
    /// How often to ask.
    #[arg(default = "1m")]
    poll_frequency: Duration,
    /// How long an answer may take; less than `poll_frequency`.
    #[arg(default = "10s")]
    poll_timeout: Duration,
    /// The client's settings.
    #[arg(block)]
    client: HttpClientConfig,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        let attributes = [
            ("poll_frequency", self.poll_frequency),
            ("poll_timeout", self.poll_timeout),
        ];
        for (name, value) in attributes {
            if value.is_zero() {
                check.attribute(name, format!("{name} must be greater than 0"));
            }
        }
        if self.poll_frequency <= self.poll_timeout {
            let name = match check.given("poll_timeout") {
                true => "poll_timeout",
                false => "poll_frequency",
            };
            check.attribute(name, "poll_timeout must be less than poll_frequency");
        }
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", error.to_string());
        }
        if Method::from_bytes(self.method.as_bytes()).is_err() {
            check.attribute(
                "method",
                format!("net/http: invalid method {:?}", self.method),
            );
        }
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value));
        blocks::refuse_invalid_headers("headers", headers, check);
    }

    /// The request, as it is sent each time.
    fn request(&self) -> Result<Request, ResolverError> {
        let refused = |error: net::HttpError| ResolverError::new(error.to_string());
        let target = net::Target::parse(&self.url).map_err(refused)?;
        let mut request = Request::get(&target);
        request.body = Bytes::from(self.body.clone()).into();
        // Compat: no method means GET, as in Go.
        if !self.method.is_empty() {
            let method = Method::from_bytes(self.method.as_bytes());
            request.method = method.map_err(|error| ResolverError::new(error.to_string()))?;
        }
        for (name, value) in &self.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            if let Some((name, value)) = parsed.zip(HeaderValue::from_str(value).ok()) {
                request.headers.insert(name, value);
            }
        }
        Ok(request)
    }
}

/// Limit: bytes of an answer, before and after decompression. It is held in memory and may be
/// copied by expressions; above this the answer is refused.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

struct RemoteHttp {
    cx: ResolverCx,
    polls: AbortHandle,
}

impl ResolverComponent for RemoteHttp {
    type Arguments = Arguments;

    const NAME: &'static str = "remote.http";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "content",
        type_name: "string|secret",
    }];

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<RemoteHttp, ResolverError> {
        let polls = poll(arguments, cx.clone()).await?;
        Ok(RemoteHttp { cx, polls })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let polls = poll(arguments, self.cx.clone()).await?;
        std::mem::replace(&mut self.polls, polls).abort();
        Ok(())
    }
}

impl Drop for RemoteHttp {
    fn drop(&mut self) {
        self.polls.abort();
    }
}

/// Asks once, and begins to ask again and again.
async fn poll(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<AbortHandle, ResolverError> {
    let context = ClientContext {
        user_agent: &cx.environment().user_agent,
        overrides: &[],
    };
    let client = arguments.client.build(&context);
    let client = client.map_err(|error| ResolverError::new(error.to_string()))?;
    let request = arguments.request()?;
    ask(&client, &request, &arguments, &cx)
        .await
        .map_err(ResolverError::new)?;
    let run = async move {
        let mut failing = false;
        loop {
            tokio::time::sleep(arguments.poll_frequency).await;
            let Err(error) = ask(&client, &request, &arguments, &cx).await else {
                failing = false;
                continue;
            };
            // Said once; the health says it as long as it lasts.
            if !failing {
                let url = &arguments.url;
                tracing::error!(component_id = cx.id(), url, err = error, "polling failed");
            }
            failing = true;
            cx.health(HealthState::Unhealthy, format!("polling failed: {error}"));
        }
    };
    Ok(tokio::task::spawn_local(run).abort_handle())
}

/// Asks and exports the answer.
async fn ask(
    client: &Client,
    request: &Request,
    arguments: &Arguments,
    cx: &ResolverCx,
) -> Result<(), String> {
    let limits = BodyLimits::both(ANSWER_BYTES_MAX);
    let sent = client.send(request, arguments.poll_timeout, limits).await;
    let response = sent.map_err(|error| format!("performing request: {error}"))?;
    if response.head.status != StatusCode::OK {
        return Err(format!("unexpected status code {}", response.head.status));
    }
    let text = String::from_utf8_lossy(&response.body);
    let content = match arguments.is_secret {
        true => OptionalSecret::secret(text.trim()),
        false => OptionalSecret::plain(text.trim()),
    };
    cx.export([("content", Value::Capsule(Capsule::OptionalSecret(content)))]);
    cx.health(HealthState::Healthy, "polled endpoint");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::tests::{on_real_control, start};

    type Answers = Rc<RefCell<Vec<(&'static str, &'static str)>>>;

    /// A server that gives each answer once and the last one for ever; gives its URL and the
    /// requests that came.
    async fn serve(answers: Answers) -> (String, Rc<RefCell<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback");
        let url = format!("http://{}/v", listener.local_addr().expect("it is bound"));
        let requests = Rc::new(RefCell::new(Vec::new()));
        let seen = requests.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("loopback");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a request ends"));
                }
                let request = String::from_utf8(request).expect("a request is text");
                seen.borrow_mut().push(request.to_lowercase());
                let (status, body) = {
                    let mut answers = answers.borrow_mut();
                    match answers.len() {
                        1 => answers[0],
                        _ => answers.remove(0),
                    }
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let written = stream.write_all(answer.as_bytes()).await;
                written.expect("the client reads");
            }
        });
        (url, requests)
    }

    fn content(instance: &eval::Instance) -> (String, bool) {
        let Value::Object(exports) = instance.exports() else {
            panic!("exports are an object")
        };
        match exports.get("content") {
            Some(Value::Capsule(Capsule::OptionalSecret(text))) => {
                (text.expose().to_owned(), text.is_secret())
            }
            other => panic!("{other:?} is no content"),
        }
    }

    /// Waits until `done`, at most 20 seconds.
    async fn until(what: &str, done: impl Fn() -> bool) {
        let wait = async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let result = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(result.is_ok(), "{what} did not come");
    }

    fn arguments(url: &str) -> [(&'static str, Value); 6] {
        [
            ("url", Value::from(url)),
            ("poll_frequency", Value::from("20s")),
            ("poll_timeout", Value::from("19s")),
            ("is_secret", Value::from(true)),
            ("method", Value::from("PUT")),
            (
                "headers",
                Value::object([("X-H", "1".into()), ("User-Agent", "own".into())]),
            ),
        ]
    }

    #[test]
    fn an_answer_is_kept_until_there_is_another() {
        on_real_control(async || {
            let first = vec![("200 OK", " first \n"), ("503 Busy", "x")];
            let answers: Answers = Rc::new(RefCell::new(first));
            let (url, requests) = serve(answers.clone()).await;
            let started = start(&COMPONENT, arguments(&url), Rc::default()).await;
            let instance = started.expect("the first answer is good");
            assert_eq!(content(&instance), ("first".to_owned(), true));
            assert_eq!(instance.health().state, HealthState::Healthy);
            let request = requests.borrow()[0].clone();
            assert!(request.starts_with("put /v http/1.1\r\n"), "{request}");
            assert!(request.contains("x-h: 1\r\n"), "{request}");
            assert!(request.contains("user-agent: own\r\n"), "{request}");
        });
    }

    #[test]
    fn a_later_failure_is_told_and_passes() {
        on_real_control(async || {
            let first = vec![("200 OK", "first"), ("503 Busy", "x")];
            let answers: Answers = Rc::new(RefCell::new(first));
            let (url, _) = serve(answers.clone()).await;
            let mut arguments = arguments(&url);
            let started = start(&COMPONENT, arguments.clone(), Rc::default()).await;
            let mut instance = started.expect("the first answer is good");
            // New arguments ask at once.
            arguments[0].1 = Value::from(format!("{url}2"));
            let updated = crate::tests::update(&mut instance, &COMPONENT, arguments.clone()).await;
            let error = updated.expect_err("the server is busy").to_string();
            assert_eq!(error, "unexpected status code 503 Service Unavailable");
            assert_eq!(content(&instance).0, "first");
            *answers.borrow_mut() = vec![("200 OK", "second")];
            let updated = crate::tests::update(&mut instance, &COMPONENT, arguments).await;
            updated.expect("the server is well");
            assert_eq!(content(&instance).0, "second");
        });
    }

    #[test]
    fn polling_makes_unhealthy_and_healthy() {
        on_real_control(async || {
            let answers: Answers = Rc::new(RefCell::new(vec![("200 OK", "first")]));
            let (url, _) = serve(answers.clone()).await;
            let mut arguments = arguments(&url);
            // A loaded machine may take long for one answer.
            arguments[1].1 = Value::from("2s");
            arguments[2].1 = Value::from("1999ms");
            let started = start(&COMPONENT, arguments, Rc::default()).await;
            let instance = started.expect("the first answer is good");
            *answers.borrow_mut() = vec![("404 Not Found", "x")];
            until("the failure", || {
                instance.health().state == HealthState::Unhealthy
            })
            .await;
            assert_eq!(content(&instance).0, "first");
            *answers.borrow_mut() = vec![("200 OK", "second")];
            until("the second content", || content(&instance).0 == "second").await;
            assert_eq!(instance.health().state, HealthState::Healthy);
        });
    }

    #[test]
    fn a_first_answer_that_fails_refuses_the_configuration() {
        on_real_control(async || {
            let url = ("url", Value::from("http://127.0.0.1:1/"));
            let started = start(&COMPONENT, [url], Rc::default()).await;
            let error = started.err().expect("nobody listens").to_string();
            assert!(error.starts_with("performing request: "), "{error}");
        });
    }

    #[test]
    fn settings_that_contradict_are_refused() {
        let url = || ("url", Value::from("http://h/"));
        for (name, value) in [
            ("poll_timeout", "1m"),
            ("poll_frequency", "5s"),
            ("poll_timeout", "0s"),
            ("method", "A B"),
        ] {
            let errors = crate::tests::refusals(&COMPONENT, [url(), (name, Value::from(value))]);
            assert_eq!(errors.len(), 1, "{name} = {value}: {errors:?}");
        }
    }
}
