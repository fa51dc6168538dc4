//! One operation: submitted, waited for, and safe to abandon.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use io_uring::squeue::{self, Flags};
use io_uring::{opcode, types};
use std::os::fd::AsRawFd;

use super::Ring;
use super::slots::{Owned, Results, Slots};
use crate::current;

/// What is done with the bytes of the buffer from `from` on, at `offset` of the file.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Read {
        from: usize,
        offset: u64,
    },
    Write {
        from: usize,
        offset: u64,
    },
    /// A write, then, if all of it was written, a sync.
    Commit {
        from: usize,
        offset: u64,
    },
    Sync,
}

/// Limit: bytes of one entry, as Linux moves no more than 2 GiB - 4 KiB at once; callers go on with
/// the rest.
const BYTES_MAX: usize = 1 << 30;

/// Runs a request to its end. The buffer comes back unless the ring itself failed. If the returned
/// future is dropped, the operation runs on and its buffer is freed with its end.
pub(super) async fn run(
    ring: &Rc<Ring>,
    file: &Arc<std::fs::File>,
    bytes: Vec<u8>,
    request: Request,
) -> (io::Result<Results>, Vec<u8>) {
    let turn = ring.turns.acquire(1).await;
    let in_flight = current::context().map(|context| context.in_flight.clone());
    let owned = Owned {
        file: file.clone(),
        bytes,
        _turn: turn,
        _in_flight: in_flight,
    };
    let (slot, entries) = {
        let mut slots = ring.slots.borrow_mut();
        let slot = slots.insert(owned, request.entries());
        (slot, request.prepare(slot, slots.owned(slot)))
    };
    // From here on the slot is given up properly wherever this future is dropped.
    let waiting = Waiting {
        ring: ring.clone(),
        slot: Some(slot),
    };
    let submitted = ring.submit(&entries[..request.entries() as usize]).await;
    if let Err(error) = submitted {
        return (Err(error), Vec::new());
    }
    let (results, owned) = waiting.results().await;
    (Ok(results), owned.bytes)
}

struct Waiting {
    ring: Rc<Ring>,
    slot: Option<usize>,
}

impl Waiting {
    async fn results(mut self) -> (Results, Owned) {
        let slot = self.slot.expect("a fresh operation has its slot");
        let done = poll_fn(
            |cx| match self.ring.slots.borrow_mut().poll(slot, cx.waker()) {
                Some(done) => Poll::Ready(done),
                None => Poll::Pending,
            },
        )
        .await;
        self.slot = None;
        done
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.ring.slots.borrow_mut().abandon(slot);
        }
    }
}

impl Request {
    fn entries(self) -> u32 {
        match self {
            Request::Read { .. } | Request::Write { .. } | Request::Sync => 1,
            Request::Commit { .. } => 2,
        }
    }

    /// The submission entries; of a request with one entry the second is unused.
    fn prepare(self, slot: usize, owned: &mut Owned) -> [squeue::Entry; 2] {
        let fd = types::Fd(owned.file.as_raw_fd());
        let sync = opcode::Fsync::new(fd)
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        let (first, second) = match self {
            Request::Read { from, offset } => {
                let rest = &mut owned.bytes[from..];
                let len = rest.len().min(BYTES_MAX) as u32;
                (
                    opcode::Read::new(fd, rest.as_mut_ptr(), len)
                        .offset(offset)
                        .build(),
                    sync,
                )
            }
            Request::Write { from, offset } => (write(fd, &owned.bytes[from..], offset), sync),
            Request::Commit { from, offset } => (
                write(fd, &owned.bytes[from..], offset).flags(Flags::IO_LINK),
                sync,
            ),
            Request::Sync => (sync.clone(), sync),
        };
        [
            first.user_data(Slots::user_data(slot, false)),
            second.user_data(Slots::user_data(slot, true)),
        ]
    }
}

fn write(fd: types::Fd, bytes: &[u8], offset: u64) -> squeue::Entry {
    let len = bytes.len().min(BYTES_MAX) as u32;
    opcode::Write::new(fd, bytes.as_ptr(), len)
        .offset(offset)
        .build()
}
