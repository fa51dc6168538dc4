//! The two servers, and the packets.

use std::rc::Rc;

use formats::jaeger;
use formats::thrift::Protocol;
use net::grpc::{self, Code, FRAME_BYTES, Status};
use net::{Answer, BodyLimits, HttpError, Incoming, Method, StatusCode, header};

use runtime::net::UdpReceiver;

use crate::receiving::{Door, Intake, Transport, no_memory};
use crate::settings::{GrpcServer, Handler, HttpServer};

/// The only method of the service.
const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";

/// Bytes that are reserved before a message whose length is not known yet.
const FIRST_BYTES: u64 = 64 << 10;

/// `CollectorService`.
pub struct Grpc {
    intake: Rc<Intake>,
    auth: Option<Handler>,
    message_bytes_max: u64,
}

impl Grpc {
    pub fn new(settings: &GrpcServer, intake: Rc<Intake>) -> Grpc {
        Grpc {
            intake,
            auth: settings.auth.clone(),
            message_bytes_max: match settings.max_recv_msg_size.0 {
                0 => 4 << 20,
                bytes => bytes,
            },
        }
    }

    pub async fn answer(self: Rc<Self>, request: Incoming) -> Answer {
        match self.call(request).await {
            // An empty message: there is nothing to say.
            Ok(()) => grpc::ok(&[]),
            Err(status) => status.answer(),
        }
    }

    async fn call(&self, mut request: Incoming) -> Result<(), Status> {
        if request.method != Method::POST || request.uri.path() != POST_SPANS {
            let text = format!("unknown method {}", request.uri.path());
            return Err(Status::new(Code::Unimplemented, text));
        }
        if let Some(server) = self.auth.as_ref().and_then(Handler::server) {
            let unknown = |text| Status::new(Code::Unauthenticated, text);
            server.check(&request.headers).map_err(unknown)?;
        }
        let mut room = self.intake.reserve(FIRST_BYTES)?;
        let mut body = Vec::new();
        let limits = BodyLimits::both(self.message_bytes_max + FRAME_BYTES as u64);
        let read = request.read_body(limits, &mut body).await;
        read.map_err(|error| match error {
            HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => {
                let limit = self.message_bytes_max as usize;
                grpc::too_large(limit + 1, limit)
            }
            error => Status::new(Code::Internal, error.to_string()),
        })?;
        let encoding = request.headers.get(grpc::GRPC_ENCODING);
        let encoding = encoding.and_then(|encoding| encoding.to_str().ok());
        let message = grpc::unframe(body.into(), encoding, self.message_bytes_max as usize)?;
        let more = (message.len() as u64).saturating_sub(room.bytes());
        if more > 0 && !room.grow(more) {
            return Err(no_memory());
        }
        let wrong = |text| Status::new(Code::InvalidArgument, text);
        let batch = jaeger::decode_post_spans(&message).map_err(wrong)?;
        let passed = self.intake.pass_on(batch, Transport::Grpc).await;
        passed.map_err(|nack| {
            let code = match nack.retryable {
                true => Code::Unavailable,
                false => Code::Internal,
            };
            Status::new(code, nack.message)
        })
    }
}

/// `/api/traces`.
pub struct ThriftHttp {
    door: Door,
    intake: Rc<Intake>,
}

impl ThriftHttp {
    pub fn new(settings: &HttpServer, intake: Rc<Intake>) -> ThriftHttp {
        ThriftHttp {
            door: Door::new(settings),
            intake,
        }
    }

    pub async fn answer(self: Rc<Self>, request: Incoming) -> Answer {
        self.door
            .answer(request, |request| self.take(request))
            .await
    }

    async fn take(&self, mut request: Incoming) -> Answer {
        let bad = |text: &str| Answer::text(StatusCode::BAD_REQUEST, text);
        if request.uri.path() != "/api/traces" {
            return Answer::text(StatusCode::NOT_FOUND, "404 page not found");
        }
        if request.method != Method::POST {
            return Answer::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let kind = request.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
        if ![
            "application/x-thrift",
            "application/vnd.apache.thrift.binary",
        ]
        .contains(&&*kind)
        {
            return bad(&format!("Unsupported content type: {kind}"));
        }
        let (body, _room) = match self.door.body(&mut request, &self.intake).await {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let batch = match jaeger::decode_batch(&body) {
            Ok(batch) => batch,
            Err(reason) => return bad(&format!("Unable to process request body: {reason}")),
        };
        match self.intake.pass_on(batch, Transport::Http).await {
            Ok(()) => Answer::empty(StatusCode::ACCEPTED),
            Err(nack) => {
                let text = format!("Cannot submit Jaeger batch: {}", nack.message);
                Answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text)
            }
        }
    }
}

/// Takes packets for as long as the node is there.
pub async fn packets(receiver: UdpReceiver, protocol: Protocol, intake: Rc<Intake>) {
    while let Ok((packet, peer)) = receiver.recv().await {
        match jaeger::decode_packet(protocol, &packet) {
            Ok(batch) => intake.insist(batch, Transport::Udp).await,
            Err(reason) => tracing::debug!("a packet of {peer} was dropped: {reason}"),
        }
    }
}
