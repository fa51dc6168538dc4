//! OAuth 2 client credentials (RFC 6749, section 4.4): one token for all requests of a client.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use runtime::Instant;
use runtime::sync::Semaphore;
use url::form_urlencoded::{self, Serializer};

use crate::auth::{Stored, authorization, basic};
use crate::client::{Client, ClientOptions, Request, Response};
use crate::{BodyLimits, HttpError, OAuth2Options, Secret, Target};

/// A token is not used in its last seconds, since the request still has to arrive (Go's value).
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);
/// Limit: an answer with a token; real ones are below 10 KiB.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
/// How long the token endpoint may take; the request's own timeout is usually shorter.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches tokens and keeps the current one.
pub(crate) struct TokenSource {
    client: Client,
    target: Target,
    client_id: String,
    client_secret: Stored,
    form: Vec<(String, String)>,
    token: RefCell<Option<Token>>,
    /// One fetch at a time; the other requests wait for its token.
    fetching: Semaphore,
    /// Set once the endpoint took the secret in the form and not in the header.
    secret_in_form: Cell<bool>,
}

struct Token {
    header: HeaderValue,
    /// Absent: the endpoint named no end.
    until: Option<Instant>,
    /// A token is bound to the secret that it was got with.
    secret: Secret,
}

impl TokenSource {
    pub(crate) fn new(options: &OAuth2Options, user_agent: &str) -> Result<TokenSource, HttpError> {
        let mut client = ClientOptions::new(user_agent);
        client.proxy = options.proxy.clone();
        client.tls = options.tls.clone();
        let mut form = options.endpoint_params.clone();
        form.push(("grant_type".to_owned(), "client_credentials".to_owned()));
        if !options.scopes.is_empty() {
            form.push(("scope".to_owned(), options.scopes.join(" ")));
        }
        // Compat: Go sends forms sorted by name (conformance case metrics/auth_oauth2).
        form.sort();
        Ok(TokenSource {
            client: Client::new(client)?,
            target: Target::parse(&options.token_url)?,
            client_id: options.client_id.clone(),
            client_secret: Stored::new(&options.client_secret),
            form,
            token: RefCell::new(None),
            fetching: Semaphore::new(1),
            secret_in_form: Cell::new(false),
        })
    }

    pub(crate) async fn header(&self) -> Result<HeaderValue, HttpError> {
        let secret = self.client_secret.get().await?;
        if let Some(header) = self.current(&secret) {
            return Ok(header);
        }
        let _turn = self.fetching.acquire(1).await;
        if let Some(header) = self.current(&secret) {
            return Ok(header);
        }
        // Boxed, since a token request is itself a request of a client.
        let token = Box::pin(self.fetch(secret)).await?;
        let header = token.header.clone();
        *self.token.borrow_mut() = Some(token);
        Ok(header)
    }

    fn current(&self, secret: &Secret) -> Option<HeaderValue> {
        let token = self.token.borrow();
        let token = token.as_ref().filter(|token| token.secret == *secret)?;
        let usable = token.until.is_none_or(|until| runtime::now() < until);
        usable.then(|| token.header.clone())
    }

    async fn fetch(&self, secret: Secret) -> Result<Token, HttpError> {
        let in_form = self.secret_in_form.get();
        let mut answer = self.ask(&secret, in_form).await?;
        // RFC 6749, 2.3.1: servers must take the header and may take the form. Some only take the
        // form and answer 400 or 401 to the header.
        if !in_form && answer.head.status.is_client_error() {
            let second = self.ask(&secret, true).await?;
            if second.head.status.is_success() {
                self.secret_in_form.set(true);
                answer = second;
            }
        }
        self.read(&answer, secret)
    }

    async fn ask(&self, secret: &Secret, in_form: bool) -> Result<Response, HttpError> {
        let mut form = self.form.clone();
        if in_form {
            form.push(("client_id".to_owned(), self.client_id.clone()));
            form.push(("client_secret".to_owned(), secret.expose().to_owned()));
            form.sort();
        }
        let form = Serializer::new(String::new()).extend_pairs(&form).finish();
        let mut request = Request::post(&self.target, Bytes::from(form));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, form_type);
        if !in_form {
            let encode = |text: &str| -> String {
                form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let header = basic(&encode(&self.client_id), &encode(secret.expose()));
            request.headers.insert(header::AUTHORIZATION, header);
        }
        self.client
            .send(&request, FETCH_TIMEOUT, BodyLimits::both(ANSWER_BYTES_MAX))
            .await
            .map_err(|error| self.refuse(error.to_string()))
    }

    fn read(&self, answer: &Response, secret: Secret) -> Result<Token, HttpError> {
        if !answer.head.status.is_success() {
            return Err(self.refuse(refusal(answer.head.status, &answer.body)));
        }
        let fields = Fields::parse(answer);
        let access = fields
            .access_token
            .filter(|token| !token.is_empty())
            .ok_or_else(|| self.refuse("the answer has no access_token".to_owned()))?;
        let scheme = match fields.token_type.as_deref() {
            None | Some("") => "Bearer",
            Some(kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            Some(other) => other,
        };
        let lifetime = fields.expires_in.filter(|seconds| *seconds > 0);
        let until = lifetime.map(|seconds| {
            runtime::now() + Duration::from_secs(seconds).saturating_sub(EXPIRY_MARGIN)
        });
        Ok(Token {
            header: authorization(scheme, &access)?,
            until,
            secret,
        })
    }

    fn refuse(&self, cause: String) -> HttpError {
        HttpError::Token {
            url: self.target.to_string(),
            cause,
        }
    }
}

/// The endpoint's refusal, with its own words if it said any.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| said.as_ref()?.get(name)?.as_str().map(str::to_owned);
    match (field("error"), field("error_description")) {
        (Some(error), Some(why)) => format!("it answered {status}, {error}: {why}"),
        (Some(error), None) => format!("it answered {status}, {error}"),
        _ => format!("it answered {status}"),
    }
}

#[derive(Default)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

impl Fields {
    fn parse(answer: &Response) -> Fields {
        let kind = answer.head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
        // Some endpoints answer in form encoding and call it text.
        if kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("text/plain") {
            return Fields::from_form(&answer.body);
        }
        Fields::from_json(&answer.body)
    }

    fn from_form(body: &[u8]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "access_token" => fields.access_token = Some(value.into_owned()),
                "token_type" => fields.token_type = Some(value.into_owned()),
                "expires_in" => fields.expires_in = value.parse().ok(),
                _ => {}
            }
        }
        fields
    }

    fn from_json(body: &[u8]) -> Fields {
        let Ok(said) = serde_json::from_slice::<serde_json::Value>(body) else {
            return Fields::default();
        };
        let text = |name: &str| said.get(name)?.as_str().map(str::to_owned);
        // A number by the standard, a string from some endpoints.
        let expires_in = said
            .get("expires_in")
            .and_then(|value| match value.as_str() {
                Some(text) => text.parse().ok(),
                None => value.as_f64().map(|seconds| seconds as u64),
            });
        Fields {
            access_token: text("access_token"),
            token_type: text("token_type"),
            expires_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_come_as_numbers_strings_and_forms() {
        for body in [
            r#"{"expires_in":60}"#,
            r#"{"expires_in":"60"}"#,
            r#"{"expires_in":60.5}"#,
        ] {
            assert_eq!(
                Fields::from_json(body.as_bytes()).expires_in,
                Some(60),
                "{body}"
            );
        }
        assert_eq!(
            Fields::from_form(b"access_token=a%20b&expires_in=60").expires_in,
            Some(60)
        );
        assert_eq!(Fields::from_json(b"not json").access_token, None);
    }

    #[test]
    fn a_refusal_quotes_the_endpoint() {
        let body = br#"{"error":"invalid_client","error_description":"who are you"}"#;
        assert_eq!(
            refusal(StatusCode::UNAUTHORIZED, body),
            "it answered 401 Unauthorized, invalid_client: who are you"
        );
    }
}
