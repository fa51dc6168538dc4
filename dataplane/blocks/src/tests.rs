//! What blocks take, refuse and build.

use schema::{Arguments, Attribute, Block, Body, DecodeError, Span, Value, ValueSpan};

use crate::*;

/// A component that sends requests, as families declare it.
#[derive(Arguments)]
struct Sender {
    #[arg(flatten, defaults(enable_http2 = false))]
    client: HttpClientConfig,
    #[arg(block)]
    sigv4: Option<SigV4>,
    #[arg(block)]
    azuread: Option<AzureAd>,
    #[arg(block)]
    google_iam: Option<GoogleIam>,
    #[arg(block, name = "rule")]
    rules: Vec<RelabelRule>,
}

/// Each name has a span of its own: it is found again by its number.
struct Text {
    names: Vec<String>,
}

impl Text {
    fn span(&mut self, what: &str) -> Span {
        self.names.push(what.to_owned());
        let start = self.names.len() as u32;
        Span {
            file: 0,
            start,
            end: start,
        }
    }

    fn attribute(&mut self, name: &str, value: Value) -> Attribute {
        Attribute {
            name: name.to_owned(),
            value,
            span: self.span(&format!("name of {name}")),
            value_span: ValueSpan::at(self.span(name)),
        }
    }
}

/// Part of a body: `name = value`, or a block.
enum Part {
    Set(&'static str, Value),
    In(&'static str, Vec<Part>),
}

fn set(name: &'static str, value: impl Into<Value>) -> Part {
    Part::Set(name, value.into())
}

fn body(text: &mut Text, block: &str, parts: Vec<Part>) -> Body {
    let mut body = Body {
        span: text.span(&format!("block {block}")),
        ..Body::default()
    };
    for part in parts {
        match part {
            Part::Set(name, value) => body.attributes.push(text.attribute(name, value)),
            Part::In(name, parts) => {
                let span = text.span(&format!("block {name}"));
                let inner = self::body(text, name, parts);
                let name = name.to_owned();
                body.blocks.push(Block {
                    name,
                    label: None,
                    body: inner,
                    span,
                });
            }
        }
    }
    body
}

fn decode(parts: Vec<Part>) -> Result<Sender, Vec<(String, DecodeError)>> {
    let mut text = Text { names: Vec::new() };
    let body = body(&mut text, "sender", parts);
    let mut errors = Vec::new();
    let sender = Sender::decode(&body, &mut errors);
    let place = |error: &DecodeError| text.names[error.span.start as usize - 1].clone();
    sender.ok_or_else(|| {
        errors
            .into_iter()
            .map(|error| (place(&error), error))
            .collect()
    })
}

fn good(parts: Vec<Part>) -> Sender {
    let because = |errors: Vec<(String, DecodeError)>| -> Sender {
        let errors: Vec<_> = errors.into_iter().map(|(_, error)| error.message).collect();
        panic!("refused: {errors:?}")
    };
    decode(parts).unwrap_or_else(because)
}

/// Where the only mistake is, and what it says.
#[track_caller]
fn refused(parts: Vec<Part>, place: &str, message: &str) {
    let errors = decode(parts).err().expect("refused");
    let found: Vec<_> = errors
        .iter()
        .map(|(place, e)| (place.as_str(), &*e.message))
        .collect();
    assert_eq!(found, [(place, message)]);
}

fn options(parts: Vec<Part>) -> net::ClientOptions {
    let cx = ClientContext {
        user_agent: "test/1",
        overrides: &[],
    };
    good(parts).client.options(&cx)
}

#[test]
fn an_empty_client_has_the_references_defaults() {
    let sender = good(Vec::new());
    assert!(sender.client.follow_redirects && !sender.client.enable_http2);
    assert!(!sender.client.authenticates());
    assert!(sender.sigv4.is_none() && sender.azuread.is_none() && sender.google_iam.is_none());
    let options = options(vec![set("enable_http2", true)]);
    assert!(options.enable_http2 && options.headers.is_empty());
    assert!(matches!(options.proxy.proxy, net::Proxy::Direct));
    assert!(options.tls == net::tls::ClientTls::system());
    assert!(net::Client::new(options).is_ok());
}

const ONE_WAY: &str = "at most one of basic_auth, authorization, oauth2, bearer_token & \
                       bearer_token_file must be configured";

#[test]
fn at_most_one_way_to_authenticate_is_taken() {
    let basic = || Part::In("basic_auth", vec![set("username", "u")]);
    let authorization = || Part::In("authorization", vec![set("credentials", "c")]);
    refused(
        vec![basic(), authorization()],
        "block authorization",
        ONE_WAY,
    );
    refused(
        vec![basic(), set("bearer_token", "t")],
        "bearer_token",
        ONE_WAY,
    );
    refused(
        vec![set("bearer_token", "t"), set("bearer_token_file", "f")],
        "bearer_token_file",
        ONE_WAY,
    );
    for way in [basic(), authorization(), set("bearer_token_file", "f")] {
        assert!(good(vec![way]).client.authenticates());
    }
}

#[test]
fn a_secret_is_given_as_text_or_as_file() {
    refused(
        vec![Part::In(
            "basic_auth",
            vec![set("password", "p"), set("password_file", "f")],
        )],
        "password_file",
        "at most one of basic_auth password & password_file must be configured",
    );
    refused(
        vec![Part::In(
            "authorization",
            vec![set("credentials", "c"), set("credentials_file", "f")],
        )],
        "credentials_file",
        "at most one of authorization credentials & credentials_file must be configured",
    );
    refused(
        vec![Part::In(
            "authorization",
            vec![set("type", " Basic "), set("credentials", "c")],
        )],
        "type",
        "authorization type cannot be set to \"basic\", use \"basic_auth\" block instead",
    );
}

#[test]
fn bearer_tokens_and_types_make_the_header() {
    let scheme_of = |parts| match options(parts).auth {
        net::Auth::Authorization {
            scheme,
            credentials: Some(_),
        } => scheme,
        _ => "no authorization".to_owned(),
    };
    assert_eq!(scheme_of(vec![set("bearer_token", "t")]), "Bearer");
    let typed = |kind: &'static str| {
        vec![Part::In(
            "authorization",
            vec![set("type", kind), set("credentials", "c")],
        )]
    };
    assert_eq!(scheme_of(typed("")), "Bearer");
    assert_eq!(scheme_of(typed("Token")), "Token");
}

fn oauth2(parts: Vec<Part>) -> Vec<Part> {
    vec![Part::In("oauth2", parts)]
}

#[test]
fn oauth2_wants_what_it_cannot_do_without() {
    let complete = || {
        vec![
            set("client_id", "c"),
            set("client_secret", "s"),
            set("token_url", "http://t.test/token"),
        ]
    };
    assert!(matches!(
        options(oauth2(complete())).auth,
        net::Auth::OAuth2(_)
    ));
    let mut both = complete();
    both.push(set("client_secret_file", "f"));
    refused(
        oauth2(both),
        "client_secret_file",
        "at most one of oauth2 client_secret & client_secret_file must be configured",
    );
    let errors = decode(oauth2(Vec::new())).err().expect("refused");
    let messages: Vec<_> = errors.iter().map(|(_, error)| &*error.message).collect();
    assert_eq!(
        messages,
        [
            "oauth2 client_id must be configured",
            "either oauth2 client_secret or client_secret_file must be configured",
            "oauth2 token_url must be configured",
        ]
    );
    assert_eq!(errors[0].1.path, "oauth2");
    let mut bad = complete();
    bad[2] = set("token_url", "ftp://t.test");
    refused(
        oauth2(bad),
        "token_url",
        "\"ftp://t.test\" is not a usable URL: scheme \"ftp\" is neither http nor https",
    );
}

#[test]
fn proxy_settings_go_together() {
    let environment = || set("proxy_from_environment", true);
    let header = || {
        set(
            "proxy_connect_header",
            Value::object([("X-A", Value::array([]))]),
        )
    };
    refused(
        vec![header()],
        "proxy_connect_header",
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be \
         configured",
    );
    refused(
        vec![environment(), set("proxy_url", "http://p:1")],
        "proxy_url",
        "if proxy_from_environment is configured, proxy_url must not be configured",
    );
    refused(
        vec![environment(), set("no_proxy", "a")],
        "no_proxy",
        "if proxy_from_environment is configured, no_proxy must not be configured",
    );
    refused(
        vec![set("no_proxy", "a")],
        "no_proxy",
        "if no_proxy is configured, proxy_url must also be configured",
    );
    refused(
        vec![set("proxy_url", "socks5://p:1")],
        "proxy_url",
        "\"socks5://p:1\" is not a usable URL: scheme \"socks5\" is neither http nor https",
    );
    let built = options(vec![
        set("proxy_url", "http://p:1"),
        set("no_proxy", "a"),
        header(),
    ]);
    assert!(matches!(built.proxy.proxy, net::Proxy::Fixed { .. }));
}

fn headers(name: &'static str, values: &[&'static str]) -> Part {
    let values = Value::array(values.iter().map(|value| Value::from(*value)));
    set("http_headers", Value::object([(name, values)]))
}

#[test]
fn headers_are_sent_with_their_last_value_and_reserved_ones_refused() {
    let built = options(vec![headers("X-Extra", &["one", "two"])]);
    let sent: Vec<_> = built.headers.get_all("x-extra").iter().collect();
    assert_eq!(sent, ["two"]);
    assert!(sent[0].is_sensitive(), "hidden in debug output");
    refused(
        vec![headers("host", &["h"])],
        "http_headers",
        "setting header \"host\" is not allowed",
    );
    refused(
        vec![headers("a b", &["h"])],
        "http_headers",
        "\"a b\" is not a header name",
    );
    refused(
        vec![headers("a", &["line\nbreak"])],
        "http_headers",
        "the value of header \"a\" holds a character that no header can carry",
    );
}

fn tls(parts: Vec<Part>) -> Vec<Part> {
    vec![Part::In("tls_config", parts)]
}

#[test]
fn tls_takes_each_thing_once_and_pairs_whole() {
    refused(
        tls(vec![set("cert_file", "c")]),
        "block tls_config",
        "exactly one of key_pem or key_file must be configured when a client certificate is \
         configured",
    );
    refused(
        tls(vec![set("key_file", "k")]),
        "block tls_config",
        "exactly one of cert_pem or cert_file must be configured when a client key is configured",
    );
    refused(
        tls(vec![set("ca_pem", "text")]),
        "ca_pem",
        "ca_pem is not usable: it holds no certificate in PEM form",
    );
    let errors = decode(tls(vec![set("ca_pem", "text"), set("ca_file", "f")])).err();
    let errors = errors.expect("refused");
    assert_eq!(errors[0].0, "ca_file");
    assert_eq!(
        errors[0].1.message,
        "at most one of ca_pem and ca_file must be configured"
    );
    let errors = decode(tls(vec![set("min_version", "SSL3")]))
        .err()
        .expect("refused");
    assert_eq!(errors[0].0, "min_version");
    let built = options(tls(vec![
        set("cert_file", "c"),
        set("key_file", "k"),
        set("server_name", "s"),
        set("min_version", "TLS13"),
        set("insecure_skip_verify", true),
    ]));
    assert!(built.tls.identity.is_some() && built.tls.insecure_skip_verify);
    assert_eq!(built.tls.server_name.as_deref(), Some("s"));
    assert_eq!(built.tls.min_version, net::tls::MinVersion::Tls13);
    let old = options(tls(vec![set("min_version", "TLS10")]));
    assert_eq!(old.tls.min_version, net::tls::MinVersion::Tls12);
}

#[test]
fn what_clouds_cannot_be_used_with_is_refused_where_it_stands() {
    let sigv4 = |parts| vec![Part::In("sigv4", parts)];
    let role = sigv4(vec![set("role_arn", "r")]);
    let message = "assuming a role is not supported; use the keys of the role in a profile";
    refused(role, "role_arn", message);
    let message = "must provide an AWS SigV4 access key and secret key if credentials are \
                   specified in the SigV4 config";
    refused(sigv4(vec![set("access_key", "a")]), "block sigv4", message);
    let azure = |parts| vec![Part::In("azuread", parts)];
    let message = "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth \
                   or Azure SDK in the Azure AD config";
    refused(azure(Vec::new()), "block azuread", message);
    let identity = Part::In("managed_identity", vec![set("client_id", "c")]);
    let message = "managed_identity is not supported; use an oauth block";
    refused(azure(vec![identity]), "block managed_identity", message);
    let message = "google_iam is not supported; use an oauth2 or authorization block";
    let google = vec![Part::In("google_iam", Vec::new())];
    refused(google, "block google_iam", message);
}

#[test]
fn an_application_of_azure_gets_its_tokens_from_its_tenant() {
    let names = ["client_id", "client_secret", "tenant_id"];
    let oauth = Part::In("oauth", names.map(|name| set(name, "x")).into());
    let given = vec![set("cloud", "AzureChina"), oauth];
    let sender = good(vec![Part::In("azuread", given)]);
    let auth = sender.azuread.expect("given").auth();
    let net::Auth::OAuth2(options) = auth else {
        panic!("a token is sent");
    };
    let url = "https://login.chinacloudapi.cn/x/oauth2/v2.0/token";
    assert_eq!(options.token_url, url);
    assert_eq!(options.scopes, ["https://monitor.azure.cn//.default"]);
}

fn rule(parts: Vec<Part>) -> Vec<Part> {
    vec![Part::In("rule", parts)]
}

#[test]
fn a_broken_regex_is_refused_at_its_value() {
    let errors = decode(rule(vec![
        set("regex", "(unclosed"),
        set("target_label", "b"),
    ]))
    .err();
    let errors = errors.expect("refused");
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].0.as_str(), errors[0].1.path.as_str()),
        ("regex", "rule.regex")
    );
}

#[test]
fn a_rule_is_checked_as_a_whole() {
    refused(
        rule(vec![set("action", "hashmod"), set("target_label", "b")]),
        "block rule",
        "relabel configuration for hashmod requires non-zero modulus",
    );
    refused(
        rule(vec![set("target_label", "$1-x")]),
        "target_label",
        "\"$1-x\" is invalid 'target_label' for replace action",
    );
    let errors = decode(rule(vec![set("action", "explode")]))
        .err()
        .expect("refused");
    assert_eq!(errors[0].0, "action");
}

#[test]
fn rules_are_built_in_the_order_of_the_text() {
    let parts = ["a", "b"].map(|label| Part::In("rule", vec![set("target_label", label)]));
    let built = rules(&good(parts.into()).rules);
    let targets: Vec<_> = built
        .iter()
        .map(|rule| rule.text().target_label.as_str())
        .collect();
    assert_eq!(targets, ["a", "b"]);
    assert_eq!(built[0].text().regex, "(.*)");
    assert_eq!(built[0].text().replacement, "$1");
    assert_eq!(built[0].text().separator, ";");
}
