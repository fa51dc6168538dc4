//! The io_uring backend: monoio.
//!
//! Sockets and timers are monoio's; files are not, they go to [`crate::ring`].

mod listener;
mod loan;
mod stream;

use std::future::Future;
use std::io;

pub(crate) use listener::TcpListener;
pub(crate) use stream::TcpStream;

type Driver = ::monoio::time::TimeDriver<::monoio::IoUringDriver>;

/// A runtime for the calling thread.
pub(crate) struct Runtime {
    runtime: ::monoio::Runtime<Driver>,
}

impl Runtime {
    pub(crate) fn new() -> io::Result<Runtime> {
        let builder = ::monoio::RuntimeBuilder::<::monoio::IoUringDriver>::new();
        Ok(Runtime {
            runtime: builder.enable_timer().build()?,
        })
    }

    pub(crate) fn block_on<T>(mut self, main: impl Future<Output = T>) -> T {
        self.runtime.block_on(main)
    }
}

/// Reads `count` bytes from a descriptor that blocks until they are there (an eventfd).
pub(crate) async fn read_once(file: &::monoio::fs::File, count: usize) -> io::Result<()> {
    let buffer = loan::Loan::new(Vec::with_capacity(count));
    let (read, _) = file.read_at(buffer, 0).await;
    match read? {
        read if read == count => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
