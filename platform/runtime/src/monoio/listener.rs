//! Listening sockets.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::TcpStream;
use crate::LocalBoxFuture;

type Accepted = io::Result<(::monoio::net::TcpStream, SocketAddr)>;

pub(crate) struct TcpListener {
    listener: Rc<::monoio::net::TcpListener>,
    address: SocketAddr,
    /// The accept in the kernel's hands. It outlives the future that waits for it, since one that
    /// is cancelled as a connection arrives would lose the connection.
    accept: RefCell<Option<LocalBoxFuture<'static, Accepted>>>,
}

impl TcpListener {
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        let address = listener.local_addr()?;
        let listener = Rc::new(::monoio::net::TcpListener::from_std(listener)?);
        Ok(TcpListener {
            listener,
            address,
            accept: RefCell::new(None),
        })
    }

    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = poll_fn(|cx| {
            let mut accept = self.accept.borrow_mut();
            let in_flight = accept.get_or_insert_with(|| {
                let listener = self.listener.clone();
                Box::pin(async move { listener.accept().await })
            });
            let polled = in_flight.as_mut().poll(cx);
            if polled.is_ready() {
                *accept = None;
            }
            polled
        })
        .await?;
        Ok((TcpStream::new(stream), peer))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
