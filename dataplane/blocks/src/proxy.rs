//! The proxy settings, which stand in a client's body and in `oauth2`.

use std::collections::BTreeMap;

use net::{Proxy, ProxyOptions, Target};
use schema::{Arguments, Check, Secret};

use crate::http_client::{each_value, header_map, refuse_invalid_headers};

/// How requests leave the machine.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = ProxyConfig::check)]
pub struct ProxyConfig {
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub no_proxy: String,
    /// Headers of CONNECT requests to the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Take the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    #[arg(default = false)]
    pub proxy_from_environment: bool,
    /// Proxy that requests go through, an http or https URL.
    pub proxy_url: String,
}

impl ProxyConfig {
    fn check(&self, check: &mut Check<'_>) {
        let (fixed, environment) = (!self.proxy_url.is_empty(), self.proxy_from_environment);
        if !self.proxy_connect_header.is_empty() && !fixed && !environment {
            check.attribute(
                "proxy_connect_header",
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must \
                 also be configured",
            );
        }
        if environment && fixed {
            check.attribute(
                "proxy_url",
                "if proxy_from_environment is configured, proxy_url must not be configured",
            );
        }
        if environment && !self.no_proxy.is_empty() {
            check.attribute(
                "no_proxy",
                "if proxy_from_environment is configured, no_proxy must not be configured",
            );
        }
        if !environment && !fixed && !self.no_proxy.is_empty() {
            check.attribute(
                "no_proxy",
                "if no_proxy is configured, proxy_url must also be configured",
            );
        }
        if fixed && let Err(error) = Target::parse(&self.proxy_url) {
            check.attribute("proxy_url", error.to_string());
        }
        let headers = each_value(&self.proxy_connect_header);
        refuse_invalid_headers("proxy_connect_header", headers, check);
    }

    /// The settings of `net`.
    pub fn options(&self) -> ProxyOptions {
        let proxy = if self.proxy_from_environment {
            Proxy::Environment
        } else if self.proxy_url.is_empty() {
            Proxy::Direct
        } else {
            Proxy::Fixed {
                url: self.proxy_url.clone(),
                no_proxy: self.no_proxy.clone(),
            }
        };
        let connect_headers = header_map(each_value(&self.proxy_connect_header));
        ProxyOptions {
            proxy,
            connect_headers,
        }
    }
}
