//! The prober `http`: one request, its redirects, and what the answer must be like.
//!
//! Compat: differs from blackbox_exporter where the client tells less: the time in which a body
//! comes is part of `processing`.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use net::codec::Codec;
use net::{
    BodyLimits, Client, ClientOptions, DialTrace, HeaderName, HeaderValue, Method, Request,
    Response, Scheme, Target, header,
};

use super::modules::Http;
use super::resolve::resolve;
use super::tls::{self, Chain};
use crate::families::Families;
use crate::limits::PROBE_BODY_BYTES_MAX;

/// Limit: redirects of one probe, as in the reference.
const REDIRECTS_MAX: u32 = 10;

/// What a probe has seen; zeros where there was no answer.
#[derive(Default)]
struct Seen {
    status: u16,
    content_length: f64,
    body_bytes: usize,
    redirects: u32,
    ssl: bool,
    http2: bool,
    answered: bool,
    regex_failed: bool,
    resolve_seconds: f64,
    connect_seconds: f64,
    tls_seconds: f64,
    processing_seconds: f64,
}

/// Whether the probe has succeeded.
pub async fn probe(target: &str, http: &Http, timeout: Duration, out: &mut Families) -> bool {
    let mut seen = Seen::default();
    let success = match ask(target, http, timeout, &mut seen, out).await {
        Ok(success) => success,
        Err(error) => {
            tracing::debug!(target, err = error, "an http probe has failed");
            false
        }
    };
    seen.write(out);
    let ssl_fails = http.fail_if_ssl && seen.ssl || http.fail_if_not_ssl && !seen.ssl;
    success && !ssl_fails
}

async fn ask(
    target: &str,
    http: &Http,
    timeout: Duration,
    seen: &mut Seen,
    out: &mut Families,
) -> Result<bool, String> {
    let full = match target {
        it if it.starts_with("http://") || it.starts_with("https://") => it.to_owned(),
        it => format!("http://{it}"),
    };
    let mut url = url::Url::parse(&full).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let host = url.host_str().unwrap_or_default().to_owned();
    let address = resolve(&host, http.ip, out).await;
    seen.resolve_seconds = began.elapsed().as_secs_f64();
    let address = address.ok_or("the target has no address")?;
    let first = Target::parse(url.as_str()).map_err(|error| error.to_string())?;
    let trace = Rc::new(DialTrace::default());
    let socket = SocketAddr::new(address, first.port());
    let mut client = client(http, Some((&first, socket)), &trace)?;
    let mut method = if http.method.is_empty() {
        Method::GET
    } else {
        Method::from_bytes(http.method.as_bytes()).map_err(|error| error.to_string())?
    };
    let began = Instant::now();
    let response = loop {
        let request = request(&url, &method, http)?;
        let left = timeout.saturating_sub(began.elapsed());
        let limits = BodyLimits::both(http.body_bytes_max.unwrap_or(PROBE_BODY_BYTES_MAX));
        let sent = client.send(&request, left, limits).await;
        let response = sent.map_err(|error| error.to_string())?;
        let location = response.head.headers.get(header::LOCATION);
        let location = location.and_then(|it| it.to_str().ok());
        let Some(location) = location.filter(|_| response.head.status.is_redirection()) else {
            break response;
        };
        if !http.follow_redirects || seen.redirects >= REDIRECTS_MAX {
            break response;
        }
        seen.redirects += 1;
        // Go asks again with GET, unless the answer says to keep the method.
        if !matches!(response.head.status.as_u16(), 307 | 308) && method != Method::HEAD {
            method = Method::GET;
        }
        let before = url.host_str().map(str::to_owned);
        url = url.join(location).map_err(|error| error.to_string())?;
        if url.host_str() != before.as_deref() {
            client = self::client(http, None, &trace)?;
        }
    };
    seen.connect_seconds = trace.connecting.get().as_secs_f64();
    seen.tls_seconds = trace.handshakes.get().as_secs_f64();
    let all = began.elapsed().as_secs_f64();
    seen.processing_seconds = (all - seen.connect_seconds - seen.tls_seconds).max(0.0);
    seen.ssl = url.scheme() == Scheme::Https.as_str();
    seen.answered = true;
    if let Some(peer) = &*trace.peer.borrow() {
        seen.http2 = peer.http2;
        tls::write(peer, Chain::Told, out);
    }
    Ok(judge(&response, http, seen, out))
}

/// A client; `first` is the target itself and where it is, redirects go without.
fn client(
    http: &Http,
    first: Option<(&Target, SocketAddr)>,
    trace: &Rc<DialTrace>,
) -> Result<Client, String> {
    let mut options = ClientOptions::new("Blackbox Exporter/invar");
    options.follow_redirects = false;
    options.enable_http2 = http.http2;
    options.accept_gzip = false;
    options.tls = http.tls.clone();
    options.auth = http.auth.clone();
    options.trace = Some(trace.clone());
    if let Some((target, socket)) = first {
        let name = format!("{}:{}", target.host(), target.port());
        options.overrides = vec![(name, socket)];
        // The certificate has to be that of the host which the request names.
        let mut named = http.headers.iter();
        let named = named.rfind(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = named.map(|(_, host)| host.clone());
        options.tls.server_name = options.tls.server_name.or(host);
    }
    Client::new(options).map_err(|error| error.to_string())
}

fn request(url: &url::Url, method: &Method, http: &Http) -> Result<Request, String> {
    let target = Target::parse(url.as_str()).map_err(|error| error.to_string())?;
    let body = match http.body_file.as_str() {
        "" => http.body.clone(),
        path => {
            let text = crate::file::read(std::path::Path::new(path));
            text.map_err(|error| format!("cannot read \"{path}\": {error}"))?
        }
    };
    let mut request = Request::post(&target, net::Bytes::from(body));
    request.method = method.clone();
    for (name, value) in &http.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        request.headers.insert(name, value);
    }
    Ok(request)
}

fn judge(response: &Response, http: &Http, seen: &mut Seen, out: &mut Families) -> bool {
    let status = response.head.status.as_u16();
    seen.status = status;
    let length = response.head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
    // Compat: -1 where the server does not tell.
    seen.content_length = length.unwrap_or(-1.0);
    let mut success = match &http.valid_status_codes[..] {
        [] => (200..300).contains(&status),
        codes => codes.contains(&status),
    };
    if success && !(http.fail_if_header.is_empty() && http.fail_if_not_header.is_empty()) {
        success = headers_are_good(response, http);
        seen.regex_failed = !success;
    }
    let limit = http.body_bytes_max.unwrap_or(PROBE_BODY_BYTES_MAX);
    let body = match unpacked(response, http, limit) {
        Ok(body) => body,
        Err(error) => {
            tracing::debug!(err = error, "the body of an answer cannot be read");
            success = false;
            Vec::new()
        }
    };
    let body_bytes = body.len();
    if success && !(http.fail_if_body.is_empty() && http.fail_if_not_body.is_empty()) {
        let body = String::from_utf8_lossy(&body);
        success = !http.fail_if_body.iter().any(|it| it.is_match(&body))
            && http.fail_if_not_body.iter().all(|it| it.is_match(&body));
        seen.regex_failed = !success;
    }
    seen.body_bytes = body_bytes;
    let modified = response.head.headers.get(header::LAST_MODIFIED);
    let modified = modified.and_then(|it| it.to_str().ok());
    if let Some(modified) = modified.and_then(|it| jiff::fmt::rfc2822::parse(it).ok()) {
        let help = "Returns the Last-Modified HTTP response header in unixtime";
        let seconds = modified.timestamp().as_second() as f64;
        out.gauge(
            "probe_http_last_modified_timestamp_seconds",
            help,
            &[],
            seconds,
        );
    }
    let versions = &http.valid_versions;
    let version = if seen.http2 { "HTTP/2.0" } else { "HTTP/1.1" };
    success && (versions.is_empty() || versions.iter().any(|it| it == version))
}

/// The body; the client has unpacked what the answer says is packed.
fn unpacked(response: &Response, http: &Http, limit: u64) -> Result<Vec<u8>, String> {
    let said = response.head.headers.get(header::CONTENT_ENCODING);
    if !http.gzip || said.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip")) {
        return Ok(response.body.clone());
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = Codec::Gzip.unpack(&response.body, limit);
    body.map_err(|error| error.to_string())
}

fn headers_are_good(response: &Response, http: &Http) -> bool {
    let values = |name: &str| -> Vec<String> {
        let all = response.head.headers.get_all(name).iter();
        all.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
            .collect()
    };
    let bad = http
        .fail_if_header
        .iter()
        .any(|wanted| match values(&wanted.header) {
            values if values.is_empty() => !wanted.allow_missing,
            values => values.iter().any(|value| wanted.regex.is_match(value)),
        });
    let missing = http
        .fail_if_not_header
        .iter()
        .any(|wanted| match values(&wanted.header) {
            values if values.is_empty() => !wanted.allow_missing,
            values => !values.iter().any(|value| wanted.regex.is_match(value)),
        });
    !bad && !missing
}

impl Seen {
    fn write(&self, out: &mut Families) {
        let help = "Duration of http request by phase, summed over all redirects";
        for (phase, seconds) in [
            ("resolve", self.resolve_seconds),
            ("connect", self.connect_seconds),
            ("tls", self.tls_seconds),
            ("processing", self.processing_seconds),
            ("transfer", 0.0),
        ] {
            out.gauge(
                "probe_http_duration_seconds",
                help,
                &[("phase", phase)],
                seconds,
            );
        }
        let flag = |it: bool| f64::from(u8::from(it));
        for (name, help, value) in [
            (
                "probe_http_content_length",
                "Length of http content response",
                self.content_length,
            ),
            (
                "probe_http_uncompressed_body_length",
                "Length of uncompressed response body",
                self.body_bytes as f64,
            ),
            (
                "probe_http_redirects",
                "The number of redirects",
                f64::from(self.redirects),
            ),
            (
                "probe_http_ssl",
                "Indicates if SSL was used for the final redirect",
                flag(self.ssl),
            ),
            (
                "probe_http_status_code",
                "Response HTTP status code",
                f64::from(self.status),
            ),
            (
                "probe_http_version",
                "Returns the version of HTTP of the probe response",
                match (self.answered, self.http2) {
                    (false, _) => 0.0,
                    (true, false) => 1.1,
                    (true, true) => 2.0,
                },
            ),
            (
                "probe_failed_due_to_regex",
                "Indicates if probe failed due to regex",
                flag(self.regex_failed),
            ),
        ] {
            out.gauge(name, help, &[], value);
        }
    }
}
