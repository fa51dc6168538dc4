//! A target: an http or https URL, parsed once into the pieces that each request needs.

use std::fmt;
use std::rc::Rc;

use http::{HeaderValue, Uri};
use url::{Host, Url};

use crate::HttpError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// An http or https URL. Cheap to clone: parse it once per endpoint, not once per request.
#[derive(Clone)]
pub struct Target(Rc<Pieces>);

struct Pieces {
    url: Url,
    scheme: Scheme,
    host: Rc<str>,
    port: u16,
    authority: Rc<str>,
    /// Scheme and authority: requests with the same origin share connections.
    origin: Rc<str>,
    host_header: HeaderValue,
    origin_form: Uri,
    absolute_form: Uri,
}

impl Target {
    /// Parses an absolute URL; a scheme other than http and https is refused.
    pub fn parse(text: &str) -> Result<Target, HttpError> {
        Url::parse(text)
            .map_err(|error| error.to_string())
            .and_then(Target::from_url)
            .map_err(|cause| HttpError::Url {
                url: redact(text),
                cause,
            })
    }

    fn from_url(url: Url) -> Result<Target, String> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(format!("scheme \"{other}\" is neither http nor https")),
        };
        let (host, bracketed) = match url.host() {
            Some(Host::Domain(name)) => (name.to_owned(), name.to_owned()),
            Some(Host::Ipv4(ip)) => (ip.to_string(), ip.to_string()),
            Some(Host::Ipv6(ip)) => (ip.to_string(), format!("[{ip}]")),
            None => return Err("it has no host".to_owned()),
        };
        let port = url.port().unwrap_or(scheme.default_port());
        let named = match url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed.clone(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let pieces = Pieces {
            scheme,
            host: host.into(),
            port,
            authority: format!("{bracketed}:{port}").into(),
            origin: format!("{}://{bracketed}:{port}", scheme.as_str()).into(),
            host_header: HeaderValue::from_str(&named).map_err(|error| error.to_string())?,
            origin_form: path.parse().map_err(|error| format!("{error}"))?,
            absolute_form: format!("{}://{named}{path}", scheme.as_str())
                .parse()
                .map_err(|error| format!("{error}"))?,
            url,
        };
        Ok(Target(Rc::new(pieces)))
    }

    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host without brackets.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// `host:port`, the port always there, IPv6 in brackets.
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    pub(crate) fn origin(&self) -> &Rc<str> {
        &self.0.origin
    }

    /// The path with the query.
    pub fn path_and_query(&self) -> &Uri {
        &self.0.origin_form
    }

    /// The whole URL without user and password, as proxies and HTTP/2 want it.
    pub(crate) fn absolute(&self) -> &Uri {
        &self.0.absolute_form
    }

    pub(crate) fn host_header(&self) -> &HeaderValue {
        &self.0.host_header
    }

    /// User and password of the URL, decoded.
    pub(crate) fn user_info(&self) -> Option<(String, String)> {
        let user = self.0.url.username();
        let password = self.0.url.password();
        if user.is_empty() && password.is_none() {
            return None;
        }
        let decode = |text: &str| percent_decode(text);
        Some((decode(user), decode(password.unwrap_or(""))))
    }

    /// The target that a `Location` header names, seen from this one.
    pub(crate) fn redirected(&self, location: &str) -> Result<Target, HttpError> {
        self.0
            .url
            .join(location)
            .map_err(|error| error.to_string())
            .and_then(Target::from_url)
            .map_err(|cause| HttpError::Location {
                location: redact(location),
                cause,
            })
    }

    /// Whether credentials meant for this target may follow a redirect to `other`: the same host
    /// or one below it (as Go's client decides), and never from https down to http.
    pub(crate) fn trusts(&self, other: &Target) -> bool {
        let below = other.host().strip_suffix(self.host()).is_some_and(|rest| {
            rest.is_empty() || (rest.ends_with('.') && self.0.url.domain().is_some())
        });
        let downgrade = self.scheme() == Scheme::Https && other.scheme() == Scheme::Http;
        below && !downgrade
    }
}

/// The URL, its password hidden.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.url.password().is_none() {
            return f.write_str(self.0.url.as_str());
        }
        let mut url = self.0.url.clone();
        // Setting a password fails only for URLs without a host, which a target is not.
        let _ = url.set_password(Some("xxxxx"));
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// Hides what may be a password in a text that could not be parsed as a URL.
fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://xxxxx{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// Decodes `%41`; what is not a valid escape stays as it is.
fn percent_decode(text: &str) -> String {
    let hex = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escape = match bytes[index..] {
            [b'%', high, low, ..] => hex(high).zip(hex(low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                out.push(high << 4 | low);
                index += 3;
            }
            None => {
                out.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = Target::parse("https://u:p%40x@[::1]:8443/a/b?q=1").expect("valid");
        assert_eq!(target.scheme(), Scheme::Https);
        assert_eq!((target.host(), target.port()), ("::1", 8443));
        assert_eq!(target.authority(), "[::1]:8443");
        assert_eq!(target.path_and_query().to_string(), "/a/b?q=1");
        assert_eq!(target.absolute().to_string(), "https://[::1]:8443/a/b?q=1");
        assert_eq!(target.user_info(), Some(("u".to_owned(), "p@x".to_owned())));
    }

    #[test]
    fn a_default_port_is_filled_in_for_connecting_but_not_for_the_host_header() {
        let target = Target::parse("http://example.test").expect("valid");
        assert_eq!(target.authority(), "example.test:80");
        assert_eq!(target.host_header(), "example.test");
        assert_eq!(target.path_and_query(), "/");
    }

    #[test]
    fn passwords_are_never_printed() {
        let target = Target::parse("http://u:hidden@h/").expect("valid");
        assert_eq!(format!("{target} {target:?}").matches("hidden").count(), 0);
        let error = Target::parse("http://u:hidden@h:port/").expect_err("bad port");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }

    #[test]
    fn what_is_not_http_is_refused_with_its_scheme() {
        let error = Target::parse("socks5://h:1")
            .expect_err("not http")
            .to_string();
        assert_eq!(
            error,
            "\"socks5://h:1\" is not a usable URL: scheme \"socks5\" is neither http nor https"
        );
    }

    #[test]
    fn credentials_follow_to_the_same_host_and_below_but_not_elsewhere_or_to_plain_text() {
        let from = |url| Target::parse(url).expect("valid");
        let cases = [
            ("http://a.test/x", "http://a.test:81/y", true),
            ("http://a.test/x", "https://a.test/y", true),
            ("http://a.test/x", "http://sub.a.test/y", true),
            ("http://a.test/x", "http://nota.test/y", false),
            ("http://sub.a.test/x", "http://a.test/y", false),
            ("https://a.test/x", "http://a.test/y", false),
            ("http://0.0.0.1/x", "http://1.0.0.1/y", false),
        ];
        for (first, second, trusted) in cases {
            assert_eq!(
                from(first).trusts(&from(second)),
                trusted,
                "{first} to {second}"
            );
        }
    }
}
