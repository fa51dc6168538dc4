//! Bodies: how large they may get, and their way off the wire into one buffer of the caller's.
//!
//! A plain body is copied once, from the connection's buffer; a gzip body is unpacked straight into
//! the caller's buffer, which grows only until it has the size of the bodies.

use std::error::Error;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::BodyExt;

/// How large a body may be. Reaching a limit is fine, passing it stops the body there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes as they cross the wire.
    pub wire_bytes: u64,
    /// Bytes after decompression: what stops a gzip bomb.
    pub decoded_bytes: u64,
}

impl BodyLimits {
    /// One number for both: gzip hardly ever makes a body larger.
    pub fn both(bytes: u64) -> BodyLimits {
        BodyLimits {
            wire_bytes: bytes,
            decoded_bytes: bytes,
        }
    }
}

/// Why a body could not be taken in.
#[derive(Debug)]
pub(crate) enum BodyError {
    WireTooLarge,
    DecodedTooLarge,
    Encoding(String),
    Broken(String),
}

/// What came with a body beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) wire_bytes: u64,
    pub(crate) trailers: HeaderMap,
}

/// Limit: reserved for an announced body before any of it came, 1 MiB. A peer that announces more
/// makes the buffer grow only as fast as it really sends.
const RESERVE_BYTES_MAX: u64 = 1024 * 1024;
/// The least room that unpacking is given at a time.
const INFLATE_ROOM_BYTES: usize = 32 * 1024;
/// Window of 32 KiB, the largest that gzip uses.
const WINDOW_BITS: u8 = 15;

/// Whether `headers` say that the body is gzip.
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"gzip"))
}

/// Reads all of `body` into `out` (cleared first).
pub(crate) async fn read_into<B>(
    body: &mut B,
    gzip: bool,
    limits: BodyLimits,
    out: &mut Vec<u8>,
) -> Result<Received, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    out.clear();
    let announced = body.size_hint().exact().unwrap_or(0);
    let room = check_announced(announced, gzip, limits)?;
    if gzip {
        return read_gzip(body, limits, out).await;
    }
    out.reserve(room);
    read_plain(body, limits, out).await
}

/// Refuses a body that says by itself that it is too large; zero for one that says nothing. Gives
/// what to reserve for it.
pub(crate) fn check_announced(
    announced: u64,
    gzip: bool,
    limits: BodyLimits,
) -> Result<usize, BodyError> {
    if announced > limits.wire_bytes {
        return Err(BodyError::WireTooLarge);
    }
    if !gzip && announced > limits.decoded_bytes {
        return Err(BodyError::DecodedTooLarge);
    }
    Ok(announced.min(RESERVE_BYTES_MAX) as usize)
}

async fn read_plain<B>(
    body: &mut B,
    limits: BodyLimits,
    out: &mut Vec<u8>,
) -> Result<Received, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let mut received = Received::default();
    while let Some(chunk) = next_chunk(body, &mut received.trailers).await? {
        received.wire_bytes = count_wire(received.wire_bytes, chunk.len(), limits)?;
        if received.wire_bytes > limits.decoded_bytes {
            return Err(BodyError::DecodedTooLarge);
        }
        out.extend_from_slice(&chunk);
    }
    Ok(received)
}

async fn read_gzip<B>(
    body: &mut B,
    limits: BodyLimits,
    out: &mut Vec<u8>,
) -> Result<Received, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let mut gunzip = Gunzip::new();
    let mut received = Received::default();
    while let Some(chunk) = next_chunk(body, &mut received.trailers).await? {
        received.wire_bytes = count_wire(received.wire_bytes, chunk.len(), limits)?;
        gunzip.write(&chunk, limits.decoded_bytes, out)?;
    }
    gunzip.finish()?;
    Ok(received)
}

pub(crate) fn count_wire(so_far: u64, more: usize, limits: BodyLimits) -> Result<u64, BodyError> {
    let wire_bytes = so_far + more as u64;
    if wire_bytes > limits.wire_bytes {
        return Err(BodyError::WireTooLarge);
    }
    Ok(wire_bytes)
}

pub(crate) async fn next_chunk<B>(
    body: &mut B,
    trailers: &mut HeaderMap,
) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(BodyError::Broken(chain(&error))),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => return Ok(Some(chunk)),
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            },
        }
    }
}

/// The text of an error with those of its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// A gzip stream, which is one member after another.
pub(crate) struct Gunzip {
    inflater: Decompress,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came yet: an empty body is not a broken one.
    Start,
    Inside,
    /// A member ended: another may follow.
    Between,
}

impl Gunzip {
    pub(crate) fn new() -> Gunzip {
        Gunzip {
            inflater: Decompress::new_gzip(WINDOW_BITS),
            state: State::Start,
        }
    }

    pub(crate) fn write(
        &mut self,
        mut chunk: &[u8],
        bytes_max: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        // One round more after the input is used up: the window may still hold output.
        while !chunk.is_empty() || self.state == State::Inside {
            if self.state == State::Between {
                // `true` keeps the kind of wrapper, which is gzip.
                self.inflater.reset(true);
            }
            // One byte above the limit is enough to see that it is passed.
            let room = (bytes_max - out.len() as u64).saturating_add(1);
            out.reserve(INFLATE_ROOM_BYTES.min(usize::try_from(room).unwrap_or(usize::MAX)));
            let (read, written) = (self.inflater.total_in(), out.len());
            let status = self
                .inflater
                .decompress_vec(chunk, out, FlushDecompress::None)
                .map_err(|error| BodyError::Encoding(error.to_string()))?;
            let used = (self.inflater.total_in() - read) as usize;
            chunk = &chunk[used..];
            if out.len() as u64 > bytes_max {
                return Err(BodyError::DecodedTooLarge);
            }
            self.state = match status {
                Status::StreamEnd => State::Between,
                Status::Ok | Status::BufError => State::Inside,
            };
            let stalled = used == 0 && out.len() == written;
            if stalled || (chunk.is_empty() && out.len() < out.capacity()) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(), BodyError> {
        match self.state {
            State::Inside => Err(BodyError::Encoding("it ends in the middle".to_owned())),
            State::Start | State::Between => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use http_body_util::Full;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Reads `wire` as a gzip body that arrives `step` bytes at a time.
    fn unpack(wire: &[u8], step: usize, limits: BodyLimits) -> Result<(u64, Vec<u8>), BodyError> {
        let mut out = Vec::new();
        let mut gunzip = Gunzip::new();
        let mut wire_bytes = 0;
        for chunk in wire.chunks(step) {
            wire_bytes = count_wire(wire_bytes, chunk.len(), limits)?;
            gunzip.write(chunk, limits.decoded_bytes, &mut out)?;
        }
        gunzip.finish()?;
        Ok((wire_bytes, out))
    }

    #[test]
    fn gzip_is_unpacked_however_it_is_cut() {
        let text: Vec<u8> = (0..200_000u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        let wire = gzip(&text);
        for step in [1, 7, 4096, wire.len()] {
            let (wire_bytes, out) =
                unpack(&wire, step, BodyLimits::both(u64::MAX)).expect("valid gzip");
            assert!(out == text, "step {step}");
            assert_eq!(wire_bytes, wire.len() as u64);
        }
    }

    #[test]
    fn members_follow_each_other() {
        let wire = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        for step in [1, wire.len()] {
            let (_, out) = unpack(&wire, step, BodyLimits::both(1000)).expect("valid gzip");
            assert_eq!(out, b"one two");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_not_after_it() {
        let wire = gzip(&vec![0; 64 * 1024 * 1024]);
        let limits = BodyLimits {
            wire_bytes: 1 << 20,
            decoded_bytes: 100_000,
        };
        let mut out = Vec::new();
        let mut gunzip = Gunzip::new();
        let stopped = gunzip.write(&wire, limits.decoded_bytes, &mut out);
        assert!(matches!(stopped, Err(BodyError::DecodedTooLarge)));
        assert!(out.capacity() < 400_000, "grew to {}", out.capacity());
    }

    #[test]
    fn a_body_of_exactly_the_limit_passes() {
        let text = vec![b'x'; 70_000];
        let wire = gzip(&text);
        let limits = BodyLimits {
            wire_bytes: wire.len() as u64,
            decoded_bytes: 70_000,
        };
        assert_eq!(unpack(&wire, 100, limits).expect("fits").1.len(), 70_000);
        let tight = BodyLimits {
            decoded_bytes: 69_999,
            ..limits
        };
        assert!(matches!(
            unpack(&wire, 100, tight),
            Err(BodyError::DecodedTooLarge)
        ));
        let tight = BodyLimits {
            wire_bytes: wire.len() as u64 - 1,
            ..limits
        };
        assert!(matches!(
            unpack(&wire, 100, tight),
            Err(BodyError::WireTooLarge)
        ));
    }

    #[test]
    fn a_cut_or_damaged_stream_is_an_error() {
        let wire = gzip(b"some text that is packed");
        let cut = &wire[..wire.len() - 3];
        assert!(matches!(
            unpack(cut, 5, BodyLimits::both(1000)),
            Err(BodyError::Encoding(_))
        ));
        let mut damaged = wire.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        assert!(matches!(
            unpack(&damaged, 5, BodyLimits::both(1000)),
            Err(BodyError::Encoding(_))
        ));
        assert!(matches!(
            unpack(b"plain text", 5, BodyLimits::both(1000)),
            Err(BodyError::Encoding(_))
        ));
    }

    /// Runs a future that never waits.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut cx) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => unreachable!("all chunks are there"),
        }
    }

    #[test]
    fn an_announced_length_over_the_limit_is_refused_before_reading() {
        let mut body = Full::new(Bytes::from_static(b"12345"));
        let mut out = Vec::new();
        let result = ready(read_into(&mut body, false, BodyLimits::both(4), &mut out));
        assert!(matches!(result, Err(BodyError::WireTooLarge)));
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn the_callers_buffer_is_reused() {
        let wire = Bytes::from(gzip(&vec![b'x'; 300_000]));
        let mut out = Vec::new();
        let mut grown = 0;
        for round in 0..3 {
            let mut body = Full::new(wire.clone());
            ready(read_into(
                &mut body,
                true,
                BodyLimits::both(1 << 20),
                &mut out,
            ))
            .expect("valid");
            assert_eq!(out.len(), 300_000);
            assert!(
                round == 0 || out.capacity() == grown,
                "no growth in later rounds"
            );
            grown = out.capacity();
        }
    }
}
