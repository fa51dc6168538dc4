//! Which proxy a request goes through, if any: `proxy_url` and `no_proxy`, or the environment.

use http::HeaderMap;

use crate::Target;

/// Where the choice of a proxy comes from.
#[derive(Clone)]
pub enum Proxy {
    /// Connect directly.
    None,
    /// Everything goes to this proxy, save hosts that `no_proxy` names (Go's rules).
    Fixed { url: Target, no_proxy: String },
    /// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not.
    Environment,
}

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
            proxy: Proxy::None,
            connect_headers: HeaderMap::new(),
        }
    }
}
