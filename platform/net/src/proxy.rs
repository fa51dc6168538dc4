//! Which proxy a request goes through, if any: `proxy_url` with `no_proxy`, or the environment.
//!
//! Compat: the rules of `no_proxy` are those of Go's httpproxy, since configurations rely on them.

use std::net::IpAddr;
use std::rc::Rc;

use http::HeaderMap;

use crate::{HttpError, Scheme, Target};

/// Where the choice of a proxy comes from.
#[derive(Clone)]
pub enum Proxy {
    /// Connect directly.
    Direct,
    /// Everything goes to this proxy, save the hosts that `no_proxy` names. Once `no_proxy` says
    /// anything, loopback addresses are reached directly as well.
    Fixed { url: String, no_proxy: String },
    /// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or small letters, read once.
    Environment,
}

/// How requests leave the machine.
#[derive(Clone)]
pub struct ProxyOptions {
    pub proxy: Proxy,
    /// Headers of CONNECT requests.
    pub connect_headers: HeaderMap,
}

impl ProxyOptions {
    /// Connect directly.
    pub fn direct() -> ProxyOptions {
        ProxyOptions {
            proxy: Proxy::Direct,
            connect_headers: HeaderMap::new(),
        }
    }
}

/// The decided rules: asked once per connection.
pub(crate) struct ProxyRules {
    http: Option<Target>,
    https: Option<Target>,
    /// Absent: no host is an exception, not even loopback.
    no_proxy: Option<NoProxy>,
}

impl ProxyRules {
    pub(crate) fn new(proxy: &Proxy) -> Result<ProxyRules, HttpError> {
        match proxy {
            Proxy::Direct => Ok(ProxyRules {
                http: None,
                https: None,
                no_proxy: None,
            }),
            Proxy::Fixed { url, no_proxy } => {
                let target = Target::parse(url)?;
                let no_proxy = (!no_proxy.is_empty()).then(|| NoProxy::parse(no_proxy));
                Ok(ProxyRules {
                    http: Some(target.clone()),
                    https: Some(target),
                    no_proxy,
                })
            }
            Proxy::Environment => ProxyRules::from_variables(|name| std::env::var(name).ok()),
        }
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<ProxyRules, HttpError> {
        let either = |capital: &str| {
            let small = capital.to_ascii_lowercase();
            read(capital)
                .filter(|v| !v.is_empty())
                .or_else(|| read(&small))
                .unwrap_or_default()
        };
        let proxy = |name: &str| {
            let text = either(name);
            match text.as_str() {
                "" => Ok(None),
                // As Go takes them: `proxy:3128` is `http://proxy:3128`.
                bare if !bare.contains("://") => Target::parse(&format!("http://{bare}")).map(Some),
                url => Target::parse(url).map(Some),
            }
        };
        Ok(ProxyRules {
            http: proxy("HTTP_PROXY")?,
            https: proxy("HTTPS_PROXY")?,
            no_proxy: Some(NoProxy::parse(&either("NO_PROXY"))),
        })
    }

    /// The proxy on the way to `target`.
    pub(crate) fn choose(&self, target: &Target) -> Option<&Target> {
        let proxy = match target.scheme() {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        }?;
        match &self.no_proxy {
            Some(rules) if rules.excepts(target.host(), target.port()) => None,
            _ => Some(proxy),
        }
    }
}

/// Hosts that are reached directly.
#[derive(Debug, Default)]
struct NoProxy {
    all: bool,
    networks: Vec<(IpAddr, u8)>,
    addresses: Vec<(IpAddr, Option<u16>)>,
    domains: Vec<Domain>,
}

#[derive(Debug)]
struct Domain {
    /// Begins with a dot; hosts that end so are excepted.
    suffix: Rc<str>,
    /// Whether the name without the dot is excepted too.
    itself: bool,
    port: Option<u16>,
}

impl NoProxy {
    fn parse(text: &str) -> NoProxy {
        let mut rules = NoProxy::default();
        for entry in text.split(',') {
            rules.add(&entry.trim().to_ascii_lowercase());
        }
        rules
    }

    fn add(&mut self, entry: &str) {
        if entry.is_empty() {
            return;
        }
        if entry == "*" {
            self.all = true;
            return;
        }
        if let Some(network) = parse_network(entry) {
            self.networks.push(network);
            return;
        }
        let (host, port) = split_port(entry);
        if let Ok(address) = host.parse::<IpAddr>() {
            self.addresses.push((address, port));
            return;
        }
        if host.is_empty() {
            return;
        }
        // "*.a.test" and ".a.test" except what is below a.test; "a.test" also excepts itself.
        let name = host.strip_prefix('*').unwrap_or(host);
        self.domains.push(match name.starts_with('.') {
            true => Domain {
                suffix: name.into(),
                itself: false,
                port,
            },
            false => Domain {
                suffix: format!(".{name}").into(),
                itself: true,
                port,
            },
        });
    }

    fn excepts(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host == "localhost" || self.all {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return address.is_loopback()
                || self
                    .networks
                    .iter()
                    .any(|network| contains(*network, address))
                || self
                    .addresses
                    .iter()
                    .any(|(a, p)| *a == address && p.is_none_or(|p| p == port));
        }
        self.domains.iter().any(|domain| {
            let named =
                host.ends_with(&*domain.suffix) || (domain.itself && host == domain.suffix[1..]);
            named && domain.port.is_none_or(|p| p == port)
        })
    }
}

fn parse_network(entry: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = entry.split_once('/')?;
    let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    (bits <= bits_max).then_some((address, bits))
}

fn contains((network, bits): (IpAddr, u8), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let difference = network.to_bits() ^ address.to_bits();
            difference.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let difference = network.to_bits() ^ address.to_bits();
            difference.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Splits `host:port`, `[v6]:port` or a bare host.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        None => (entry, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_follows_gos_rules() {
        let cases = [
            ("a.test", "a.test", 80, true),
            ("a.test", "x.a.test", 80, true),
            ("a.test", "nota.test", 80, false),
            (".a.test", "a.test", 80, false),
            (".a.test", "x.a.test", 80, true),
            ("*.a.test", "a.test", 80, false),
            ("*.a.test", "x.a.test", 80, true),
            ("a.test:81", "a.test", 80, false),
            ("a.test:81", "a.test", 81, true),
            (" b.test , A.Test ", "a.test", 80, true),
            ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false),
            ("0.0.0.0/0", "11.1.2.3", 80, true),
            ("fd00::/8", "fd12::1", 80, true),
            ("10.1.2.3:81", "10.1.2.3", 80, false),
            ("10.1.2.3", "10.1.2.3", 80, true),
            ("[fd12::1]:80", "fd12::1", 80, true),
            ("*", "anything.test", 80, true),
            ("other", "127.0.0.1", 80, true),
            ("other", "localhost", 80, true),
            ("", "a.test", 80, false),
        ];
        for (rules, host, port, excepted) in cases {
            let parsed = NoProxy::parse(rules);
            assert_eq!(
                parsed.excepts(host, port),
                excepted,
                "{rules:?} {host}:{port}"
            );
        }
    }

    #[test]
    fn a_fixed_proxy_without_exceptions_takes_loopback_too() {
        let rules = |no_proxy: &str| {
            let proxy = Proxy::Fixed {
                url: "http://p:1".to_owned(),
                no_proxy: no_proxy.to_owned(),
            };
            ProxyRules::new(&proxy).expect("valid")
        };
        let loopback = Target::parse("http://127.0.0.1:9").expect("valid");
        assert!(rules("").choose(&loopback).is_some());
        assert!(rules("other.test").choose(&loopback).is_none());
    }

    #[test]
    fn the_environment_is_read_by_scheme_and_in_either_case() {
        let variables = [
            ("http_proxy", "p:3128"),
            ("HTTPS_PROXY", "https://q"),
            ("no_proxy", "n"),
        ];
        let read = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let rules = ProxyRules::from_variables(read).expect("valid");
        let choose = |url| {
            let target = Target::parse(url).expect("valid");
            rules.choose(&target).map(|proxy| proxy.to_string())
        };
        assert_eq!(choose("http://a.test").as_deref(), Some("http://p:3128/"));
        assert_eq!(choose("https://a.test").as_deref(), Some("https://q/"));
        assert_eq!(choose("http://n"), None);
    }
}
