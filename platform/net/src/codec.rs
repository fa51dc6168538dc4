//! Compression of whole bodies and messages that are in memory. Unpacking is bounded: a bomb stops
//! at the caller's limit.

use std::fmt;
use std::io::{self, Read, Write};

use flate2::Compression;

/// How bytes may be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Zlib,
    Zstd,
    /// The framed format.
    Snappy,
    Lz4,
}

/// Why bytes could not be unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecError {
    /// they unpack to more than 10 bytes
    TooLarge { limit: usize },
    /// they are not valid gzip: cause
    Broken { codec: Codec, cause: String },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::TooLarge { limit } => write!(f, "they unpack to more than {limit} bytes"),
            CodecError::Broken { codec, cause } => {
                write!(f, "they are not valid {}: {cause}", codec.name())
            }
        }
    }
}

impl std::error::Error for CodecError {}

/// The level of flate2 that costs least: what is sent once and read once.
const LEVEL_FAST: u32 = 1;

impl Codec {
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zlib => "zlib",
            Codec::Zstd => "zstd",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
        }
    }

    /// The codec that a Content-Encoding or grpc-encoding names; `deflate` is zlib.
    pub fn from_name(name: &str) -> Option<Codec> {
        match name {
            "gzip" | "x-gzip" => Some(Codec::Gzip),
            "zlib" | "deflate" => Some(Codec::Zlib),
            "zstd" => Some(Codec::Zstd),
            "snappy" | "x-snappy-framed" => Some(Codec::Snappy),
            "lz4" => Some(Codec::Lz4),
            _ => None,
        }
    }

    /// Unpacks `packed` to at most `limit` bytes.
    pub fn unpack(self, packed: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
        let broken = |cause: String| CodecError::Broken { codec: self, cause };
        let mut out = Vec::new();
        let read = match self {
            Codec::Gzip => take(flate2::read::MultiGzDecoder::new(packed), limit, &mut out),
            Codec::Zlib => take(flate2::read::ZlibDecoder::new(packed), limit, &mut out),
            Codec::Snappy => take(snap::read::FrameDecoder::new(packed), limit, &mut out),
            Codec::Lz4 => take(lz4_flex::frame::FrameDecoder::new(packed), limit, &mut out),
            Codec::Zstd => {
                let frames = ZstdFrames { rest: packed };
                frames.unpack(limit, &mut out)
            }
        };
        read.map_err(|error| broken(error.to_string()))?;
        if out.len() > limit {
            return Err(CodecError::TooLarge { limit });
        }
        Ok(out)
    }

    /// Packs pieces as one; `level` is the codec's own, none the cheapest.
    pub fn pack<'a>(
        self,
        pieces: impl Iterator<Item = &'a [u8]>,
        level: Option<u32>,
    ) -> io::Result<Vec<u8>> {
        let flate = Compression::new(level.unwrap_or(LEVEL_FAST).min(9));
        let out = Vec::new();
        match self {
            Codec::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(out, flate);
                write_all(pieces, &mut writer)?;
                writer.finish()
            }
            Codec::Zlib => {
                let mut writer = flate2::write::ZlibEncoder::new(out, flate);
                write_all(pieces, &mut writer)?;
                writer.finish()
            }
            Codec::Snappy => {
                let mut writer = snap::write::FrameEncoder::new(out);
                write_all(pieces, &mut writer)?;
                writer
                    .into_inner()
                    .map_err(|error| io::Error::other(error.to_string()))
            }
            Codec::Lz4 => {
                let mut writer = lz4_flex::frame::FrameEncoder::new(out);
                write_all(pieces, &mut writer)?;
                writer.finish().map_err(io::Error::other)
            }
            Codec::Zstd => {
                let plain: Vec<u8> = pieces.flatten().copied().collect();
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                Ok(ruzstd::encoding::compress_to_vec(&*plain, level))
            }
        }
    }
}

fn write_all<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    writer: &mut impl Write,
) -> io::Result<()> {
    for piece in pieces {
        writer.write_all(piece)?;
    }
    Ok(())
}

/// Reads one byte above the limit at most, which is enough to see that it is passed.
fn take(reader: impl Read, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let left = (limit - out.len()) as u64;
    reader.take(left + 1).read_to_end(out)?;
    Ok(())
}

/// Zstandard frames, one after another.
struct ZstdFrames<'a> {
    rest: &'a [u8],
}

impl ZstdFrames<'_> {
    fn unpack(mut self, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        while !self.rest.is_empty() && out.len() <= limit {
            let decoder = ruzstd::decoding::StreamingDecoder::new(&mut self.rest)
                .map_err(|error| io::Error::other(error.to_string()))?;
            take(decoder, limit, out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Codec; 5] = [
        Codec::Gzip,
        Codec::Zlib,
        Codec::Zstd,
        Codec::Snappy,
        Codec::Lz4,
    ];

    fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
        codec.pack(plain.chunks(1000), None).expect("memory")
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let plain: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
        for codec in ALL {
            for plain in [&plain[..], b""] {
                let packed = pack(codec, plain);
                let back = codec.unpack(&packed, plain.len());
                assert!(back.as_deref() == Ok(plain), "{codec:?}");
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let plain = vec![0; 1 << 20];
        for codec in ALL {
            let packed = pack(codec, &plain);
            let error = codec.unpack(&packed, 1000).unwrap_err();
            assert_eq!(error, CodecError::TooLarge { limit: 1000 }, "{codec:?}");
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        for codec in ALL {
            let mut packed = pack(codec, b"some text that is packed, packed, packed");
            let half = packed.len() / 2;
            packed.truncate(half);
            assert!(codec.unpack(&packed, 1000).is_err(), "{codec:?} cut off");
            assert!(codec.unpack(b"plain text", 1000).is_err(), "{codec:?}");
        }
    }
}
