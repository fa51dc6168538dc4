//! How the bytes of a file are read as lines of text.

use encoding_rs::Encoding;

/// An encoding of text, as far as reading lines has to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Charset {
    /// Whatever the bytes are, they stay.
    Bytes,
    Latin1,
    Utf16(Endian),
    Other(&'static Encoding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    Little,
    Big,
}

impl Charset {
    /// The encoding of an IANA name, of which letters may be large or small.
    pub fn of_name(name: &str) -> Option<Charset> {
        let lower = name.to_ascii_lowercase();
        Some(match lower.as_str() {
            "" => Charset::Bytes,
            "utf-16" | "utf-16be" | "csutf16be" | "csutf16" => Charset::Utf16(Endian::Big),
            "utf-16le" | "csutf16le" => Charset::Utf16(Endian::Little),
            "iso-8859-1" | "iso_8859-1" | "latin1" | "l1" | "csisolatin1" => Charset::Latin1,
            other => match Encoding::for_label(other.as_bytes())? {
                // What the WHATWG calls by other names than IANA does not exist there.
                found if found == encoding_rs::REPLACEMENT => return None,
                found => Charset::Other(found),
            },
        })
    }

    /// The encoding that a byte order mark at the start of a file tells, and the mark's length.
    pub fn with_mark(self, start: &[u8]) -> (Charset, u64) {
        match start {
            [0xef, 0xbb, 0xbf, ..] => (Charset::Bytes, 3),
            [0xfe, 0xff, ..] => (Charset::Utf16(Endian::Big), 2),
            [0xff, 0xfe, ..] => (Charset::Utf16(Endian::Little), 2),
            [0, 0, 0xfe, 0xff, ..] => (self, 4),
            _ => (self, 0),
        }
    }

    /// Where the first line feed begins, and its length.
    pub fn line_feed(self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Charset::Utf16(endian) => {
                let feed = endian.unit(b'\n');
                let units = bytes.chunks_exact(2);
                let at = units.into_iter().position(|unit| unit == feed)?;
                Some((at * 2, 2))
            }
            _ => memchr::memchr(b'\n', bytes).map(|at| (at, 1)),
        }
    }

    /// The end of the last line of `bytes`, behind its line feed; zero when there is none.
    pub fn lines_end(self, bytes: &[u8]) -> usize {
        match self {
            Charset::Utf16(endian) => {
                let feed = endian.unit(b'\n');
                let units = bytes.chunks_exact(2);
                let at = units.into_iter().rposition(|unit| unit == feed);
                at.map_or(0, |at| at * 2 + 2)
            }
            _ => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
        }
    }

    /// The line without a carriage return at its end.
    pub fn trim(self, line: &[u8]) -> &[u8] {
        match self {
            Charset::Utf16(endian) => line.strip_suffix(&endian.unit(b'\r')).unwrap_or(line),
            _ => line.strip_suffix(b"\r").unwrap_or(line),
        }
    }

    /// Appends the text of a line as UTF-8; only `Bytes` may append something else.
    pub fn decode(self, line: &[u8], out: &mut Vec<u8>) {
        match self {
            Charset::Bytes => out.extend_from_slice(line),
            Charset::Latin1 => line.iter().for_each(|byte| push(out, char::from(*byte))),
            Charset::Utf16(endian) => {
                let units = line.chunks(2).map(|unit| endian.read(unit));
                char::decode_utf16(units)
                    .for_each(|c| push(out, c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            Charset::Other(encoding) => {
                let (text, _) = encoding.decode_without_bom_handling(line);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

impl Endian {
    fn unit(self, byte: u8) -> [u8; 2] {
        match self {
            Endian::Little => [byte, 0],
            Endian::Big => [0, byte],
        }
    }

    /// Half a unit at the end of a line is none.
    fn read(self, unit: &[u8]) -> u16 {
        match (self, unit) {
            (Endian::Little, [low, high]) => u16::from_le_bytes([*low, *high]),
            (Endian::Big, [high, low]) => u16::from_be_bytes([*high, *low]),
            _ => 0xfffd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], expected: &str) {
        let charset = Charset::of_name(name).expect("a known name");
        let (end, len) = charset.line_feed(bytes).expect("a line feed");
        assert_eq!(charset.lines_end(bytes), end + len);
        let mut out = Vec::new();
        charset.decode(charset.trim(&bytes[..end]), &mut out);
        assert_eq!(out, expected.as_bytes());
    }

    #[test]
    fn lines_are_read_in_their_encoding() {
        check("", "über\r\n".as_bytes(), "über");
        check("UTF-16LE", b"\xfc\x00b\x00\r\x00\n\x00", "üb");
        check("utf-16be", b"\x00\xfc\x00b\x00\n", "üb");
        // U+0A00 is not a line feed, though its bytes could be taken for half of one.
        check("utf-16le", b"\x00\x0a\x0a\x00", "\u{a00}");
        check("ISO-8859-1", b"\xfc\x85\n", "ü\u{85}");
        check("windows-1252", b"\xfc\x80\n", "ü€");
        check("Shift_JIS", b"\x93\xfa\n", "日");
        check("utf-8", b"a\xff\n", "a\u{fffd}");
    }

    #[test]
    fn a_byte_order_mark_decides() {
        let plain = Charset::Bytes;
        assert_eq!(plain.with_mark(b"\xef\xbb\xbfx"), (Charset::Bytes, 3));
        let little = Charset::Utf16(Endian::Little);
        assert_eq!(plain.with_mark(b"\xff\xfex\0"), (little, 2));
        assert_eq!(little.with_mark(b"x\0"), (little, 0));
        assert_eq!(Charset::of_name("no such"), None);
    }
}
