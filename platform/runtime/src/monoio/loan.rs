//! A buffer on loan to the kernel.
//!
//! When a future that waits for an operation is dropped, monoio keeps the buffer until the kernel
//! is done with it, but does not tell when that is. A loan carries a clone of the thread's
//! `in_flight` mark, so that the thread's end can wait for the last one.

use std::rc::Rc;

use ::monoio::buf::{IoBuf, IoBufMut};

use crate::current;

pub(super) struct Loan {
    pub(super) bytes: Vec<u8>,
    _in_flight: Option<Rc<()>>,
}

impl Loan {
    pub(super) fn new(bytes: Vec<u8>) -> Loan {
        let context = current::context();
        Loan {
            bytes,
            _in_flight: context.map(|context| context.in_flight.clone()),
        }
    }
}

// SAFETY: the vector's memory stays where it is while the loan moves, and nobody changes the vector
// while monoio owns the loan.
unsafe impl IoBuf for Loan {
    fn read_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.bytes.len()
    }
}

// SAFETY: as above; the pointer is good for the whole capacity.
unsafe impl IoBufMut for Loan {
    fn write_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    fn bytes_total(&mut self) -> usize {
        self.bytes.capacity()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller, monoio, says that the kernel wrote `len` bytes from the start.
        unsafe { self.bytes.set_len(len) }
    }
}
