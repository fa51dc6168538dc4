//! TLS towards clients: who we are, and whom we let in.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::{Read, ReadBuf};
use hyper_util::rt::TokioIo;
use runtime::net::TcpStream;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::client::Roots;
use super::texts::{Reloading, Source, Texts, certificates, private_key};
use super::{
    ClientAuth, HTTP1, HTTP2, Narrow, ServerTls, TlsError, TlsStream, explain, provider, versions,
};
use crate::stream::Stream;

/// How long a client that was refused may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// The configuration of a server, made again when files that it is made of change.
pub struct ServerConfigs {
    settings: ServerTls,
    narrow: Narrow,
    protocols: Vec<Vec<u8>>,
    config: Reloading<ServerConfig>,
}

/// Makes TLS connections of accepted ones.
pub(crate) struct Acceptor {
    configs: ServerConfigs,
}

impl ServerConfigs {
    pub fn new(settings: &ServerTls, narrow: Narrow) -> ServerConfigs {
        let mut sources = vec![
            Source::new("cert", &settings.identity.certificate),
            Source::new("key", &settings.identity.key),
        ];
        if let ClientAuth::IfGiven(ca) | ClientAuth::Required(ca) = &settings.client_auth {
            sources.push(Source::new("client_ca", ca));
        }
        ServerConfigs {
            settings: settings.clone(),
            narrow,
            protocols: vec![HTTP2.to_vec(), HTTP1.to_vec()],
            config: Reloading::new(sources),
        }
    }

    /// The one of the moment, for who accepts connections by themselves.
    pub async fn current(&self) -> Result<Arc<ServerConfig>, String> {
        let current = self.get().await;
        current.map_err(|error| error.to_string())
    }

    async fn get(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.config.get(async |texts| self.make(texts)).await
    }

    fn make(&self, texts: &Texts) -> Result<ServerConfig, TlsError> {
        let refuse = |index: usize, cause: String| self.config.sources[index].refuse(cause);
        let chain = certificates(&texts[0]).map_err(|cause| refuse(0, cause))?;
        let key = private_key(&texts[1]).map_err(|cause| refuse(1, cause))?;
        let builder = ServerConfig::builder_with_provider(self.narrow.provider())
            .with_protocol_versions(&self.narrow.spoken(versions(self.settings.min_version)))
            .map_err(|error| TlsError(error.to_string()))?;
        let client_roots = || {
            let trusted = certificates(&texts[2]).map_err(|cause| refuse(2, cause))?;
            let roots = Roots::of(trusted).map_err(|cause| refuse(2, cause))?;
            Ok(WebPkiClientVerifier::builder_with_provider(
                roots.store,
                provider(),
            ))
        };
        let verifier = match &self.settings.client_auth {
            ClientAuth::None => None,
            ClientAuth::IfGiven(_) => Some(client_roots()?.allow_unauthenticated().build()),
            ClientAuth::Required(_) => Some(client_roots()?.build()),
        };
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder
                .with_client_cert_verifier(verifier.map_err(|error| refuse(2, error.to_string()))?),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| refuse(0, error.to_string()))?;
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(config)
    }
}

impl Acceptor {
    pub(crate) fn new(settings: &ServerTls) -> Acceptor {
        Acceptor {
            configs: ServerConfigs::new(settings, Narrow::default()),
        }
    }

    /// For another protocol than HTTP, which is not negotiated.
    fn plain(settings: &ServerTls) -> Acceptor {
        let mut configs = ServerConfigs::new(settings, Narrow::default());
        configs.protocols.clear();
        Acceptor { configs }
    }

    /// Handshakes with a client over `stream`; says whether HTTP/2 was chosen.
    pub(crate) async fn accept(&self, stream: Stream) -> Result<(Stream, bool), TlsError> {
        let config = self.configs.get().await?;
        let handshake = TlsAcceptor::from(config)
            .accept(TokioIo::new(stream))
            .into_fallible();
        match handshake.await {
            Ok(tls) => {
                let http2 = tls.get_ref().1.alpn_protocol() == Some(HTTP2);
                Ok((Stream::tls(TlsStream::Server(tls)), http2))
            }
            Err((error, stream)) => {
                // The alert that says why has been written. A socket that is closed with unread
                // bytes sends a reset, and with it the alert would be lost.
                let farewell = stream.into_inner().end();
                let _ = runtime::timeout(FAREWELL, farewell).await;
                Err(explain(&error))
            }
        }
    }
}

/// TLS with clients of other protocols than HTTP.
pub struct Handshakes(Acceptor);

/// A connection of such a client.
pub struct Secured(Stream);

impl Handshakes {
    pub fn new(settings: &ServerTls) -> Handshakes {
        Handshakes(Acceptor::plain(settings))
    }

    /// Handshakes with a client. How long that may take is for the caller to say.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<Secured> {
        match self.0.accept(Stream::plain(stream)).await {
            Ok((stream, _)) => Ok(Secured(stream)),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}

impl Secured {
    /// Reads what has arrived, at most the buffer's capacity, in place of its old content; nothing
    /// at the end of the stream. Panics if the buffer has no capacity.
    pub async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        assert!(buffer.capacity() > 0, "a read needs a buffer with room");
        // Costs a pass over the buffer a read, which is little beside decrypting it.
        buffer.resize(buffer.capacity(), 0);
        let mut view = ReadBuf::new(&mut buffer);
        let read = poll_fn(|cx| Pin::new(&mut self.0).poll_read(cx, view.unfilled())).await;
        let count = view.filled().len();
        buffer.truncate(count);
        (read.map(|()| count), buffer)
    }
}
