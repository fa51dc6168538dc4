//! The log stream of a container: frames of two streams, lines that are spread over frames. Pure.
//!
//! ```text
//! frame = stream (1 byte) . 0 0 0 . length (4 bytes, big endian) . bytes
//! bytes = time . " " . text, which ends with a line feed unless the line goes on
//! ```
//!
//! The engine cuts lines of more than 16 KiB, and puts the time before each piece. A container with
//! a terminal has no frames: its stream is lines.

/// The engine's pieces of lines are this long.
const PIECE_BYTES: usize = 16 * 1024;

/// Limit: bytes of a line, as in the reference. A longer one is dropped and counted.
const LINE_BYTES_MAX: usize = 64 * PIECE_BYTES;

/// Limit: bytes of a frame. The engine's are little longer than a piece.
const FRAME_BYTES_MAX: usize = 1 << 20;

const HEAD_BYTES: usize = 8;

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The time, a blank and the text.
    Whole(&'a [u8]),
    TooLong,
}

/// Takes a container's log apart.
pub struct Frames {
    /// None for the stream of a terminal.
    waiting: Option<Vec<u8>>,
    streams: [Lines; 2],
}

/// A stream's bytes that make no whole line yet.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// The last frame was a piece of a line that goes on.
    continued: bool,
    /// The line is dropped up to its end.
    too_long: bool,
}

impl Frames {
    pub fn new(terminal: bool) -> Frames {
        Frames {
            waiting: (!terminal).then(Vec::new),
            streams: [Lines::default(), Lines::default()],
        }
    }

    /// Hands on the lines that have come whole. The error says why the rest cannot be read.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        line: &mut impl FnMut(Stream, Line<'_>),
    ) -> Result<(), String> {
        let Some(waiting) = &mut self.waiting else {
            let lines = &mut self.streams[0];
            lines.write(bytes, &mut |it| line(Stream::Stdout, it));
            return Ok(());
        };
        waiting.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(head) = waiting.get(at..at + HEAD_BYTES) {
            let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let (kind, start) = (head[0], at + HEAD_BYTES);
            if FRAME_BYTES_MAX < length {
                return Err(format!(
                    "a frame of {length} bytes is longer than any of the engine"
                ));
            }
            let Some(content) = waiting.get(start..start + length) else {
                break;
            };
            let stream = match kind {
                0 | 1 => Stream::Stdout,
                2 => Stream::Stderr,
                3 => {
                    let text = String::from_utf8_lossy(content);
                    return Err(format!("the engine failed: {}", text.trim()));
                }
                other => return Err(format!("there is no stream {other}")),
            };
            let lines = &mut self.streams[stream as usize];
            lines.frame(content, &mut |it| line(stream, it));
            at = start + length;
        }
        waiting.drain(..at);
        Ok(())
    }

    /// The log has ended: what is left of lines is whole.
    pub fn finish(&mut self, line: &mut impl FnMut(Stream, Line<'_>)) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let lines = std::mem::take(&mut self.streams[stream as usize]);
            if lines.too_long {
                line(stream, Line::TooLong);
            } else if !lines.bytes.is_empty() {
                line(stream, read(&lines.bytes));
            }
        }
    }
}

impl Lines {
    fn frame(&mut self, content: &[u8], line: &mut impl FnMut(Line<'_>)) {
        let ends = content.last() == Some(&b'\n');
        let piece = if self.continued {
            untimed(content)
        } else {
            content
        };
        self.continued = !ends && (self.continued || PIECE_BYTES <= content.len());
        self.write(piece, line);
    }

    fn write(&mut self, mut bytes: &[u8], line: &mut impl FnMut(Line<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.bytes.is_empty() && !self.too_long && head.len() <= LINE_BYTES_MAX {
                // The common line lies in one frame: no copy.
                line(read(head));
                continue;
            }
            self.push(head);
            match self.too_long {
                true => line(Line::TooLong),
                false => line(read(&self.bytes)),
            }
            self.bytes.clear();
            self.too_long = false;
        }
        self.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        if LINE_BYTES_MAX < self.bytes.len() + bytes.len() {
            self.too_long = true;
            self.bytes = Vec::new();
        }
        if !self.too_long {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// A piece of a line without the time before it.
fn untimed(piece: &[u8]) -> &[u8] {
    let blank = memchr::memchr(b' ', piece).unwrap_or(0);
    let time = &piece[..blank];
    // As in 2024-05-02T13:00:00Z, at least.
    let is_time =
        time.len() >= 20 && time[0].is_ascii_digit() && time[4] == b'-' && time[10] == b'T';
    if is_time { &piece[blank + 1..] } else { piece }
}

fn read(line: &[u8]) -> Line<'_> {
    Line::Whole(line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2024-05-02T13:00:00.000000001Z";

    fn frame(kind: u8, content: &str) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(content.as_bytes());
        bytes
    }

    /// Lines as texts, of bytes that come in pieces of a size.
    fn lines(terminal: bool, bytes: &[u8], size: usize) -> Result<Vec<String>, String> {
        let mut frames = Frames::new(terminal);
        let mut found = Vec::new();
        let mut keep = |stream: Stream, line: Line<'_>| {
            found.push(match line {
                Line::Whole(line) => {
                    let line = String::from_utf8_lossy(line);
                    format!("{stream:?} {}", line.replacen(TIME, "T", 1))
                }
                Line::TooLong => format!("{stream:?} is too long"),
            });
        };
        for piece in bytes.chunks(size) {
            frames.feed(piece, &mut keep)?;
        }
        frames.finish(&mut keep);
        Ok(found)
    }

    #[test]
    fn lines_of_both_streams_come_apart_however_the_bytes_come() {
        let bytes = [
            frame(1, &format!("{TIME} one\n")),
            frame(2, &format!("{TIME} bad\r\n{TIME} worse\n")),
            frame(1, "no time\n"),
            frame(1, &format!("{TIME} \n{TIME} begun")),
            frame(1, " and ended\n"),
            frame(2, &format!("{TIME} last")),
        ]
        .concat();
        let expected = [
            "Stdout T one",
            "Stderr T bad",
            "Stderr T worse",
            "Stdout no time",
            "Stdout T ",
            "Stdout T begun and ended",
            "Stderr T last",
        ];
        for size in [1, 7, 20, bytes.len()] {
            assert_eq!(lines(false, &bytes, size).expect("frames"), expected);
        }
    }

    #[test]
    fn pieces_of_long_lines_are_joined_without_their_times() {
        let piece = "x".repeat(PIECE_BYTES);
        let bytes = [
            frame(1, &format!("{TIME} {piece}")),
            frame(1, &format!("{TIME} {piece}")),
            frame(2, &format!("{TIME} between\n")),
            frame(1, &format!("{TIME} end\n")),
            frame(1, &format!("{TIME} next\n")),
        ]
        .concat();
        let expected = [
            "Stderr T between".to_owned(),
            format!("Stdout T {piece}{piece}end"),
            "Stdout T next".to_owned(),
        ];
        assert_eq!(lines(false, &bytes, 1000).expect("frames"), expected);
    }

    #[test]
    fn lines_that_are_too_long_are_left_out() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let bytes = format!("{TIME} {long}\n{TIME} next\r\n{TIME} {long}");
        let expected = ["Stdout is too long", "Stdout T next", "Stdout is too long"];
        assert_eq!(
            lines(true, bytes.as_bytes(), 100_000).expect("lines"),
            expected
        );
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for (bytes, expect) in [
            (frame(9, ""), "there is no stream 9"),
            (frame(3, "gone\n"), "the engine failed: gone"),
            (vec![1, 0, 0, 0, 0xff, 0, 0, 0], "a frame of"),
        ] {
            let error = lines(false, &bytes, 100).expect_err("it is refused");
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
