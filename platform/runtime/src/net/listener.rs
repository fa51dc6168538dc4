//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::TcpStream;
use crate::backend::Backend;
use crate::current;
use crate::sim;

/// How a listener is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Lets each shard open a listener of its own on one address; the kernel spreads the
    /// connections (Linux, FreeBSD). Not on Windows.
    pub reuse_port: bool,
    /// Connections that may wait to be accepted; the system caps it (Linux: `net.core.somaxconn`).
    pub backlog: u32,
}

impl ListenOptions {
    /// One listener for the address.
    pub const fn exclusive() -> ListenOptions {
        ListenOptions {
            reuse_port: false,
            backlog: 1024,
        }
    }

    /// One listener a shard on the same address.
    pub const fn shared() -> ListenOptions {
        ListenOptions {
            reuse_port: true,
            backlog: 1024,
        }
    }
}

/// A listening socket.
pub struct TcpListener {
    inner: Inner,
}

enum Inner {
    #[cfg(target_os = "linux")]
    Monoio(crate::monoio::TcpListener),
    Tokio(::tokio::net::TcpListener),
    Sim(sim::TcpListener),
}

impl TcpListener {
    /// Opens a listener on `address` (port 0: any free one).
    pub fn bind(address: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        let inner = match current::backend() {
            #[cfg(target_os = "linux")]
            Backend::Monoio => {
                Inner::Monoio(crate::monoio::TcpListener::new(listen(address, options)?)?)
            }
            #[cfg(not(target_os = "linux"))]
            Backend::Monoio => unreachable!("monoio shards start on Linux only"),
            Backend::Tokio => {
                let listener = listen(address, options)?;
                listener.set_nonblocking(true)?;
                Inner::Tokio(::tokio::net::TcpListener::from_std(listener)?)
            }
            Backend::Sim => Inner::Sim(sim::TcpListener::bind(address, options)?),
        };
        Ok(TcpListener { inner })
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::from_monoio(stream), peer))
            }
            Inner::Tokio(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::from_tokio(stream), peer))
            }
            Inner::Sim(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::from_sim(stream), peer))
            }
        }
    }

    /// The address it listens on, with the port that was chosen.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(listener) => listener.local_addr(),
            Inner::Tokio(listener) => listener.local_addr(),
            Inner::Sim(listener) => Ok(listener.local_addr()),
        }
    }
}

fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Unix: a restart does not wait for old connections to time out. On Windows the option means
    // something else: taking a port away from who has it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "listeners of several shards cannot share a port on this system",
        ));
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
