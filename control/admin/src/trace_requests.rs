//! A span for each request to the admin server, as the `tracing` block asks for.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use plan::{RemoteParent, Tracer};

/// The scope of these spans.
const SPANS: &str = "http";

pub(crate) async fn trace(State(tracer): State<Tracer>, request: Request, next: Next) -> Response {
    if !tracer.is_enabled() {
        return next.run(request).await;
    }
    let method = request.method().as_str();
    let route = request.extensions().get::<MatchedPath>();
    let name = match route {
        Some(route) => format!("{method} {}", route.as_str()),
        None => method.to_owned(),
    };
    let parent = remote_parent(request.headers());
    let mut span = tracer.request(SPANS, &name, parent);
    span.text("http.request.method", method);
    if let Some(route) = route {
        span.text("http.route", route.as_str());
    }
    span.text("url.path", request.uri().path());
    span.text("network.protocol.version", version(request.version()));
    if let Some(agent) = text(request.headers(), header::USER_AGENT.as_str()) {
        span.text("user_agent.original", agent);
    }
    let response = next.run(request).await;
    let status = response.status();
    span.int("http.response.status_code", status.as_u16().into());
    if status.is_server_error() {
        // OpenTelemetry's rules: only these are failures of a server.
        span.failed(|| status.to_string());
    }
    response
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// W3C trace context: `00-<32 hex>-<16 hex>-<2 hex>`, all lower case. What is anything else bears
/// no trace; a later version may have more behind it.
fn remote_parent(headers: &HeaderMap) -> Option<RemoteParent> {
    let mut parts = text(headers, "traceparent")?.trim().split('-');
    let [version] = hex::<1>(parts.next()?)?;
    let trace_id = hex::<16>(parts.next()?)?;
    let span_id = hex::<8>(parts.next()?)?;
    let [flags] = hex::<1>(parts.next()?)?;
    let more = parts.next().is_some();
    let valid = version != 0xff && (version != 0 || !more);
    (valid && trace_id != [0; 16] && span_id != [0; 8]).then_some(RemoteParent {
        trace_id,
        span_id,
        sampled: flags & 1 == 1,
    })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn parent(text: &str) -> Option<RemoteParent> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(text).expect("a header");
        headers.insert("traceparent", value);
        remote_parent(&headers)
    }

    #[test]
    fn a_request_bears_the_trace_of_its_header() {
        let id = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        let sampled = parent(&format!("00-{id}-01")).expect("valid");
        assert_eq!(sampled.trace_id[..2], [0x0a, 0xf7]);
        assert_eq!(sampled.span_id[7], 0x31);
        assert!(sampled.sampled);
        assert!(!parent(&format!("00-{id}-00")).expect("valid").sampled);
        assert!(parent(&format!("01-{id}-01-more")).is_some());
    }

    #[test]
    fn what_is_no_trace_context_is_left_alone() {
        let id = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("ff-{id}-01"),
            format!("00-{id}-01-more"),
            format!("00-{}-01", id.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{id}-0é"),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(bad.as_bytes()).expect("a header");
            headers.insert("traceparent", value);
            assert_eq!(remote_parent(&headers), None, "{bad}");
        }
    }
}
