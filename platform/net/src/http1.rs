//! HTTP/1 as a client reads and writes it, without a socket: the head of a request, the head of an
//! answer, what ends its body, and chunks taken out of their framing in place.
//!
//! Bytes of answers come from outside: a head is bounded by [`HEAD_BYTES_MAX`], lines of chunked
//! framing by [`LINE_BYTES_MAX`], bodies by who asked for them.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};

/// Limit: the head of an answer. What servers send is below 1 KiB, of cookies 8.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Limit: fields of a head; hyper's and Go's servers take as many.
const FIELDS_MAX: usize = 100;
/// Limit: a chunk's size with its extensions, and a line of trailers.
pub const LINE_BYTES_MAX: usize = 8 * 1024;

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub end: End,
    /// The server will take another request on the connection.
    pub keep: bool,
}

/// What ends a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// So many bytes.
    Length(u64),
    /// A chunk of no bytes.
    Chunked,
    /// The end of the connection.
    Close,
}

/// Writes the head of a request. Fields that say how long the body is are ours.
pub fn write_head(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body_bytes: usize,
    out: &mut Vec<u8>,
) {
    let target = uri.to_string();
    for piece in [method.as_str(), " ", &target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    for (name, value) in headers {
        if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
            put_field(name.as_str(), value.as_bytes(), out);
        }
    }
    let has_body = body_bytes > 0 || !matches!(*method, Method::GET | Method::HEAD);
    if has_body {
        let length = body_bytes.to_string();
        put_field(header::CONTENT_LENGTH.as_str(), length.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

fn put_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// Reads the head of an answer to a request with `method`: the head, and how many bytes it takes.
/// None as long as it is not complete. What announces another answer (100 to 199) is passed over,
/// save a change of protocols.
pub fn read_head(bytes: &[u8], method: &Method) -> Result<Option<(Head, usize)>, String> {
    let mut at = 0;
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut answer = httparse::Response::new(&mut fields);
        let parsed = answer.parse(&bytes[at..]);
        let len = match parsed.map_err(|error| error.to_string())? {
            httparse::Status::Complete(len) => len,
            httparse::Status::Partial if HEAD_BYTES_MAX <= bytes.len() - at => {
                return Err(format!("its head is longer than {HEAD_BYTES_MAX} bytes"));
            }
            httparse::Status::Partial => return Ok(None),
        };
        at += len;
        let code = answer.code.expect("a complete head has a status");
        if (100..200).contains(&code) && code != 101 {
            continue;
        }
        let version = match answer.version {
            Some(1) => Version::HTTP_11,
            _ => Version::HTTP_10,
        };
        return Ok(Some((head(code, version, answer.headers, method)?, at)));
    }
}

fn head(
    code: u16,
    version: Version,
    fields: &[httparse::Header<'_>],
    method: &Method,
) -> Result<Head, String> {
    let status = StatusCode::from_u16(code).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        match (name, value) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => return Err(format!("its field {:?} is not valid", field.name)),
        }
    }
    let asked = |word: &str| has_word(&headers, header::CONNECTION, word);
    let mut keep = match version {
        Version::HTTP_11 => !asked("close"),
        _ => asked("keep-alive"),
    };
    let end = end(status, &headers, method)?;
    // RFC 9112, section 6.3: both at once may be an attempt to smuggle.
    let both = end == End::Chunked && headers.contains_key(header::CONTENT_LENGTH);
    keep &= end != End::Close && !both && code != 101;
    Ok(Head {
        status,
        headers,
        end,
        keep,
    })
}

/// RFC 9112, section 6.3.
fn end(status: StatusCode, headers: &HeaderMap, method: &Method) -> Result<End, String> {
    let bare = matches!(status.as_u16(), 204 | 304);
    if *method == Method::HEAD || bare {
        return Ok(End::Length(0));
    }
    let codings = headers.get_all(header::TRANSFER_ENCODING);
    if let Some(coding) = codings.iter().next_back() {
        let last = coding.as_bytes().rsplit(|byte| *byte == b',').next();
        let chunked = last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        return Ok(if chunked { End::Chunked } else { End::Close });
    }
    let mut length = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let digits = value.to_str().ok().map(str::trim);
        let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let bytes: Option<u64> = digits.and_then(|text| text.parse().ok());
        if bytes.is_none() || length.is_some_and(|other| Some(other) != bytes) {
            return Err("its content-length is not valid".to_owned());
        }
        length = bytes;
    }
    Ok(length.map_or(End::Close, End::Length))
}

fn has_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|other| other.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// Where a chunked body is.
#[derive(Debug, Default)]
pub struct Chunked {
    state: ChunkState,
    /// Bytes of the chunk that are still to come.
    left: u64,
    trailer_bytes: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    Content,
    /// The line end behind a chunk.
    ContentEnd,
    Trailers,
    Done,
}

impl Chunked {
    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }

    /// Takes what has come, `bytes[start..]`, out of its framing: content moves up to `start`.
    /// Gives where the content ends, and from where on bytes are still to be looked at, with more
    /// of them behind. Costs one move of the content.
    pub fn decode(&mut self, bytes: &mut [u8], start: usize) -> Result<(usize, usize), String> {
        let (mut end, mut at) = (start, start);
        while at < bytes.len() && !self.is_done() {
            match self.state {
                ChunkState::Content => {
                    let here = (bytes.len() - at) as u64;
                    let len = here.min(self.left) as usize;
                    bytes.copy_within(at..at + len, end);
                    (at, end) = (at + len, end + len);
                    self.left -= len as u64;
                    if self.left == 0 {
                        self.state = ChunkState::ContentEnd;
                    }
                }
                _ => match self.line(&bytes[at..])? {
                    Some(len) => at += len,
                    None => break,
                },
            }
        }
        Ok((end, at))
    }

    /// A line of framing: its length with its end, once it has come.
    fn line(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let within = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
        let Some(newline) = within.iter().position(|byte| *byte == b'\n') else {
            if LINE_BYTES_MAX <= bytes.len() {
                return Err("a line of its chunked framing is too long".to_owned());
            }
            return Ok(None);
        };
        let line = bytes[..newline].trim_ascii_end();
        self.state = match self.state {
            ChunkState::Size => {
                self.left = chunk_size(line).ok_or("a chunk has no valid size")?;
                match self.left {
                    0 => ChunkState::Trailers,
                    _ => ChunkState::Content,
                }
            }
            ChunkState::ContentEnd if line.is_empty() => ChunkState::Size,
            ChunkState::ContentEnd => return Err("a chunk is longer than it says".to_owned()),
            ChunkState::Trailers if line.is_empty() => ChunkState::Done,
            state => {
                self.trailer_bytes += newline + 1;
                if LINE_BYTES_MAX < self.trailer_bytes {
                    return Err("its trailers are too long".to_owned());
                }
                state
            }
        };
        Ok(Some(newline + 1))
    }
}

/// Hexadecimal digits, up to an extension that nobody knows.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text, 16).ok().filter(|_| hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Head {
        let (head, len) = read_head(text.as_bytes(), &Method::GET)
            .expect("a good head")
            .expect("a whole one");
        assert_eq!(len, text.len());
        head
    }

    #[test]
    fn a_head_says_what_ends_the_body_and_whether_the_connection_goes_on() {
        let cases = [
            ("1.1 200 OK\r\nContent-Length: 7", End::Length(7), true),
            (
                "1.1 200 OK\r\ncontent-length: 7\r\nContent-Length: 7",
                End::Length(7),
                true,
            ),
            (
                "1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked",
                End::Chunked,
                true,
            ),
            ("1.1 200 OK\r\nTransfer-Encoding: gzip", End::Close, false),
            (
                "1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
                End::Chunked,
                false,
            ),
            ("1.1 200 OK", End::Close, false),
            (
                "1.1 204 No Content\r\nContent-Length: 7",
                End::Length(0),
                true,
            ),
            ("1.1 304 Not Modified", End::Length(0), true),
            (
                "1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 0",
                End::Length(0),
                false,
            ),
            ("1.0 200 OK\r\nContent-Length: 0", End::Length(0), false),
            (
                "1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0",
                End::Length(0),
                true,
            ),
            (
                "1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content",
                End::Length(0),
                true,
            ),
        ];
        for (text, end, keep) in cases {
            let head = read(&format!("HTTP/{text}\r\n\r\n"));
            assert_eq!((head.end, head.keep), (end, keep), "{text}");
        }
        let asked = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        let head = read_head(asked.as_bytes(), &Method::HEAD).expect("good");
        assert_eq!(head.expect("whole").0.end, End::Length(0));
    }

    #[test]
    fn a_head_that_is_not_complete_is_waited_for_and_a_bad_one_refused() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        for len in 0..whole.len() {
            let head = read_head(&whole.as_bytes()[..len], &Method::GET);
            assert!(head.expect("good so far").is_none(), "{len}");
        }
        for bad in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +7\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        ] {
            assert!(read_head(bad.as_bytes(), &Method::GET).is_err(), "{bad}");
        }
        let mut endless = "HTTP/1.1 200 OK\r\na: ".to_owned();
        endless.push_str(&"x".repeat(HEAD_BYTES_MAX));
        assert!(read_head(endless.as_bytes(), &Method::GET).is_err());
    }

    /// Decodes a body that comes `step` bytes at a time: its content, and what is behind it.
    fn decode(wire: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, bool), String> {
        let (mut chunked, mut out, mut rest) = (Chunked::default(), Vec::new(), Vec::new());
        for piece in wire.chunks(step) {
            let start = out.len();
            out.append(&mut rest);
            out.extend_from_slice(piece);
            let (end, at) = chunked.decode(&mut out, start)?;
            rest = out.split_off(at);
            out.truncate(end);
        }
        Ok((out, rest, chunked.is_done()))
    }

    #[test]
    fn chunks_lose_their_framing_however_they_are_cut() {
        let wire = b"4\r\nwiki\r\n00A;ext=\"1\"\r\npedia\r\n in\r\n0\r\nTrailer: x\r\n\r\nmore";
        for step in [1, 2, 3, 7, wire.len()] {
            let (content, rest, done) = decode(wire, step).expect("good chunks");
            assert_eq!(content, b"wikipedia\r\n in", "{step}");
            assert!(done);
            assert_eq!(rest, b"more", "{step}");
        }
    }

    #[test]
    fn framing_that_is_broken_is_refused() {
        let endless = format!("1;{}", "x".repeat(LINE_BYTES_MAX));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(LINE_BYTES_MAX / 6 + 1));
        for bad in [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "11111111111111111\r\n",
            "1\r\nab\r\n",
            &endless,
            &trailers,
        ] {
            let step = bad.len();
            assert!(decode(bad.as_bytes(), step).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("b"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("9"));
        let uri: Uri = "/p?q=1".parse().expect("valid");
        let write = |method: Method, bytes| {
            let mut out = Vec::new();
            write_head(&method, &uri, &headers, bytes, &mut out);
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            write(Method::GET, 0),
            "GET /p?q=1 HTTP/1.1\r\nx-a: b\r\n\r\n"
        );
        let post = "POST /p?q=1 HTTP/1.1\r\nx-a: b\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(write(Method::POST, 0), post);
        assert!(write(Method::PUT, 7).contains("\r\ncontent-length: 7\r\n"));
    }
}
