//! The gRPC side: three services with one method each.

use std::cell::Cell;
use std::rc::Rc;

use batch::otlp::OtlpSignal;
use engine::Build;
use net::grpc::{self, Code, FRAME_BYTES, Status};
use net::{Answer, BodyLimits, HttpError, Incoming, Method, StatusCode, header};

use super::arguments::GrpcServer;
use super::client::client;
use super::metrics::Calls;
use crate::receiving::{Intake, Transport, no_memory};
use crate::settings::Handler;

/// An answer without rejected items.
const ACCEPTED: &[u8] = &[0x0a, 0];

/// Bytes that are reserved before a message whose length is not known yet.
const FIRST_BYTES: u64 = 64 << 10;

pub struct Service {
    intake: Rc<Intake>,
    auth: Option<Handler>,
    include_metadata: bool,
    message_bytes_max: u64,
    calls: Calls,
    /// Of the last message: messages of one client are much alike.
    last_bytes: Cell<usize>,
}

/// The method of a signal.
pub fn path(signal: OtlpSignal) -> &'static str {
    match signal {
        OtlpSignal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        OtlpSignal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        OtlpSignal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

impl Service {
    pub fn new(settings: &GrpcServer, intake: Rc<Intake>, cx: &Build) -> Service {
        Service {
            intake,
            auth: settings.server.auth.clone(),
            include_metadata: settings.server.include_metadata,
            message_bytes_max: match settings.server.max_recv_msg_size.0 {
                0 => 4 << 20,
                bytes => bytes,
            },
            calls: Calls::new(cx),
            last_bytes: Cell::new(0),
        }
    }

    pub async fn answer(self: Rc<Self>, request: Incoming) -> Answer {
        let is_grpc = request
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        if request.method != Method::POST || !is_grpc {
            return Answer::text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "this port takes gRPC: send application/grpc, or use the port of HTTP",
            );
        }
        let start = runtime::now();
        let mut bytes = 0;
        let answer = match self.call(request, &mut bytes).await {
            Ok(()) => grpc::ok(ACCEPTED),
            Err(status) => status.answer(),
        };
        let seconds = start.elapsed().as_secs_f64();
        self.calls.count(seconds, bytes, answer.body.len());
        answer
    }

    async fn call(&self, mut request: Incoming, bytes: &mut usize) -> Result<(), Status> {
        let signal = self.signal(request.uri.path())?;
        let server = self.auth.as_ref().and_then(Handler::server);
        if let Some(server) = server {
            let unknown = |text| Status::new(Code::Unauthenticated, text);
            server.check(&request.headers).map_err(unknown)?;
        }
        let client = client(&request, self.include_metadata, server);
        let mut room = self.intake.reserve(FIRST_BYTES)?;
        let mut body = Vec::with_capacity(self.last_bytes.get());
        let limits = BodyLimits::both(self.message_bytes_max + FRAME_BYTES as u64);
        match request.read_body(limits, &mut body).await {
            Ok(_) => {}
            Err(HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. }) => {
                return Err(self.too_large(&body));
            }
            Err(error) => return Err(Status::new(Code::Internal, error.to_string())),
        }
        self.last_bytes.set(body.len());
        let encoding = request.headers.get(grpc::GRPC_ENCODING);
        let encoding = encoding.and_then(|encoding| encoding.to_str().ok());
        let limit = self.message_bytes_max as usize;
        let message = grpc::unframe(body.into(), encoding, limit)?;
        *bytes = message.len();
        let more = (message.len() as u64).saturating_sub(room.bytes());
        if more > 0 && !room.grow(more) {
            return Err(no_memory());
        }
        let batch = Intake::batch(signal, message)?.from_client(client);
        self.intake.take(batch, Transport::Grpc, room).await
    }

    fn too_large(&self, body: &[u8]) -> Status {
        let limit = self.message_bytes_max as usize;
        let len = body.get(1..FRAME_BYTES).and_then(|len| len.first_chunk());
        let len = len.map_or(limit + 1, |len| u32::from_be_bytes(*len) as usize);
        grpc::too_large(len, limit)
    }

    fn signal(&self, asked: &str) -> Result<OtlpSignal, Status> {
        let known = OtlpSignal::ALL.into_iter().find(|it| path(*it) == asked);
        if let Some(signal) = known.filter(|signal| self.intake.takes(*signal)) {
            return Ok(signal);
        }
        let (service, method) = asked
            .trim_start_matches('/')
            .rsplit_once('/')
            .unwrap_or((asked, ""));
        let serves = |signal: &OtlpSignal| {
            path(*signal)[1..].split('/').next() == Some(service) && self.intake.takes(*signal)
        };
        let text = match OtlpSignal::ALL.iter().any(serves) {
            true => format!("unknown method {method} for service {service}"),
            false => format!("unknown service {service}"),
        };
        Err(Status::new(Code::Unimplemented, text))
    }
}
