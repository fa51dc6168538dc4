//! The sending side: one connection that is kept alive, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Client {
    addr: SocketAddr,
    s: Option<TcpStream>,
    buf: BytesMut,
    pub connects: u64,
}
impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Client {
            addr,
            s: None,
            buf: BytesMut::with_capacity(8192),
            connects: 0,
        }
    }
    /// Sends head+body, reads the response; on error the connection is dropped.
    pub async fn post(&mut self, head: &[u8], body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let r = tokio::time::timeout(Duration::from_secs(30), self.exchange(head, body)).await;
        let r = r.unwrap_or_else(|_| Err("timeout".into()));
        if r.is_err() {
            self.s = None
        }
        r
    }
    async fn exchange(&mut self, head: &[u8], body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        if self.s.is_none() {
            let s = TcpStream::connect(self.addr)
                .await
                .map_err(|e| e.to_string())?;
            let _ = s.set_nodelay(true);
            self.s = Some(s);
            self.buf.clear();
            self.connects += 1;
        }
        let mut chain = Buf::chain(head, body);
        let s = self.s.as_mut().unwrap();
        s.write_all_buf(&mut chain)
            .await
            .map_err(|e| e.to_string())?;
        loop {
            let Some(head) = scan_head(&self.buf)? else {
                self.more().await?;
                continue;
            };
            self.buf.advance(head.len);
            if head.code == 100 {
                continue;
            }
            let body = match head.code {
                204 | 304 => Vec::new(),
                _ if head.chunked => self.read_chunks().await?,
                _ => self.read_sized(head.content_length).await?,
            };
            if head.close {
                self.s = None
            }
            return Ok((head.code, body));
        }
    }
    async fn more(&mut self) -> Result<(), String> {
        let s = self.s.as_mut().unwrap();
        match s.read_buf(&mut self.buf).await {
            Ok(0) => Err("connection closed".into()),
            Ok(_) => Ok(()),
            Err(e) => Err(e.to_string()),
        }
    }
    async fn read_sized(&mut self, length: usize) -> Result<Vec<u8>, String> {
        while self.buf.len() < length {
            self.more().await?
        }
        Ok(self.buf.split_to(length).to_vec())
    }
    async fn read_chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            match httparse::parse_chunk_size(&self.buf).map_err(|_| "chunk".to_string())? {
                httparse::Status::Complete((used, n))
                    if self.buf.len() >= used + n as usize + 2 =>
                {
                    body.extend_from_slice(&self.buf[used..used + n as usize]);
                    self.buf.advance(used + n as usize + 2);
                    if n == 0 {
                        return Ok(body);
                    }
                }
                _ => self.more().await?,
            }
        }
    }
}

struct Head {
    len: usize,
    code: u16,
    content_length: usize,
    chunked: bool,
    close: bool,
}
fn scan_head(buf: &[u8]) -> Result<Option<Head>, String> {
    let mut hs = [httparse::EMPTY_HEADER; 64];
    let mut r = httparse::Response::new(&mut hs);
    let httparse::Status::Complete(len) = r.parse(buf).map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    let mut head = Head {
        len,
        code: r.code.unwrap_or(0),
        content_length: 0,
        chunked: false,
        close: false,
    };
    for h in r.headers.iter() {
        if h.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(h.value).ok();
            head.content_length = text.and_then(|x| x.trim().parse().ok()).unwrap_or(0)
        } else if h.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = h.value.eq_ignore_ascii_case(b"chunked")
        } else if h.name.eq_ignore_ascii_case("connection") {
            head.close = h.value.eq_ignore_ascii_case(b"close")
        }
    }
    Ok(Some(head))
}
