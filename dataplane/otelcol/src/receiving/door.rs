//! The way in over HTTP: listens, authenticates, answers browsers, reads and unpacks bodies.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use engine::{BuildError, Built};
use net::codec::Codec;
use net::{
    Answer, BodyLimits, Handler, HttpError, Incoming, Server, ServerOptions, StatusCode, header,
};
use runtime::LocalBoxFuture;
use runtime::budget::Reservation;
use runtime::net::{ListenOptions, TcpListener};

use super::{Intake, Rules};
use crate::settings::HttpServer;

/// How long requests that were begun may take when the component stops.
const GRACE: Duration = Duration::from_secs(4);

/// Opens this shard's listener on the address.
pub fn listen(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address, &ListenOptions::shared()).map_err(|cause| {
        BuildError::new(format!(
            "cannot listen on {address}: {cause}; change endpoint, or stop what listens there"
        ))
    })
}

/// An async function as a handler.
pub fn handler<F>(answer: impl Fn(Incoming) -> F + 'static) -> Handler
where
    F: Future<Output = Answer> + 'static,
{
    Rc::new(move |request| {
        let answered: LocalBoxFuture<'static, Answer> = Box::pin(answer(request));
        answered
    })
}

/// An instance that is nothing but servers: they stop taking requests when it leaves.
pub fn serve(servers: Vec<(TcpListener, Handler, ServerOptions)>) -> Built {
    let servers = servers.into_iter();
    let servers: Vec<Server> = servers
        .map(|(listener, handler, options)| net::serve(listener, handler, options))
        .collect();
    let servers = Rc::new(RefCell::new(servers));
    Built::new().drain(move |_| {
        let servers = servers.take();
        async move {
            let ends = servers.into_iter().map(|server| server.shutdown(GRACE));
            engine::join(ends.collect()).await;
        }
    })
}

/// What a server of the Collector does before a receiver sees a request.
pub struct Door {
    settings: HttpServer,
    cors: Option<Rules>,
    body_bytes_max: u64,
}

/// Why a body was not taken.
#[derive(Debug)]
pub enum Refusal {
    TooLarge,
    /// There is no room for it now.
    NoMemory,
    Broken(String),
}

impl Refusal {
    /// The usual answer.
    pub fn answer(&self) -> Answer {
        match self {
            Refusal::TooLarge => Answer::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                "http: request body too large",
            ),
            Refusal::NoMemory => {
                let text = super::no_memory().message;
                Answer::text(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
            Refusal::Broken(text) => Answer::text(StatusCode::BAD_REQUEST, text),
        }
    }
}

impl Door {
    pub fn new(settings: &HttpServer) -> Door {
        Door {
            cors: settings.cors.as_ref().and_then(Rules::new),
            body_bytes_max: match settings.max_request_body_size.0 {
                0 => 20 << 20,
                bytes => bytes,
            },
            settings: settings.clone(),
        }
    }

    /// Has `inner` answer whom the settings let in.
    pub async fn answer<F>(&self, request: Incoming, inner: impl FnOnce(Incoming) -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let Some(cors) = &self.cors else {
            return self.admit(request, inner).await;
        };
        if let Some(answer) = cors.preflight(&request) {
            return answer;
        }
        let headers = request.headers.clone();
        let mut answer = self.admit(request, inner).await;
        cors.put(&headers, &mut answer.headers);
        answer
    }

    async fn admit<F>(&self, request: Incoming, inner: impl FnOnce(Incoming) -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let server = self.settings.auth.as_ref().and_then(|auth| auth.server());
        if let Some(server) = server
            && let Err(text) = server.check(&request.headers)
        {
            return Answer::text(StatusCode::UNAUTHORIZED, text);
        }
        inner(request).await
    }

    /// The unpacked body, and the room that was reserved for it.
    pub async fn body(
        &self,
        request: &mut Incoming,
        intake: &Intake,
    ) -> Result<(Vec<u8>, Reservation), Refusal> {
        let codec = self.codec(request).map_err(Refusal::Broken)?;
        let limit = self.body_bytes_max;
        let announced = request.content_length().unwrap_or(0);
        if announced > limit {
            return Err(Refusal::TooLarge);
        }
        let full = |_| Refusal::NoMemory;
        let mut room = intake.reserve(announced).map_err(full)?;
        let mut body = Vec::with_capacity(announced as usize);
        let read = request.read_body(BodyLimits::both(limit), &mut body).await;
        read.map_err(|error| match error {
            HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => Refusal::TooLarge,
            error => Refusal::Broken(error.to_string()),
        })?;
        if let Some(codec) = codec {
            let unpacked = codec.unpack(&body, limit as usize);
            body = unpacked.map_err(|error| Refusal::Broken(error.to_string()))?;
        }
        let more = (body.len() as u64).saturating_sub(room.bytes());
        if more > 0 && !room.grow(more) {
            return Err(Refusal::NoMemory);
        }
        Ok((body, room))
    }

    /// How the body is packed; nothing for gzip, which is unpacked while it is read.
    fn codec(&self, request: &Incoming) -> Result<Option<Codec>, String> {
        let name = request.headers.get(header::CONTENT_ENCODING);
        let name = name.map_or("", |name| name.to_str().unwrap_or("?"));
        let mut allowed = self.settings.compression_algorithms.iter();
        let allowed = allowed.any(|algorithm| algorithm == name);
        match (name, Codec::from_name(name)) {
            ("" | "identity", _) => Ok(None),
            (_, Some(Codec::Gzip)) if allowed => Ok(None),
            (_, Some(codec)) if allowed => Ok(Some(codec)),
            _ => Err(format!("unsupported Content-Encoding: {name}")),
        }
    }
}
