//! A small HTTP/1.1 server for sinks and targets on loopback, and the paths that control them.

use bytes::{Buf, BytesMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::outage::FailCtl;

pub enum Act {
    Send,
    SendAfter(u64),
    Reset,
}
pub struct Req<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a [httparse::Header<'a>],
}
impl<'a> Req<'a> {
    pub fn header(&self, n: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(n))
            .and_then(|h| std::str::from_utf8(h.value).ok())
    }
}
pub trait Handler: Send + Sync + 'static {
    /// Writes the whole response (head and body) into `out`.
    fn handle(&self, req: &Req, body: &[u8], out: &mut Vec<u8>) -> Act;
}
pub fn reply(out: &mut Vec<u8>, status: u16, headers: &str, body: &[u8]) -> Act {
    use std::io::Write;
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Status",
    };
    if status == 204 {
        let _ = write!(out, "HTTP/1.1 204 {reason}\r\n{headers}\r\n");
    } else {
        let _ = write!(
            out,
            "HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        out.extend_from_slice(body);
    }
    Act::Send
}

pub async fn listen(addr: SocketAddr) -> Result<TcpListener, String> {
    let s = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
    .map_err(|e| e.to_string())?;
    let _ = s.set_reuseaddr(true);
    s.bind(addr).map_err(|e| format!("bind {addr}: {e}"))?;
    s.listen(1024).map_err(|e| e.to_string())
}

pub async fn serve<H: Handler>(l: TcpListener, h: Arc<H>) {
    loop {
        match l.accept().await {
            Ok((s, _)) => {
                let h = h.clone();
                tokio::spawn(async move {
                    let _ = conn(s, h).await;
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

struct Head {
    len: usize,
    content_length: Option<usize>,
    chunked: bool,
    expect: bool,
    close: bool,
}
fn scan_head(buf: &[u8]) -> Result<Option<Head>, ()> {
    let mut hs = [httparse::EMPTY_HEADER; 64];
    let mut r = httparse::Request::new(&mut hs);
    match r.parse(buf) {
        Ok(httparse::Status::Complete(n)) => {
            let mut h = Head {
                len: n,
                content_length: None,
                chunked: false,
                expect: false,
                close: false,
            };
            for x in r.headers.iter() {
                if x.name.eq_ignore_ascii_case("content-length") {
                    h.content_length = std::str::from_utf8(x.value)
                        .ok()
                        .and_then(|s| s.trim().parse().ok());
                } else if x.name.eq_ignore_ascii_case("transfer-encoding") {
                    h.chunked = x.value.eq_ignore_ascii_case(b"chunked")
                } else if x.name.eq_ignore_ascii_case("expect") {
                    h.expect = true
                } else if x.name.eq_ignore_ascii_case("connection") {
                    h.close = x.value.eq_ignore_ascii_case(b"close")
                }
            }
            Ok(Some(h))
        }
        Ok(_) => Ok(None),
        Err(_) => Err(()),
    }
}
const MAX_BODY: usize = 256 << 20;

async fn conn<H: Handler>(mut s: TcpStream, h: Arc<H>) -> std::io::Result<()> {
    let _ = s.set_nodelay(true);
    let mut buf = BytesMut::with_capacity(64 << 10);
    let mut out = Vec::with_capacity(1024);
    loop {
        let Some(head) = read_head(&mut s, &mut buf).await? else {
            return Ok(());
        };
        if head.expect {
            s.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut chunked = Vec::new();
        let end = if head.chunked {
            read_chunks(&mut s, &mut buf, head.len, &mut chunked).await?
        } else {
            read_sized(&mut s, &mut buf, &head).await?
        };
        let Some(end) = end else {
            return Ok(());
        };
        out.clear();
        let body = if head.chunked {
            &chunked
        } else {
            &buf[head.len..end]
        };
        let act = answer(&*h, &buf[..head.len], body, &mut out);
        buf.advance(end);
        match act {
            Act::Send => {}
            Act::SendAfter(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Reset => {
                let _ = s.set_zero_linger();
                return Ok(());
            }
        }
        s.write_all(&out).await?;
        if head.close {
            return Ok(());
        }
    }
}

/// None when the client is gone or sends no HTTP.
async fn read_head(s: &mut TcpStream, buf: &mut BytesMut) -> std::io::Result<Option<Head>> {
    loop {
        match scan_head(buf) {
            Ok(Some(h)) => return Ok(Some(h)),
            Ok(None) if buf.len() < 64 << 10 => {}
            _ if buf.is_empty() => {}
            _ => return Ok(None),
        }
        buf.reserve(16 << 10);
        if s.read_buf(buf).await? == 0 {
            return Ok(None);
        }
    }
}

/// Fills the buffer up to `need` bytes; false when the client is gone.
async fn fill(s: &mut TcpStream, buf: &mut BytesMut, need: usize) -> std::io::Result<bool> {
    buf.reserve(need.saturating_sub(buf.len()));
    while buf.len() < need {
        if s.read_buf(buf).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a body of known length and gives where it ends.
async fn read_sized(
    s: &mut TcpStream,
    buf: &mut BytesMut,
    head: &Head,
) -> std::io::Result<Option<usize>> {
    let length = head.content_length.unwrap_or(0);
    if length > MAX_BODY {
        return Ok(None);
    }
    let end = head.len + length;
    Ok(fill(s, buf, end).await?.then_some(end))
}

/// Reads the chunks from `at` on into `body` and gives where they end.
async fn read_chunks(
    s: &mut TcpStream,
    buf: &mut BytesMut,
    mut at: usize,
    body: &mut Vec<u8>,
) -> std::io::Result<Option<usize>> {
    loop {
        match httparse::parse_chunk_size(&buf[at..]) {
            Ok(httparse::Status::Complete((used, n))) => {
                let n = n as usize;
                let need = at + used + n + 2;
                if n > MAX_BODY || body.len() > MAX_BODY || !fill(s, buf, need).await? {
                    return Ok(None);
                }
                body.extend_from_slice(&buf[at + used..at + used + n]);
                at = need;
                if n == 0 {
                    return Ok(Some(at));
                }
            }
            Ok(_) => {
                let more = buf.len() + 1;
                if !fill(s, buf, more).await? {
                    return Ok(None);
                }
            }
            Err(_) => return Ok(None),
        }
    }
}

fn answer<H: Handler>(h: &H, head: &[u8], body: &[u8], out: &mut Vec<u8>) -> Act {
    let mut hs = [httparse::EMPTY_HEADER; 64];
    let mut r = httparse::Request::new(&mut hs);
    let _ = r.parse(head);
    let full = r.path.unwrap_or("/");
    let (path, query) = full.split_once('?').unwrap_or((full, ""));
    let req = Req {
        method: r.method.unwrap_or(""),
        path,
        query,
        headers: r.headers,
    };
    h.handle(&req, body, out)
}

/// Stats-only server: GET /stats, GET /seen, POST /reset, POST /fail.
pub trait Ctl: Send + Sync + 'static {
    fn stats(&self) -> String;
    fn reset(&self);
    fn fail(&self) -> Option<&FailCtl> {
        None
    }
    /// What arrived, in detail.
    fn seen(&self) -> Option<String> {
        None
    }
}
/// Handles the control paths; None when the path is not one of them.
pub fn ctl<C: Ctl + ?Sized>(c: &C, req: &Req, out: &mut Vec<u8>) -> Option<Act> {
    const J: &str = "Content-Type: application/json\r\n";
    Some(match (req.method, req.path) {
        ("GET", "/stats") => reply(out, 200, J, c.stats().as_bytes()),
        ("GET", "/seen") => match c.seen() {
            Some(s) => reply(out, 200, J, s.as_bytes()),
            None => reply(out, 404, "", b""),
        },
        ("POST", "/reset") => {
            c.reset();
            if let Some(f) = c.fail() {
                f.rearm()
            }
            reply(out, 200, J, b"{}")
        }
        ("POST", "/fail") => match c.fail().map(|f| f.set_query(req.query)) {
            Some(Ok(())) => reply(out, 200, J, b"{}"),
            Some(Err(e)) => reply(out, 400, "", e.as_bytes()),
            None => reply(out, 404, "", b""),
        },
        ("GET", "/healthz") => reply(out, 200, "", b"ok"),
        _ => return None,
    })
}
