//! The prober `grpc`: asks the health service of a server (`grpc.health.v1.Health/Check`).

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use net::grpc::{self, Code, Status};
use net::{
    BodyLimits, Bytes, Client, ClientOptions, DialTrace, HeaderValue, HttpError, Request, Scheme,
    Target, header,
};

use super::modules::Grpc;
use super::resolve::resolve;
use super::tls::{self, Chain};
use crate::families::Families;

/// Limit: bytes of an answer, which is one number.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

const METHOD: &str = "/grpc.health.v1.Health/Check";

/// How a service can be, by number.
const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/// What a probe has seen.
#[derive(Default)]
struct Seen {
    resolve_seconds: f64,
    /// None if nobody was asked.
    check: Option<Check>,
    ssl: bool,
}

struct Check {
    seconds: f64,
    code: Code,
    status: Option<&'static str>,
}

/// Whether the probe has succeeded.
pub async fn probe(target: &str, grpc: &Grpc, timeout: Duration, out: &mut Families) -> bool {
    let mut seen = Seen::default();
    let success = match check(target, grpc, timeout, &mut seen, out).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(target, err = error, "a grpc probe has failed");
            false
        }
    };
    seen.write(out);
    success
}

async fn check(
    target: &str,
    grpc: &Grpc,
    timeout: Duration,
    seen: &mut Seen,
    out: &mut Families,
) -> Result<(), String> {
    let began = Instant::now();
    let bare = target
        .strip_prefix("http://")
        .or_else(|| target.strip_prefix("https://"))
        .unwrap_or(target);
    let scheme = if grpc.secure {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let bare = bare.split('/').next().unwrap_or_default();
    let url = format!("{}://{bare}{METHOD}", scheme.as_str());
    let at = Target::parse(&url).map_err(|error| error.to_string())?;
    let address = resolve(at.host(), grpc.ip, out).await;
    seen.resolve_seconds = began.elapsed().as_secs_f64();
    let address = address.ok_or("the target has no address")?;

    let trace = Rc::new(DialTrace::default());
    let mut options = ClientOptions::new("Blackbox Exporter/invar");
    options.http2_only = true;
    options.accept_gzip = false;
    options.follow_redirects = false;
    options.tls = grpc.tls.clone();
    options.trace = Some(trace.clone());
    let socket = SocketAddr::new(address, at.port());
    options.overrides = vec![(at.authority().to_owned(), socket)];
    let client = Client::new(options).map_err(|error| error.to_string())?;
    let asked = Instant::now();
    let answer = ask(&client, &at, grpc, timeout.saturating_sub(began.elapsed())).await;
    seen.ssl = trace.peer.borrow().is_some();
    if let Some(peer) = &*trace.peer.borrow() {
        tls::write(peer, Chain::Untold, out);
    }
    let (code, status, error) = match answer {
        Ok("SERVING") => (Code::Ok, Some("SERVING"), None),
        Ok(status) => (
            Code::Ok,
            Some(status),
            Some(format!("the service is {status}")),
        ),
        Err(status) => (status.code, None, Some(status.message)),
    };
    let seconds = asked.elapsed().as_secs_f64();
    seen.check = Some(Check {
        seconds,
        code,
        status,
    });
    error.map_or(Ok(()), Err)
}

/// How the service is, or how the call has ended.
async fn ask(
    client: &Client,
    at: &Target,
    grpc: &Grpc,
    timeout: Duration,
) -> Result<&'static str, Status> {
    let failed = |error: std::io::Error| Status::new(Code::Internal, error.to_string());
    let body = grpc::frame(&[question(&grpc.service)], None).map_err(failed)?;
    let mut request = Request::post(at, body);
    let headers = &mut request.headers;
    headers.insert(header::CONTENT_TYPE, grpc::CONTENT_TYPE);
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    let limits = BodyLimits::both(ANSWER_BYTES_MAX);
    let response = client.send(&request, timeout, limits).await;
    let response = response.map_err(|error| {
        let code = match &error {
            HttpError::Timeout { .. } => Code::DeadlineExceeded,
            _ => Code::Unavailable,
        };
        Status::new(code, error.to_string())
    })?;
    let head = &response.head;
    let status = Status::of(head.status, &head.headers, &head.trailers);
    if status.code != Code::Ok {
        return Err(status);
    }
    let message = grpc::unframe(response.body.into(), None, ANSWER_BYTES_MAX as usize)?;
    let number = serving(&message)
        .ok_or_else(|| Status::new(Code::Internal, "the answer is no HealthCheckResponse"))?;
    STATUSES.get(number).copied().ok_or_else(|| {
        Status::new(
            Code::Internal,
            format!("the service has the unknown status {number}"),
        )
    })
}

/// A `HealthCheckRequest`: its only field is the name of the service.
fn question(service: &str) -> Bytes {
    let mut bytes = Vec::with_capacity(service.len() + 8);
    if !service.is_empty() {
        bytes.push(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(service.as_bytes());
    }
    bytes.into()
}

/// The status of a `HealthCheckResponse`, its only field.
fn serving(message: &[u8]) -> Option<usize> {
    match message {
        [] => Some(0),
        [0x08, status] if *status < 0x80 => Some(usize::from(*status)),
        _ => None,
    }
}

impl Seen {
    fn write(&self, out: &mut Families) {
        let help = "Duration of gRPC request by phase";
        let name = "probe_grpc_duration_seconds";
        out.gauge(name, help, &[("phase", "resolve")], self.resolve_seconds);
        let help = "Indicates if SSL was used for the connection";
        out.gauge("probe_grpc_ssl", help, &[], f64::from(u8::from(self.ssl)));
        let code = self.check.as_ref().map_or(0, |it| it.code as u32);
        let help = "Response gRPC status code";
        out.gauge("probe_grpc_status_code", help, &[], f64::from(code));
        let Some(check) = &self.check else {
            return;
        };
        let help = "Duration of gRPC request by phase";
        out.gauge(name, help, &[("phase", "check")], check.seconds);
        for status in STATUSES {
            let is = f64::from(u8::from(check.status == Some(status)));
            let help = "Response HealthCheck response";
            let labels = [("serving_status", status)];
            out.gauge("probe_grpc_healthcheck_response", help, &labels, is);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_health_service() {
        assert_eq!(question(""), Bytes::new());
        assert_eq!(question("ab"), Bytes::from_static(b"\x0a\x02ab"));
        let long = question(&"x".repeat(300));
        assert_eq!(long[..3], [0x0a, 0xac, 0x02]);
        for (message, status) in [(&[][..], Some(0)), (&[8, 1], Some(1)), (&[8, 128], None)] {
            assert_eq!(serving(message), status);
        }
    }
}
