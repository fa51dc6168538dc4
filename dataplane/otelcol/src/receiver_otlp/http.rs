//! The HTTP side: three paths, protobuf and JSON, every compression that the Collector takes.

use std::rc::Rc;

use batch::otlp::OtlpSignal;
use bytes::Bytes;
use formats::otlp_json;
use net::codec::Codec;
use net::grpc::{Code, Status};
use net::{Answer, BodyLimits, HttpError, Incoming, Method, StatusCode, header};

use super::answers::{Encoding, typed};
use super::arguments::HttpServer;
use super::client::client;
use crate::receiving::{Intake, Rules, Transport, no_memory};
use crate::settings::{Handler, ServerAuth};

pub struct Service {
    intake: Rc<Intake>,
    auth: Option<Handler>,
    include_metadata: bool,
    cors: Option<Rules>,
    paths: [(String, OtlpSignal); 3],
    algorithms: Vec<String>,
    body_bytes_max: u64,
}

impl Service {
    pub fn new(settings: &HttpServer, intake: Rc<Intake>) -> Service {
        // Compat: a path without its slash is given one.
        let path = |path: &str| format!("/{}", path.trim_start_matches('/'));
        Service {
            intake,
            auth: settings.server.auth.clone(),
            include_metadata: settings.server.include_metadata,
            cors: settings.server.cors.as_ref().and_then(Rules::new),
            paths: [
                (path(&settings.traces_url_path), OtlpSignal::Traces),
                (path(&settings.metrics_url_path), OtlpSignal::Metrics),
                (path(&settings.logs_url_path), OtlpSignal::Logs),
            ],
            algorithms: settings.server.compression_algorithms.clone(),
            body_bytes_max: match settings.server.max_request_body_size.0 {
                0 => 20 << 20,
                bytes => bytes,
            },
        }
    }

    pub async fn answer(self: Rc<Self>, request: Incoming) -> Answer {
        let Some(cors) = &self.cors else {
            return self.route(request).await;
        };
        if let Some(answer) = cors.preflight(&request) {
            return answer;
        }
        let headers = request.headers.clone();
        let mut answer = self.route(request).await;
        cors.put(&headers, &mut answer.headers);
        answer
    }

    async fn route(&self, request: Incoming) -> Answer {
        if let Some(server) = self.server()
            && let Err(text) = server.check(&request.headers)
        {
            return Answer::text(StatusCode::UNAUTHORIZED, text);
        }
        let asked = request.uri.path();
        let known = self.paths.iter().find(|(path, _)| path == asked);
        let Some((_, signal)) = known.filter(|(_, signal)| self.intake.takes(*signal)) else {
            return Answer::text(StatusCode::NOT_FOUND, "404 page not found");
        };
        if request.method != Method::POST {
            let text = "405 method not allowed, supported: [POST]";
            return typed(StatusCode::METHOD_NOT_ALLOWED, "text/plain", text);
        }
        let kind = request.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Some(encoding) = Encoding::of(kind) else {
            let text = "415 unsupported media type, supported: [application/json, \
                        application/x-protobuf]";
            return typed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/plain", text);
        };
        let signal = *signal;
        match self.take(signal, encoding, request).await {
            Ok(()) => encoding.accepted(),
            Err(refusal) => refusal,
        }
    }

    fn server(&self) -> Option<&ServerAuth> {
        self.auth.as_ref().and_then(Handler::server)
    }

    async fn take(
        &self,
        signal: OtlpSignal,
        encoding: Encoding,
        mut request: Incoming,
    ) -> Result<(), Answer> {
        let bad = |text: &str| encoding.refused_by_http(StatusCode::BAD_REQUEST, text);
        let codec = self.codec(&request).map_err(|text| bad(&text))?;
        let limit = self.body_bytes_max;
        let announced = request.content_length().unwrap_or(0);
        if announced > limit {
            return Err(bad(BODY_TOO_LARGE));
        }
        let refuse = |status: Status| match status.code {
            Code::InvalidArgument => bad(&status.message),
            _ => encoding.refused(&status),
        };
        let client = client(&request, self.include_metadata, self.server());
        let mut room = self.intake.reserve(announced).map_err(refuse)?;
        let mut body = Vec::with_capacity(announced as usize);
        let limits = BodyLimits::both(limit);
        request
            .read_body(limits, &mut body)
            .await
            .map_err(|error| bad(&read_failed(&error)))?;
        if let Some(codec) = codec {
            let unpacked = codec.unpack(&body, limit as usize);
            body = unpacked.map_err(|error| bad(&error.to_string()))?;
        }
        let message = match encoding {
            Encoding::Protobuf => Bytes::from(body),
            Encoding::Json => {
                let message = otlp_json::decode(signal.request(), &body);
                message.map_err(|error| bad(&error.to_string()))?.into()
            }
        };
        let more = (message.len() as u64).saturating_sub(room.bytes());
        if more > 0 && !room.grow(more) {
            return Err(refuse(no_memory()));
        }
        let batch = Intake::batch(signal, message).map_err(refuse)?;
        let batch = batch.from_client(client);
        let taken = self.intake.take(batch, Transport::Http, room);
        taken.await.map_err(refuse)
    }

    /// How the body is packed; nothing for gzip, which is unpacked while it is read.
    fn codec(&self, request: &Incoming) -> Result<Option<Codec>, String> {
        let name = request.headers.get(header::CONTENT_ENCODING);
        let name = name.map_or("", |name| name.to_str().unwrap_or("?"));
        let allowed = self.algorithms.iter().any(|algorithm| algorithm == name);
        match (name, Codec::from_name(name)) {
            ("" | "identity", _) => Ok(None),
            (_, Some(Codec::Gzip)) if allowed => Ok(None),
            (_, Some(codec)) if allowed => Ok(Some(codec)),
            _ => Err(format!("unsupported Content-Encoding: {name}")),
        }
    }
}

const BODY_TOO_LARGE: &str = "http: request body too large";

fn read_failed(error: &HttpError) -> String {
    match error {
        HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => {
            BODY_TOO_LARGE.to_owned()
        }
        error => error.to_string(),
    }
}
