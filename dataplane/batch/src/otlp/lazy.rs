//! A message that stays the bytes that arrived until somebody asks for it, and is written as those
//! bytes until somebody changes it.

use std::cell::OnceCell;

use super::wire::{Message, put_bytes, put_nested};

/// A message `T` on first demand. `get` decodes, `get_mut` also forgets the bytes, so that only
/// what was asked for mutably is encoded again.
#[derive(Debug, Clone)]
pub struct Lazy<'a, T> {
    /// What `decoded` says, while it may not have been changed.
    raw: Option<&'a [u8]>,
    decoded: OnceCell<Box<T>>,
}

impl<'a, T: Message<'a>> Lazy<'a, T> {
    /// A message that has been checked already, as all of a batch have.
    #[must_use]
    pub fn raw(bytes: &'a [u8]) -> Lazy<'a, T> {
        Lazy {
            raw: Some(bytes),
            decoded: OnceCell::new(),
        }
    }

    #[must_use]
    pub fn new(message: T) -> Lazy<'a, T> {
        Lazy {
            raw: None,
            decoded: OnceCell::from(Box::new(message)),
        }
    }

    pub fn get(&self) -> &T {
        self.decoded.get_or_init(|| {
            let raw = self.raw.expect("a message is raw or decoded");
            Box::new(T::decode(raw).expect("the messages of a batch were checked"))
        })
    }

    /// The message, to be changed: it is encoded again.
    pub fn get_mut(&mut self) -> &mut T {
        self.get();
        self.raw = None;
        self.decoded.get_mut().expect("decoded above")
    }

    #[must_use]
    pub fn into_inner(self) -> T {
        self.get();
        *self.decoded.into_inner().expect("decoded above")
    }

    /// The bytes that arrived, if it was not changed.
    #[must_use]
    pub fn as_raw(&self) -> Option<&'a [u8]> {
        self.raw
    }

    /// Whether it has no fields on the wire.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.raw.is_some_and(<[u8]>::is_empty)
    }

    /// Appends it as a field.
    pub(super) fn put(&self, out: &mut Vec<u8>, number: u32) {
        match self.raw {
            Some(raw) => put_bytes(out, number, raw),
            None => put_nested(out, number, EXPECTED_BYTES, |out| self.get().write(out)),
        }
    }
}

/// Most changed messages are spans, data points and records: their length takes two bytes.
const EXPECTED_BYTES: usize = 512;

impl<'a, T: Message<'a> + PartialEq> PartialEq for Lazy<'a, T> {
    fn eq(&self, other: &Lazy<'a, T>) -> bool {
        self.get() == other.get()
    }
}

impl<'a, T: Message<'a>> Default for Lazy<'a, T> {
    fn default() -> Lazy<'a, T> {
        Lazy::raw(&[])
    }
}
