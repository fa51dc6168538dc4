//! Handlers: what `otelcol.auth.*` and `otelcol.storage.*` export and others take.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use batch::otlp::Client;
use net::SigV4Options;
use net::header;
use net::tls::ClientTls;
use net::{Auth, HeaderMap, HeaderName, HeaderValue, OAuth2Options, ProxyOptions, SecretSource};
use schema::{Argument, Secret, Type, Value};

/// The name of the type in declarations.
const KIND: &str = "otelcol.Handler";

/// What a component exports as `handler`. Clones are the same.
#[derive(Clone, PartialEq)]
pub struct Handler(Arc<Content>);

#[derive(PartialEq)]
struct Content {
    client: Option<ClientAuth>,
    server: Option<ServerAuth>,
    storage: bool,
}

/// How requests are authenticated.
#[derive(Clone, PartialEq)]
pub enum ClientAuth {
    Basic {
        username: String,
        password: SecretSource,
    },
    /// A header with a secret: `scheme token`.
    Bearer {
        header: String,
        scheme: String,
        token: Secret,
    },
    OAuth2(Arc<OAuth2>),
    Headers(Vec<HeaderRule>),
    SigV4 {
        region: String,
        service: String,
    },
}

/// How the requests of others are checked.
#[derive(Clone, PartialEq)]
pub enum ServerAuth {
    /// User names with their passwords.
    Basic { users: Vec<(String, Secret)> },
    Bearer {
        header: String,
        scheme: String,
        token: Secret,
    },
}

/// OAuth 2 client credentials.
#[derive(Clone, PartialEq)]
pub struct OAuth2 {
    pub client_id: String,
    pub client_secret: SecretSource,
    pub token_url: String,
    pub scopes: Vec<String>,
    pub endpoint_params: Vec<(String, String)>,
    pub tls: ClientTls,
}

/// One header that requests get.
#[derive(Clone, PartialEq)]
pub struct HeaderRule {
    pub key: String,
    pub action: HeaderAction,
    pub value: HeaderSource,
}

/// Where the value of a header comes from.
#[derive(Clone, PartialEq)]
pub enum HeaderSource {
    Value(Secret),
    /// Metadata of the request that brought the data, by name.
    Context(String),
    /// What authentication has found out about the sender, by name.
    Identity(String),
}

/// What becomes of a header that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HeaderAction {
    Insert,
    Update,
    Upsert,
    Delete,
}

impl Handler {
    /// A handler that authenticates.
    pub fn auth(client: Option<ClientAuth>, server: Option<ServerAuth>) -> Handler {
        Handler(Arc::new(Content {
            client,
            server,
            storage: false,
        }))
    }

    /// A place on disk: taken and mapped to the log, which is durable in any case.
    pub fn storage() -> Handler {
        Handler(Arc::new(Content {
            client: None,
            server: None,
            storage: true,
        }))
    }

    /// How requests are authenticated.
    pub fn client(&self) -> Option<&ClientAuth> {
        self.0.client.as_ref()
    }

    /// How the requests of others are checked.
    pub fn server(&self) -> Option<&ServerAuth> {
        self.0.server.as_ref()
    }

    pub fn is_storage(&self) -> bool {
        self.0.storage
    }
}

impl Argument for Handler {
    fn ty() -> Type {
        Type::Capsule(KIND)
    }

    fn from_value(value: &Value) -> Result<Handler, String> {
        match value {
            Value::Capsule(capsule) => capsule.downcast::<Handler>().cloned(),
            _ => None,
        }
        .ok_or_else(|| format!("unexpected {}", value.describe()))
    }

    fn to_value(&self) -> Value {
        Value::opaque(KIND, self.clone())
    }
}

impl ClientAuth {
    /// What a client of `net` that sends to an endpoint does by itself.
    pub fn auth(&self, endpoint: &str) -> Auth {
        match self {
            ClientAuth::SigV4 { region, service } => {
                let (told_region, told_service) = told_by_name(endpoint);
                let or = |given: &String, told: &str| match given.as_str() {
                    "" => told.to_owned(),
                    given => given.to_owned(),
                };
                Auth::SigV4(Box::new(SigV4Options {
                    region: or(region, told_region),
                    service: or(service, told_service),
                    access_key: String::new(),
                    secret_key: net::Secret::new(""),
                    profile: String::new(),
                }))
            }
            ClientAuth::Basic { username, password } => Auth::Basic {
                username: username.clone(),
                password: Some(password.clone()),
            },
            ClientAuth::Bearer {
                header,
                scheme,
                token,
            } if header.eq_ignore_ascii_case("authorization") && !scheme.is_empty() => {
                Auth::Authorization {
                    scheme: scheme.clone(),
                    credentials: Some(SecretSource::Inline(net::Secret::new(token.expose()))),
                }
            }
            ClientAuth::OAuth2(oauth2) => Auth::OAuth2(Box::new(OAuth2Options {
                client_id: oauth2.client_id.clone(),
                client_secret: oauth2.client_secret.clone(),
                scopes: oauth2.scopes.clone(),
                token_url: oauth2.token_url.clone(),
                endpoint_params: oauth2.endpoint_params.clone(),
                proxy: ProxyOptions::direct(),
                tls: oauth2.tls.clone(),
            })),
            ClientAuth::Bearer { .. } | ClientAuth::Headers(_) => Auth::None,
        }
    }

    /// Sets the headers that `auth` cannot say; gives those whose values come with the data.
    pub fn put_headers(&self, headers: &mut HeaderMap) -> Vec<HeaderRule> {
        let mut rules = self.rules();
        rules.retain(|rule| match rule.fixed() {
            Some(value) => {
                rule.apply(headers, value);
                false
            }
            None => true,
        });
        rules
    }

    fn rules(&self) -> Vec<HeaderRule> {
        match self {
            ClientAuth::Headers(rules) => rules.clone(),
            ClientAuth::Bearer {
                header,
                scheme,
                token,
            } if matches!(self.auth(""), Auth::None) => {
                let value = format!("{scheme} {}", token.expose());
                vec![HeaderRule {
                    key: header.clone(),
                    action: HeaderAction::Upsert,
                    value: HeaderSource::Value(Secret::new(value.trim())),
                }]
            }
            _ => Vec::new(),
        }
    }
}

/// Region and service of AWS that the host of an endpoint tells, empty where it does not.
fn told_by_name(endpoint: &str) -> (&str, &str) {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let services = [
        ("aps-workspaces", "aps"),
        ("search-", "es"),
        ("logs", "logs"),
        ("xray", "xray"),
    ];
    match services.iter().find(|(prefix, _)| host.starts_with(prefix)) {
        Some((_, service)) => (host.split('.').nth(1).unwrap_or_default(), service),
        None => ("", ""),
    }
}

impl HeaderRule {
    /// The value that does not depend on a request.
    pub fn fixed(&self) -> Option<&str> {
        match &self.value {
            HeaderSource::Value(value) => Some(value.expose()),
            HeaderSource::Context(_) | HeaderSource::Identity(_) => None,
        }
    }

    /// The value for what this client has sent. Compat: what is not known is empty.
    pub fn value_for(&self, client: Option<&Client>) -> Result<String, String> {
        let values = match (&self.value, client) {
            (HeaderSource::Value(value), _) => return Ok(value.expose().to_owned()),
            (_, None) => return Ok(String::new()),
            (HeaderSource::Identity(name), Some(client)) => {
                return Ok(client.identity(name).unwrap_or_default().to_owned());
            }
            (HeaderSource::Context(name), Some(client)) => {
                if let Some(found) = name
                    .strip_prefix("auth.")
                    .and_then(|it| client.identity(it))
                {
                    return Ok(found.to_owned());
                }
                client.metadata.get(name)
            }
        };
        match values {
            [] => Ok(String::new()),
            [value] => Ok(value.clone()),
            values => Err(format!(
                "{} source keys found in the context, can't determine which one to use",
                values.len()
            )),
        }
    }

    /// Does to the headers what it says, with this value.
    pub fn apply(&self, headers: &mut HeaderMap, value: &str) {
        let Ok(name) = HeaderName::from_bytes(self.key.as_bytes()) else {
            return;
        };
        let there = headers.contains_key(&name);
        match self.action {
            HeaderAction::Delete => {
                headers.remove(name);
            }
            HeaderAction::Insert if there => {}
            HeaderAction::Update if !there => {}
            HeaderAction::Insert | HeaderAction::Update | HeaderAction::Upsert => {
                if let Ok(mut value) = HeaderValue::from_str(value) {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
            }
        }
    }
}

impl ServerAuth {
    /// What is known of a client whose request has passed `check`.
    pub fn identity(&self, headers: &HeaderMap) -> Vec<(&'static str, String)> {
        let name = match self {
            ServerAuth::Basic { .. } => header::AUTHORIZATION.as_str(),
            ServerAuth::Bearer { header, .. } => header.as_str(),
        };
        let given = headers.get(name).and_then(|value| value.to_str().ok());
        let given = given.unwrap_or_default();
        let credentials = given.split_once(' ').map_or(given, |(_, rest)| rest.trim());
        let mut identity = vec![("raw", credentials.to_owned())];
        if let ServerAuth::Basic { .. } = self
            && let Ok(decoded) = STANDARD.decode(credentials)
            && let Ok(text) = String::from_utf8(decoded)
            && let Some((user, _)) = text.split_once(':')
        {
            identity.push(("username", user.to_owned()));
        }
        identity
    }

    /// Whether the headers of a request say who it is; else what is wrong.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        match self {
            ServerAuth::Basic { users } => {
                let given = headers.get(header::AUTHORIZATION);
                let given = given.ok_or("no basic auth provided")?;
                let decoded = given
                    .to_str()
                    .ok()
                    .and_then(|text| text.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
                    .and_then(|(_, rest)| STANDARD.decode(rest.trim()).ok())
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or("invalid schema or format")?;
                let (name, password) = decoded.split_once(':').ok_or("invalid format")?;
                let known = users
                    .iter()
                    .any(|(user, secret)| user == name && same(secret.expose(), password));
                known.then_some(()).ok_or("invalid credentials")
            }
            ServerAuth::Bearer {
                header,
                scheme,
                token,
            } => {
                let given = headers.get(header).and_then(|value| value.to_str().ok());
                let given = given.ok_or("missing or empty authorization header")?;
                let expected = match scheme.as_str() {
                    "" => token.expose().to_owned(),
                    scheme => format!("{scheme} {}", token.expose()),
                };
                same(&expected, given)
                    .then_some(())
                    .ok_or("scheme or token does not match")
            }
        }
    }
}

/// In a time that does not tell where two texts part.
fn same(left: &str, right: &str) -> bool {
    let pairs = left.bytes().zip(right.bytes());
    let differ = pairs.fold(0, |differ, (left, right)| differ | (left ^ right));
    left.len() == right.len() && differ == 0
}
