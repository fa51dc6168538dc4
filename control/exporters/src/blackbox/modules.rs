//! The configuration of probes: modules by name, read from YAML.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use net::tls::{ClientTls, Identity, Pem};
use net::{Auth, Secret, SecretSource};
use regex::Regex;

use crate::yaml::{Fields, Node};

/// Modules by name.
#[derive(Default)]
pub struct Modules(pub BTreeMap<String, Module>);

/// How to probe.
pub struct Module {
    /// Zero: as long as the scrape waits.
    pub timeout: Duration,
    pub prober: Prober,
}

pub enum Prober {
    Http(Box<Http>),
    Tcp(Tcp),
    /// One that is known and not built in, or has a setting that is not; by what it is called.
    Unavailable(String),
}

/// Which addresses of a name to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpChoice {
    pub prefer_v6: bool,
    pub fallback: bool,
}

pub struct Http {
    pub ip: IpChoice,
    pub valid_status_codes: Vec<u16>,
    pub valid_versions: Vec<String>,
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub body_file: String,
    pub fail_if_ssl: bool,
    pub fail_if_not_ssl: bool,
    pub fail_if_body: Vec<Regex>,
    pub fail_if_not_body: Vec<Regex>,
    pub fail_if_header: Vec<HeaderMatch>,
    pub fail_if_not_header: Vec<HeaderMatch>,
    pub follow_redirects: bool,
    pub body_bytes_max: Option<u64>,
    pub tls: ClientTls,
    pub auth: Auth,
}

pub struct HeaderMatch {
    pub header: String,
    pub regex: Regex,
    pub allow_missing: bool,
}

pub struct Tcp {
    pub ip: IpChoice,
    pub exchanges: Vec<Exchange>,
}

/// Lines to wait for, and what to send then.
pub struct Exchange {
    pub expect: Option<Regex>,
    pub send: String,
}

impl Modules {
    pub fn parse(text: &str) -> Result<Modules, String> {
        let document = eval::yaml_texts(text)?;
        let mut fields = Fields::of(Node::root(&document))?;
        let mut modules = Modules::default();
        if let Some(node) = fields.take("modules") {
            for (name, node) in node.entries()? {
                modules.0.insert(name.to_owned(), module(node)?);
            }
        }
        fields.finish()?;
        Ok(modules)
    }
}

fn module(node: Node<'_>) -> Result<Module, String> {
    let mut fields = Fields::of(node)?;
    let name = fields.text("prober")?.unwrap_or_default();
    let timeout = fields.duration("timeout")?.unwrap_or_default();
    // Each section is checked, whichever of them the prober reads.
    let http = http(fields.take("http"))?;
    let tcp = tcp(fields.take("tcp"))?;
    for other in ["icmp", "dns", "grpc"] {
        fields.take(other);
    }
    fields.finish()?;
    let prober = match name.as_str() {
        "http" => http,
        "tcp" => tcp,
        other => Prober::Unavailable(other.to_owned()),
    };
    Ok(Module { timeout, prober })
}

fn section(node: Option<Node<'_>>) -> Result<Fields<'_>, String> {
    node.map_or_else(|| Ok(Fields::empty()), Fields::of)
}

fn ip_choice(fields: &mut Fields<'_>) -> Result<IpChoice, String> {
    let preferred = fields.text("preferred_ip_protocol")?.unwrap_or_default();
    Ok(IpChoice {
        prefer_v6: matches!(preferred.as_str(), "" | "ip6"),
        fallback: fields.bool("ip_protocol_fallback")?.unwrap_or(true),
    })
}

fn http(node: Option<Node<'_>>) -> Result<Prober, String> {
    let mut fields = section(node)?;
    let no_follow = fields.bool("no_follow_redirects")?;
    let mut absent = Vec::new();
    for name in [
        "oauth2",
        "proxy_url",
        "proxy_from_environment",
        "compression",
    ] {
        if fields.take(name).is_some() {
            absent.push(name);
        }
    }
    // These have no effect without a proxy, or on HTTP/1.
    for name in [
        "skip_resolve_phase_with_proxy",
        "no_proxy",
        "proxy_connect_header",
        "enable_http2",
    ] {
        fields.take(name);
    }
    let http = Http {
        ip: ip_choice(&mut fields)?,
        valid_status_codes: status_codes(&mut fields)?,
        valid_versions: fields.texts("valid_http_versions")?,
        method: fields.text("method")?.unwrap_or_default(),
        headers: headers(&mut fields)?,
        body: fields.text("body")?.unwrap_or_default(),
        body_file: fields.text("body_file")?.unwrap_or_default(),
        fail_if_ssl: fields.bool("fail_if_ssl")?.unwrap_or(false),
        fail_if_not_ssl: fields.bool("fail_if_not_ssl")?.unwrap_or(false),
        fail_if_body: regexes(&mut fields, "fail_if_body_matches_regexp")?,
        fail_if_not_body: regexes(&mut fields, "fail_if_body_not_matches_regexp")?,
        fail_if_header: header_matches(&mut fields, "fail_if_header_matches")?,
        fail_if_not_header: header_matches(&mut fields, "fail_if_header_not_matches")?,
        follow_redirects: fields
            .bool("follow_redirects")?
            .unwrap_or(!no_follow.unwrap_or(false)),
        body_bytes_max: body_limit(&mut fields)?,
        tls: tls(&mut fields)?,
        auth: auth(&mut fields)?,
    };
    fields.finish()?;
    Ok(match absent[..] {
        [] => Prober::Http(Box::new(http)),
        [name, ..] => Prober::Unavailable(format!("http with {name}")),
    })
}

fn status_codes(fields: &mut Fields<'_>) -> Result<Vec<u16>, String> {
    let Some(node) = fields.take("valid_status_codes") else {
        return Ok(Vec::new());
    };
    let codes = node.items()?.into_iter();
    codes
        .map(|node| node.number().map(|code| code as u16))
        .collect()
}

fn headers(fields: &mut Fields<'_>) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    if let Some(node) = fields.take("headers") {
        for (name, value) in node.entries()? {
            headers.push((name.to_owned(), value.text()?.to_owned()));
        }
    }
    Ok(headers)
}

fn body_limit(fields: &mut Fields<'_>) -> Result<Option<u64>, String> {
    match fields.text("body_size_limit")?.as_deref() {
        None | Some("0") => Ok(None),
        Some(text) => {
            let bytes = stdx::parse_bytes(text);
            bytes
                .map(Some)
                .map_err(|error| format!("\"body_size_limit\": {error}"))
        }
    }
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("cannot compile \"{text}\": {error}"))
}

fn regexes(fields: &mut Fields<'_>, name: &str) -> Result<Vec<Regex>, String> {
    fields.texts(name)?.iter().map(|text| regex(text)).collect()
}

fn header_matches(fields: &mut Fields<'_>, name: &str) -> Result<Vec<HeaderMatch>, String> {
    let mut matches = Vec::new();
    let Some(node) = fields.take(name) else {
        return Ok(matches);
    };
    for node in node.items()? {
        let mut fields = Fields::of(node)?;
        let header = fields.text("header")?.unwrap_or_default();
        let text = fields.text("regexp")?.unwrap_or_default();
        if header.is_empty() || text.is_empty() {
            return Err(format!("\"{name}\" needs header and regexp"));
        }
        matches.push(HeaderMatch {
            header,
            regex: regex(&text)?,
            allow_missing: fields.bool("allow_missing")?.unwrap_or(false),
        });
        fields.finish()?;
    }
    Ok(matches)
}

fn tls(fields: &mut Fields<'_>) -> Result<ClientTls, String> {
    let mut tls = ClientTls::system();
    let Some(node) = fields.take("tls_config") else {
        return Ok(tls);
    };
    let mut fields = Fields::of(node)?;
    let pem = |fields: &mut Fields<'_>, name: &str| -> Result<Option<Pem>, String> {
        let inline = fields.text(name)?.filter(|text| !text.is_empty());
        let file = fields
            .text(&format!("{name}_file"))?
            .filter(|text| !text.is_empty());
        let inline = inline.map(|text| Pem::Inline(Secret::new(&text)));
        Ok(inline.or(file.map(|path| Pem::File(PathBuf::from(path)))))
    };
    tls.ca = pem(&mut fields, "ca")?;
    let (certificate, key) = (pem(&mut fields, "cert")?, pem(&mut fields, "key")?);
    tls.identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => return Err("\"tls_config\" needs both certificate and key".to_owned()),
    };
    tls.server_name = fields.text("server_name")?.filter(|text| !text.is_empty());
    tls.insecure_skip_verify = fields.bool("insecure_skip_verify")?.unwrap_or(false);
    for name in ["min_version", "max_version"] {
        fields.take(name);
    }
    fields.finish()?;
    Ok(tls)
}

fn auth(fields: &mut Fields<'_>) -> Result<Auth, String> {
    let source = |fields: &mut Fields<'_>, name: &str| -> Result<Option<SecretSource>, String> {
        let inline = fields.text(name)?;
        let file = fields.text(&format!("{name}_file"))?;
        let inline = inline.map(|text| SecretSource::Inline(Secret::new(&text)));
        Ok(inline.or(file.map(|path| SecretSource::File(PathBuf::from(path)))))
    };
    let token = source(fields, "bearer_token")?;
    if let Some(node) = fields.take("basic_auth") {
        let mut fields = Fields::of(node)?;
        let username = fields.text("username")?.unwrap_or_default();
        let password = source(&mut fields, "password")?;
        fields.finish()?;
        return Ok(Auth::Basic { username, password });
    }
    let (scheme, credentials) = match fields.take("authorization") {
        Some(node) => {
            let mut fields = Fields::of(node)?;
            let scheme = fields.text("type")?;
            let credentials = source(&mut fields, "credentials")?;
            fields.finish()?;
            (scheme, credentials)
        }
        None if token.is_some() => (None, token),
        None => return Ok(Auth::None),
    };
    let scheme = scheme.unwrap_or_else(|| "Bearer".to_owned());
    Ok(Auth::Authorization {
        scheme,
        credentials,
    })
}

fn tcp(node: Option<Node<'_>>) -> Result<Prober, String> {
    let mut fields = section(node)?;
    let mut absent = None;
    if fields.bool("tls")?.unwrap_or(false) {
        absent = Some("tls");
    }
    if fields.take("source_ip_address").is_some() {
        absent = Some("source_ip_address");
    }
    tls(&mut fields)?;
    let ip = ip_choice(&mut fields)?;
    let mut exchanges = Vec::new();
    if let Some(node) = fields.take("query_response") {
        for node in node.items()? {
            let mut fields = Fields::of(node)?;
            let expect = fields.text("expect")?.filter(|text| !text.is_empty());
            if fields.bool("starttls")?.unwrap_or(false) {
                absent = Some("starttls");
            }
            exchanges.push(Exchange {
                expect: expect.as_deref().map(regex).transpose()?,
                send: fields.text("send")?.unwrap_or_default(),
            });
            fields.finish()?;
        }
    }
    fields.finish()?;
    Ok(match absent {
        None => Prober::Tcp(Tcp { ip, exchanges }),
        Some(name) => Prober::Unavailable(format!("tcp with {name}")),
    })
}
