//! The configuration of probes: modules by name, read from YAML.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use net::tls::{ClientTls, Identity, Pem};
use net::{Auth, Secret, SecretSource};
use regex::Regex;

use super::dns::message::{Question, class_code, response_code, type_code};
use super::dns::{Dns, RecordRules};
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
    Tcp(Box<Tcp>),
    Icmp(Icmp),
    Dns(Box<Dns>),
    Grpc(Box<Grpc>),
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
    /// Offer HTTP/2 to https servers.
    pub http2: bool,
    /// Bodies must be packed by gzip.
    pub gzip: bool,
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
    /// The address of ours to come from.
    pub source: Option<IpAddr>,
    /// TLS from the beginning.
    pub secure: bool,
    pub tls: ClientTls,
    pub exchanges: Vec<Exchange>,
}

pub struct Icmp {
    pub ip: IpChoice,
    pub source: Option<IpAddr>,
    pub payload_bytes: Option<usize>,
    pub dont_fragment: bool,
    pub hop_limit: Option<u32>,
}

pub struct Grpc {
    pub ip: IpChoice,
    pub service: String,
    pub secure: bool,
    pub tls: ClientTls,
}

/// Lines to wait for, and what to send then.
pub struct Exchange {
    pub expect: Option<Regex>,
    pub send: String,
    /// Go on with TLS then.
    pub start_tls: bool,
}

/// Limit: content of an echo request, so that head and content fit into an IP packet.
const PAYLOAD_BYTES_MAX: f64 = 65_000.0;

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
    let icmp = icmp(fields.take("icmp"))?;
    let dns = dns(fields.take("dns"))?;
    let grpc = grpc(fields.take("grpc"))?;
    fields.finish()?;
    let prober = match name.as_str() {
        "http" => http,
        "tcp" => tcp,
        "icmp" => icmp,
        "dns" => dns,
        "grpc" => grpc,
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
    for name in ["oauth2", "proxy_url", "proxy_from_environment"] {
        if fields.take(name).is_some() {
            absent.push(name);
        }
    }
    // These have no effect without a proxy.
    for name in [
        "skip_resolve_phase_with_proxy",
        "no_proxy",
        "proxy_connect_header",
    ] {
        fields.take(name);
    }
    let compression = fields.text("compression")?.unwrap_or_default();
    let compression = compression.to_ascii_lowercase();
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
        http2: fields.bool("enable_http2")?.unwrap_or(true),
        gzip: match compression.as_str() {
            "" | "identity" => false,
            "gzip" => true,
            _ => {
                absent.push("compression");
                false
            }
        },
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
    let secure = fields.bool("tls")?.unwrap_or(false);
    let source = source(&mut fields)?;
    let tls = tls(&mut fields)?;
    let ip = ip_choice(&mut fields)?;
    let mut exchanges = Vec::new();
    if let Some(node) = fields.take("query_response") {
        for node in node.items()? {
            let mut fields = Fields::of(node)?;
            let expect = fields.text("expect")?.filter(|text| !text.is_empty());
            exchanges.push(Exchange {
                expect: expect.as_deref().map(regex).transpose()?,
                send: fields.text("send")?.unwrap_or_default(),
                start_tls: fields.bool("starttls")?.unwrap_or(false),
            });
            fields.finish()?;
        }
    }
    fields.finish()?;
    Ok(Prober::Tcp(Box::new(Tcp {
        ip,
        source,
        secure,
        tls,
        exchanges,
    })))
}

fn icmp(node: Option<Node<'_>>) -> Result<Prober, String> {
    let mut fields = section(node)?;
    let payload_bytes = match fields.number("payload_size")?.unwrap_or(0.0) {
        0.0 => None,
        bytes if (1.0..=PAYLOAD_BYTES_MAX).contains(&bytes) => Some(bytes as usize),
        _ => {
            return Err(format!(
                "\"payload_size\" must be at most {PAYLOAD_BYTES_MAX}"
            ));
        }
    };
    let hop_limit = match fields.number("ttl")? {
        None => Some(64),
        Some(0.0) => None,
        Some(hops) if (1.0..=255.0).contains(&hops) => Some(hops as u32),
        Some(_) => return Err("\"ttl\" must be from 0 to 255".to_owned()),
    };
    let icmp = Icmp {
        ip: ip_choice(&mut fields)?,
        source: source(&mut fields)?,
        payload_bytes,
        dont_fragment: fields.bool("dont_fragment")?.unwrap_or(false),
        hop_limit,
    };
    fields.finish()?;
    Ok(Prober::Icmp(icmp))
}

fn grpc(node: Option<Node<'_>>) -> Result<Prober, String> {
    let mut fields = section(node)?;
    let grpc = Grpc {
        ip: ip_choice(&mut fields)?,
        service: fields.text("service")?.unwrap_or_default(),
        secure: fields.bool("tls")?.unwrap_or(false),
        tls: tls(&mut fields)?,
    };
    fields.finish()?;
    Ok(Prober::Grpc(Box::new(grpc)))
}

fn dns(node: Option<Node<'_>>) -> Result<Prober, String> {
    // Compat: only a section that is there has to have a name.
    let given = node.is_some();
    let mut fields = section(node)?;
    let name = fields.text("query_name")?.unwrap_or_default();
    if given && name.is_empty() {
        return Err("query name must be set for DNS module".to_owned());
    }
    let code =
        |text: Option<String>, code_of: fn(&str) -> Option<u16>, what: &str, none: u16| match text
            .filter(|text| !text.is_empty())
        {
            None => Ok(none),
            Some(name) => {
                code_of(&name).ok_or_else(|| format!("query {what} '{name}' is not valid"))
            }
        };
    let question = Question {
        class_code: code(fields.text("query_class")?, class_code, "class", 1)?,
        type_code: code(fields.text("query_type")?, type_code, "type", 255)?,
        recursion: fields.bool("recursion_desired")?.unwrap_or(true),
        name,
    };
    let protocol = fields.text("transport_protocol")?.unwrap_or_default();
    let over_tcp = match protocol.as_str() {
        "" | "udp" => false,
        "tcp" => true,
        other => {
            return Err(format!(
                "transport protocol '{other}' is neither udp nor tcp"
            ));
        }
    };
    let secure = fields.bool("dns_over_tls")?.unwrap_or(false);
    if secure && !over_tcp {
        return Err("\"dns_over_tls\" needs transport_protocol tcp".to_owned());
    }
    let tls = tls(&mut fields)?;
    let codes = match fields.texts("valid_rcodes")? {
        names if names.is_empty() => vec![0],
        names => {
            let code =
                |name: &String| response_code(name).ok_or_else(|| format!("no rcode '{name}'"));
            names.iter().map(code).collect::<Result<_, _>>()?
        }
    };
    let dns = Dns {
        ip: ip_choice(&mut fields)?,
        source: source(&mut fields)?,
        over_tcp,
        over_tls: secure.then_some(tls),
        question,
        valid_codes: codes,
        answers: record_rules(&mut fields, "validate_answer_rrs")?,
        authorities: record_rules(&mut fields, "validate_authority_rrs")?,
        additionals: record_rules(&mut fields, "validate_additional_rrs")?,
    };
    fields.finish()?;
    Ok(Prober::Dns(Box::new(dns)))
}

fn record_rules(fields: &mut Fields<'_>, name: &str) -> Result<RecordRules, String> {
    let mut fields = section(fields.take(name))?;
    let rules = RecordRules {
        fail_if_matches: regexes(&mut fields, "fail_if_matches_regexp")?,
        fail_if_all_match: regexes(&mut fields, "fail_if_all_match_regexp")?,
        fail_if_not_matches: regexes(&mut fields, "fail_if_not_matches_regexp")?,
        fail_if_none_matches: regexes(&mut fields, "fail_if_none_matches_regexp")?,
    };
    fields.finish()?;
    Ok(rules)
}

/// The address of ours that probes come from.
fn source(fields: &mut Fields<'_>) -> Result<Option<IpAddr>, String> {
    let text = fields.text("source_ip_address")?;
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| {
        text.parse()
            .map_err(|_| format!("\"source_ip_address\": \"{text}\" is no address"))
    })
    .transpose()
}
