//! import.http: custom components from a URL, asked again each `poll_frequency`.
//!
//! The first answer decides whether the configuration is taken; a later one that is no success
//! leaves the last content in place.
//! Reference: docs/sources/reference/config-blocks/import.http.md

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{ClientContext, HttpClientConfig};
use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use net::{BodyLimits, Bytes, Client, HeaderName, HeaderValue, Method, Request};
use schema::{Check, ExportField, Stability};
use tokio::task::AbortHandle;

use super::{EXPORTS, TEXT_BYTES_MAX, Texts, export};

pub static COMPONENT: Component = Component::of::<ImportHttp>();

/// Where to ask, how, and how often.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// URL of the text.
    #[arg(required)]
    url: String,
    /// Method of the request.
    #[arg(default = "GET")]
    method: String,
    /// Headers of the request.
    headers: BTreeMap<String, String>,
    /// Body of the request.
    body: String,
    /// How often to ask.
    #[arg(default = "1m")]
    poll_frequency: Duration,
    /// How long an answer may take.
    #[arg(default = "10s")]
    poll_timeout: Duration,
    /// How to ask.
    #[arg(block)]
    client: HttpClientConfig,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        for (name, value) in [
            ("poll_frequency", self.poll_frequency),
            ("poll_timeout", self.poll_timeout),
        ] {
            if value.is_zero() {
                check.attribute(name, format!("\"{name}\" must be greater than 0"));
            }
        }
        if self.poll_timeout >= self.poll_frequency {
            // At what the text gives, so that it has a place.
            let name = match check.given("poll_timeout") {
                true => "poll_timeout",
                false => "poll_frequency",
            };
            let message = "\"poll_timeout\" must be less than \"poll_frequency\"";
            check.attribute(name, message);
        }
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", format!("\"url\" is no URL: {error}"));
        }
        if let Err(message) = self.request_parts() {
            check.body(message);
        }
    }

    fn request_parts(&self) -> Result<(Method, Vec<(HeaderName, HeaderValue)>), String> {
        let method = self.method.to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("{:?} is no HTTP method", self.method))?;
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes());
            let name = parsed.map_err(|_| format!("{name:?} is no name of a header"))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("the value of the header \"{name}\" is none"))?;
            headers.push((name, value));
        }
        Ok((method, headers))
    }
}

struct ImportHttp {
    cx: ResolverCx,
    polls: AbortHandle,
}

impl ResolverComponent for ImportHttp {
    type Arguments = Arguments;

    const NAME: &'static str = "import.http";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = EXPORTS;

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<ImportHttp, ResolverError> {
        let polls = poll(arguments, cx.clone()).await?;
        Ok(ImportHttp { cx, polls })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let polls = poll(arguments, self.cx.clone()).await?;
        std::mem::replace(&mut self.polls, polls).abort();
        Ok(())
    }
}

impl Drop for ImportHttp {
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
    let refused = |error: net::HttpError| ResolverError::new(error.to_string());
    let client = arguments.client.build(&context).map_err(refused)?;
    let target = net::Target::parse(&arguments.url).map_err(refused)?;
    let (method, headers) = arguments.request_parts().map_err(ResolverError::new)?;
    let mut request = Request::post(&target, Bytes::from(arguments.body.clone()));
    request.method = method;
    request.headers.extend(headers);
    let first = ask(&client, &request, &arguments).await;
    let text = first.map_err(|error| ResolverError::new(format!("{}: {error}", arguments.url)))?;
    take(&cx, &arguments, text);
    let run = async move {
        loop {
            tokio::time::sleep(arguments.poll_frequency).await;
            match ask(&client, &request, &arguments).await {
                Ok(text) => take(&cx, &arguments, text),
                Err(error) => {
                    tracing::error!(
                        node_id = cx.id(),
                        err = error,
                        "cannot get what is imported, the last content goes on"
                    );
                    cx.health(HealthState::Unhealthy, error);
                }
            }
        }
    };
    Ok(tokio::task::spawn_local(run).abort_handle())
}

fn take(cx: &ResolverCx, arguments: &Arguments, text: String) {
    let url = &arguments.url;
    let folder = url.rfind('/').map_or("", |at| &url[..=at]);
    export(cx, Texts::from([(url.clone(), text)]), folder);
    cx.health(HealthState::Healthy, "polled endpoint");
}

async fn ask(client: &Client, request: &Request, arguments: &Arguments) -> Result<String, String> {
    let limits = BodyLimits::both(TEXT_BYTES_MAX);
    let sent = client.send(request, arguments.poll_timeout, limits).await;
    let response = sent.map_err(|error| error.to_string())?;
    let status = response.head.status;
    if !status.is_success() {
        return Err(format!("unexpected status code {status}"));
    }
    String::from_utf8(response.body).map_err(|_| "the answer is not UTF-8 text".to_owned())
}
