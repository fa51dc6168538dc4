//! A target: a URL parsed once, in the shape that requests need.

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

/// An http or https URL. Cheap to clone; parse it once per endpoint, not once per request.
#[derive(Debug, Clone)]
pub struct Target {
    url: std::rc::Rc<Url>,
    scheme: Scheme,
}

impl Target {
    /// Parses an absolute http or https URL.
    pub fn parse(text: &str) -> Result<Target, HttpError> {
        let refuse = |cause: String| HttpError::Url {
            url: text.to_owned(),
            cause,
        };
        let url = Url::parse(text).map_err(|e| refuse(e.to_string()))?;
        Target::from_url(url).map_err(|cause| refuse(cause.to_owned()))
    }

    fn from_url(url: Url) -> Result<Target, &'static str> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("scheme is not http or https"),
        };
        if url.host().is_none() {
            return Err("it has no host");
        }
        Ok(Target {
            url: std::rc::Rc::new(url),
            scheme,
        })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without brackets.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => String::new(),
        }
    }

    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(self.scheme.default_port())
    }

    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}
