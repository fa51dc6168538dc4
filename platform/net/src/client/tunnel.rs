//! CONNECT: a way through a proxy to a server that speaks TLS.

use std::future::poll_fn;
use std::pin::Pin;

use http::{HeaderMap, HeaderValue, header};
use hyper::rt::{Read, ReadBuf, Write};

use crate::Target;
use crate::stream::Stream;

/// Limit: the head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The head of a CONNECT request.
pub(crate) fn request(
    target: &Target,
    headers: &HeaderMap,
    credentials: Option<HeaderValue>,
) -> Vec<u8> {
    let authority = target.authority();
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    let credentials = credentials
        .iter()
        .map(|value| (&header::PROXY_AUTHORIZATION, value));
    for (name, value) in credentials.chain(headers) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends `head` and waits until the proxy says that the way is open.
pub(crate) async fn open(stream: &mut Stream, head: &[u8]) -> Result<(), String> {
    write_all(stream, head)
        .await
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if HEAD_BYTES_MAX <= answer.len() {
            return Err("its answer is too long".to_owned());
        }
        // Byte by byte: what follows the head already belongs to the tunnel. It happens once per
        // connection and proxies answer in some hundred bytes.
        match read_byte(stream).await {
            Ok(Some(byte)) => answer.push(byte),
            Ok(None) => return Err("it closed the connection".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
    accepted(&answer)
}

/// Whether an answer's status line is a success, which no body follows.
fn accepted(answer: &[u8]) -> Result<(), String> {
    let line = answer
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..));
    match status {
        Some(status) if status.starts_with('2') => Ok(()),
        Some(status) => Err(format!("it answered {status}")),
        None => Err("it did not answer in HTTP".to_owned()),
    }
}

async fn write_all(stream: &mut Stream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

async fn read_byte(stream: &mut Stream) -> std::io::Result<Option<u8>> {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer.unfilled())).await?;
    Ok(buffer.filled().first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_opens_the_way() {
        assert_eq!(
            accepted(b"HTTP/1.1 200 Connection established\r\n\r\n"),
            Ok(())
        );
        assert_eq!(accepted(b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"), Ok(()));
        assert_eq!(
            accepted(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            Err("it answered 407 Proxy Authentication Required".to_owned())
        );
        assert_eq!(
            accepted(b"SSH-2.0\r\n\r\n"),
            Err("it did not answer in HTTP".to_owned())
        );
    }

    #[test]
    fn the_request_carries_configured_headers_and_credentials() {
        let target = Target::parse("https://a.test/x").expect("valid");
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        let head = request(
            &target,
            &headers,
            Some(HeaderValue::from_static("Basic eA==")),
        );
        assert_eq!(
            String::from_utf8(head).expect("text"),
            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nproxy-authorization: Basic eA==\r\n\
             x-a: 1\r\n\r\n"
        );
    }
}
