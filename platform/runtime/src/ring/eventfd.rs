//! The eventfd that the kernel rings at each completion, and waiting for it on either runtime.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

use ::tokio::io::Interest;
use ::tokio::io::unix::AsyncFd;

use crate::backend::Backend;
use crate::monoio::read_once;

pub(super) struct EventFd {
    file: File,
}

impl EventFd {
    pub(super) fn new() -> io::Result<EventFd> {
        // SAFETY: eventfd has no preconditions.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and owned by nobody else.
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(EventFd { file })
    }

    /// Waits for the descriptor through the running thread's runtime.
    pub(super) fn waiter(&self, backend: Backend) -> io::Result<Waiter> {
        let file = self.file.try_clone()?;
        match backend {
            Backend::Monoio => Ok(Waiter::Monoio(::monoio::fs::File::from_std(file)?)),
            Backend::Tokio => {
                // SAFETY: a `File` gives the same descriptor as long as it lives.
                let file = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE)? };
                Ok(Waiter::Tokio(file))
            }
            Backend::Sim => unreachable!("a simulation has no ring"),
        }
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

pub(super) enum Waiter {
    Monoio(::monoio::fs::File),
    Tokio(AsyncFd<File>),
}

impl Waiter {
    /// Waits until it has rung at least once since the last wait.
    pub(super) async fn wait(&self) -> io::Result<()> {
        match self {
            Waiter::Monoio(file) => read_once(file, size_of::<u64>()).await,
            Waiter::Tokio(file) => {
                let mut ready = file.readable().await?;
                ready.clear_ready();
                let mut rung = [0; size_of::<u64>()];
                // Readable means that this does not block: nobody else reads the counter.
                io::Read::read_exact(&mut ready.get_inner(), &mut rung)
            }
        }
    }
}
