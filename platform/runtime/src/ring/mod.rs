//! A small io_uring ring per thread for what the runtimes have no operation for: reads, writes and
//! syncs of files by position, and the log's commit as one submission of two linked operations.
//!
//! Flow: an [`Operation`](operation::Operation) puts its buffer in a slot, its entries in the
//! submission queue, and enters the kernel once. Completions are announced by an eventfd; a task of
//! the thread waits for that through the thread's own runtime and hands the results to the slots,
//! so the shard never blocks.
//!
//! Invariants
//! - A slot owns file and buffer until all of its completions have come, whoever still waits.
//! - Slots in use are at most [`OPERATIONS_MAX`], so the completion queue never overflows.
//! - Where the kernel knows restrictions (5.10) the ring can only ever run the operations of
//!   [`OPCODES`], whatever is written into its memory.

mod eventfd;
mod file;
mod operation;
mod setup;
mod slots;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue};

use crate::backend::Backend;
use crate::current;
use crate::sync::Semaphore;

use eventfd::EventFd;
use slots::Slots;

pub(crate) use file::File;
pub(crate) use setup::refusal;

/// Limit: operations of one thread in the kernel at once; more wait their turn. A shard commits a
/// few lanes at a time, and disks gain nothing from deeper queues of syncs.
const OPERATIONS_MAX: u32 = 32;

/// Entries that an operation submits at most: a write and its sync.
const ENTRIES_AN_OPERATION: u32 = 2;

/// Size of the submission queue. The completion queue is twice that.
const ENTRIES: u32 = 64;

const _: () = assert!(OPERATIONS_MAX * ENTRIES_AN_OPERATION <= ENTRIES);

/// What the ring is used for.
const OPCODES: [(u8, &str); 3] = [
    (opcode::Read::CODE, "read"),
    (opcode::Write::CODE, "write"),
    (opcode::Fsync::CODE, "fsync"),
];

/// Pause before the kernel is asked again after it had no memory for a submission.
const RESUBMIT_DELAY: Duration = Duration::from_millis(1);

/// The thread's ring.
pub(crate) struct Ring {
    uring: RefCell<IoUring>,
    slots: RefCell<Slots>,
    turns: Semaphore,
    completed: EventFd,
}

/// The thread's ring, made at first use; nothing where the kernel refuses one and on threads
/// without a backend of their own.
pub(crate) fn current() -> Option<Rc<Ring>> {
    let context = current::context()?;
    if let Some(ring) = context.ring.get() {
        return ring.clone();
    }
    let ring = match Ring::new() {
        Ok(ring) => Some(Rc::new(ring)),
        Err(error) => {
            // The probe has told the operator why; this says what follows for files.
            tracing::debug!(%error, "no ring for files, they use blocking threads");
            None
        }
    };
    if let Some(ring) = &ring {
        crate::spawn(reap_when_announced(ring.clone(), context.backend));
    }
    context.ring.get_or_init(|| ring).clone()
}

/// Ends with the thread. An eventfd that cannot be waited for would leave every commit waiting for
/// ever: that is a panic, which ends the shard, and the log recovers.
async fn reap_when_announced(ring: Rc<Ring>, backend: Backend) {
    let waiter = ring
        .completed
        .waiter(backend)
        .expect("an eventfd can be waited for");
    loop {
        waiter.wait().await.expect("an eventfd can be read");
        ring.reap();
    }
}

impl Ring {
    fn new() -> io::Result<Ring> {
        let completed = EventFd::new()?;
        Ok(Ring {
            uring: RefCell::new(setup::file_ring(&completed)?),
            slots: RefCell::default(),
            turns: Semaphore::new(OPERATIONS_MAX),
            completed,
        })
    }

    /// Gives entries to the kernel. They stay in the queue when it has no memory for them right
    /// now: it is asked again until it has, as their operation cannot be taken back.
    async fn submit(&self, entries: &[squeue::Entry]) -> io::Result<()> {
        {
            let mut uring = self.uring.borrow_mut();
            // SAFETY: what the entries point to is owned by their slot until they complete.
            let pushed = unsafe { uring.submission().push_multiple(entries) };
            pushed.expect("the queue has room for every operation that has a turn");
        }
        loop {
            let submitted = self.uring.borrow().submit();
            match submitted {
                Ok(_) => return Ok(()),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => {
                        self.reap();
                        crate::sleep(RESUBMIT_DELAY).await;
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    /// Hands the results that have come to their slots.
    pub(crate) fn reap(&self) {
        let mut wakers = Vec::new();
        {
            let mut uring = self.uring.borrow_mut();
            let mut slots = self.slots.borrow_mut();
            for completion in uring.completion() {
                wakers.extend(slots.complete(completion.user_data(), completion.result()));
            }
        }
        for waker in wakers {
            waker.wake();
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let slots = self.slots.take();
        if slots.in_kernel() > 0 {
            // The thread's end has waited long enough. The kernel may still write into these
            // buffers: they are given up rather than freed.
            std::mem::forget(slots);
        }
    }
}
