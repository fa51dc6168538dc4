//! Values of flags: durations, rates, addresses on loopback.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

pub type Res<T> = Result<T, String>;

pub fn parse_dur(s: &str) -> Res<Duration> {
    let s = s.trim();
    let (n, mul) = if let Some(x) = s.strip_suffix("ms") {
        (x, 0.001)
    } else if let Some(x) = s.strip_suffix('s') {
        (x, 1.0)
    } else if let Some(x) = s.strip_suffix('m') {
        (x, 60.0)
    } else if let Some(x) = s.strip_suffix('h') {
        (x, 3600.0)
    } else {
        (s, 1.0)
    };
    let v: f64 = n.parse().map_err(|_| format!("bad duration {s}"))?;
    if !(0.0..=86400.0).contains(&(v * mul)) {
        return Err(format!("duration {s} out of range (0..24h)"));
    }
    Ok(Duration::from_secs_f64(v * mul))
}

/// `max` is 0.
pub fn parse_rate(s: &str) -> Res<f64> {
    if s == "max" {
        return Ok(0.0);
    }
    let (n, mul) = if let Some(x) = s.strip_suffix(['k', 'K']) {
        (x, 1e3)
    } else if let Some(x) = s.strip_suffix(['m', 'M']) {
        (x, 1e6)
    } else {
        (s, 1.0)
    };
    let v: f64 = n.parse().map_err(|_| format!("bad rate {s}"))?;
    if v <= 0.0 || !v.is_finite() {
        return Err("rate must be > 0 or 'max'".into());
    }
    Ok(v * mul)
}

/// Resolves host:port and refuses anything that is not loopback.
pub fn loopback(hostport: &str) -> Res<SocketAddr> {
    let a = hostport
        .to_socket_addrs()
        .map_err(|e| format!("{hostport}: {e}"))?
        .find(|a| a.ip().is_loopback())
        .ok_or_else(|| format!("{hostport}: only loopback addresses are allowed"))?;
    Ok(a)
}

#[derive(Clone)]
pub struct Url {
    pub addr: SocketAddr,
    pub host: String,
    pub path: String,
}
pub fn parse_url(u: &str, default_path: &str) -> Res<Url> {
    let rest = u.strip_prefix("http://").unwrap_or(u);
    if rest.contains("://") {
        return Err("only http:// URLs".into());
    }
    let (host, path) = match rest.find('/') {
        Some(i) => (&rest[..i], &rest[i..]),
        None => (rest, default_path),
    };
    let path = if path == "/" { default_path } else { path };
    Ok(Url {
        addr: loopback(host)?,
        host: host.to_string(),
        path: path.to_string(),
    })
}
