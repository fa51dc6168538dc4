//! The prober `tcp`: connects, and talks by lines where it is told to.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::modules::Tcp;
use super::resolve::resolve;
use crate::families::Families;

/// Limit: bytes of a line that a server answers, as in the reference.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Whether the probe has succeeded.
pub async fn probe(target: &str, tcp: &Tcp, out: &mut Families) -> bool {
    let mut regex_failed = false;
    let success = match talk(target, tcp, out, &mut regex_failed).await {
        Ok(success) => success,
        Err(error) => {
            tracing::debug!(target, err = %error, "a tcp probe has failed");
            false
        }
    };
    let help = "Indicates if probe failed due to regex";
    let failed = f64::from(u8::from(regex_failed));
    out.gauge("probe_failed_due_to_regex", help, &[], failed);
    success
}

async fn talk(
    target: &str,
    tcp: &Tcp,
    out: &mut Families,
    regex_failed: &mut bool,
) -> io::Result<bool> {
    let (host, port) = target.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    let port: u16 = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    let Some(address) = resolve(host, tcp.ip, out).await else {
        return Ok(false);
    };
    let stream = TcpStream::connect(SocketAddr::new(address, port)).await?;
    let mut reader = BufReader::new(stream);
    for exchange in &tcp.exchanges {
        let mut send = exchange.send.clone();
        if let Some(expect) = &exchange.expect {
            loop {
                let mut line = Vec::new();
                let mut limited = (&mut reader).take(LINE_BYTES_MAX);
                if limited.read_until(b'\n', &mut line).await? == 0 {
                    *regex_failed = true;
                    return Ok(false);
                }
                let line = String::from_utf8_lossy(&line);
                if let Some(captures) = expect.captures(line.trim_end_matches(['\r', '\n'])) {
                    send.clear();
                    captures.expand(&exchange.send, &mut send);
                    break;
                }
            }
        }
        if !send.is_empty() {
            send.push('\n');
            reader.get_mut().write_all(send.as_bytes()).await?;
        }
    }
    Ok(true)
}
