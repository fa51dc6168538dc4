//! TCP on the shard's backend, and datagrams.
//!
//! [`TcpStream`] has two faces over one socket: the completion-shaped one (`read`, `write_all`)
//! and tokio's `AsyncRead`/`AsyncWrite`, on which hyper and rustls run on every backend.

mod listener;
mod stream;
mod udp;

/// What streams of others must be like for TLS over them: tokio's traits, without a reactor.
pub use ::tokio::io::{AsyncRead, AsyncWrite};
pub use listener::{ListenOptions, TcpListener};
pub use stream::TcpStream;
pub use udp::{Datagram, UdpReceiver};
