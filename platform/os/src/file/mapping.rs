//! Read-only shared mappings of allocated files.

use std::fs::File;
use std::io;

/// The first bytes of a file, mapped for reading. Later writes to the file are seen.
///
/// Invariant: the mapped bytes were part of the file when it was mapped. The owner of the file must
/// not truncate it while a mapping lives; touching bytes beyond the end is a fault.
#[derive(Debug)]
pub struct Mapping {
    /// `None` for zero bytes, which cannot be mapped.
    map: Option<memmap2::Mmap>,
}

impl Mapping {
    /// Maps the first `len` bytes of `file`, which must have them.
    pub fn new(file: &File, len: usize) -> io::Result<Mapping> {
        let file_len = file.metadata()?.len();
        if file_len < len as u64 {
            let text = format!("cannot map {len} bytes of a file of {file_len} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if len == 0 {
            return Ok(Mapping { map: None });
        }
        // SAFETY: the bytes are inside the file (checked above) and stay so by the invariant. That
        // they may change is what a log reader lives with: it looks only at what was written.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
        Ok(Mapping { map: Some(map) })
    }

    /// The mapped bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }

    /// Number of mapped bytes.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.map.is_none()
    }
}
