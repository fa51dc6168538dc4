//! A compressed file, read once from its start to its end.
//!
//! The position is one of the unpacked bytes: what was delivered before is unpacked again and
//! thrown away. What is fed to the unpacker at a time is small, so that even a bomb gives little.

use std::io::{self, Write};
use std::path::Path;

use bzip2::write::BzDecoder;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use runtime::fs::{self, File, OpenOptions};

use super::charset::Charset;
use super::opened::{LINE_BYTES_MAX, Sink, add_line};
use super::positions::Position;

/// Bytes fed at a time; gzip makes at most a thousandfold of them.
const FEED_BYTES: usize = 16 << 10;

/// Unpacks what is written to it.
enum Unpacker {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Bzip2(BzDecoder<Vec<u8>>),
}

/// A compressed file.
pub struct Archive {
    file: File,
    fed: u64,
    unpacker: Unpacker,
    charset: Charset,
    /// Unpacked bytes that are delivered.
    offset: u64,
    /// Of those, how many are still to be thrown away.
    discard: u64,
    started: bool,
    skipping: bool,
}

impl Archive {
    pub async fn open(
        path: &Path,
        format: &str,
        charset: Charset,
        offset: u64,
    ) -> io::Result<Archive> {
        let unpacker = match format {
            "gz" => Unpacker::Gzip(MultiGzDecoder::new(Vec::new())),
            "z" => Unpacker::Zlib(ZlibDecoder::new(Vec::new())),
            _ => Unpacker::Bzip2(BzDecoder::new(Vec::new())),
        };
        Ok(Archive {
            file: fs::open(path, &OpenOptions::read()).await?,
            fed: 0,
            unpacker,
            charset,
            offset,
            discard: offset,
            started: offset > 0,
            skipping: false,
        })
    }

    pub fn position(&self) -> Position {
        Position {
            offset: self.offset,
            file: None,
        }
    }

    /// Unpacks some and appends its lines; true when there is more.
    pub async fn read(&mut self, sink: &mut Sink<'_>) -> io::Result<bool> {
        sink.clock.look();
        let (read, packed) = self.file.read_at(vec![0; FEED_BYTES], self.fed).await;
        let packed = &packed[..read?];
        self.fed += packed.len() as u64;
        let more = !packed.is_empty();
        match more {
            true => self.unpacker.write(packed)?,
            false => self.unpacker.finish()?,
        }
        let Archive {
            unpacker,
            charset,
            offset,
            discard,
            started,
            skipping,
            ..
        } = self;
        let plain = unpacker.plain();
        let gone = (*discard).min(plain.len() as u64);
        plain.drain(..gone as usize);
        *discard -= gone;
        if !*started && (plain.len() >= 4 || !more) {
            let (found, mark) = charset.with_mark(plain);
            *charset = found;
            *offset += mark;
            plain.drain(..mark as usize);
            *started = true;
        }
        let mut start = 0;
        while *started && let Some((at, len)) = charset.line_feed(&plain[start..]) {
            match std::mem::take(skipping) {
                true => {}
                false => add_line(*charset, &plain[start..start + at], sink),
            }
            start += at + len;
        }
        if !more && start < plain.len() {
            add_line(*charset, &plain[start..], sink);
            start = plain.len();
        }
        if plain.len() - start > LINE_BYTES_MAX as usize {
            sink.too_long += u64::from(!*skipping);
            *skipping = true;
            start = plain.len();
        }
        plain.drain(..start);
        *offset += start as u64;
        Ok(more)
    }
}

impl Unpacker {
    fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        match self {
            Unpacker::Gzip(unpacker) => unpacker.write_all(packed),
            Unpacker::Zlib(unpacker) => unpacker.write_all(packed),
            Unpacker::Bzip2(unpacker) => unpacker.write_all(packed),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Unpacker::Gzip(unpacker) => unpacker.try_finish(),
            Unpacker::Zlib(unpacker) => unpacker.try_finish(),
            Unpacker::Bzip2(unpacker) => unpacker.try_finish(),
        }
    }

    fn plain(&mut self) -> &mut Vec<u8> {
        match self {
            Unpacker::Gzip(unpacker) => unpacker.get_mut(),
            Unpacker::Zlib(unpacker) => unpacker.get_mut(),
            Unpacker::Bzip2(unpacker) => unpacker.get_mut(),
        }
    }
}
