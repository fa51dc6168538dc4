//! A lookup over the network: each name that the search list makes, each server, UDP and then TCP
//! where an answer did not fit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::message::{Message, Record, RecordType, UDP_BYTES_MAX, decode, encode};
use super::resolv_conf::ResolvConf;

const SUCCESS: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// The records of a name.
///
/// The first name of the search list that a server knows counts, even without records of the type.
/// When servers say of all of them that they do not exist there are no records; else, as long as
/// one of them is in doubt, it is an error.
pub async fn lookup(
    name: &str,
    record_type: RecordType,
    conf: &ResolvConf,
) -> Result<Vec<Record>, String> {
    let mut doubt = None;
    for full_name in conf.names(name) {
        match ask_any(&full_name, record_type, conf).await {
            Ok(message) if message.code == SUCCESS => return Ok(message.records),
            Ok(_) => {}
            Err(error) => doubt = Some(error),
        }
    }
    match doubt {
        None => Ok(Vec::new()),
        Some(error) => Err(format!("could not resolve {name:?}: {error}")),
    }
}

/// The answer of the first server that has one: records, none, or that the name does not exist.
async fn ask_any(
    name: &str,
    record_type: RecordType,
    conf: &ResolvConf,
) -> Result<Message, String> {
    let mut last = "no server is configured in resolv.conf".to_owned();
    for (ip, port) in conf.addresses() {
        let server = SocketAddr::new(ip, port);
        let asked = tokio::time::timeout(conf.timeout, ask(server, name, record_type));
        match asked.await {
            Ok(Ok(message)) if matches!(message.code, SUCCESS | NO_SUCH_NAME) => {
                return Ok(message);
            }
            Ok(Ok(message)) => last = format!("{server} answered with code {}", message.code),
            Ok(Err(error)) => last = format!("{server}: {error}"),
            Err(_) => last = format!("{server} did not answer within {:?}", conf.timeout),
        }
    }
    Err(last)
}

async fn ask(server: SocketAddr, name: &str, record_type: RecordType) -> Result<Message, String> {
    let failed = |error: io::Error| error.to_string();
    let id = (runtime::random_u64() & 0xffff) as u16;
    let question = encode(id, name, record_type)?;
    let message = over_udp(server, id, &question).await.map_err(failed)?;
    if !message.truncated {
        return Ok(message);
    }
    let bytes = over_tcp(server, &question).await.map_err(failed)?;
    let message = decode(&bytes).map_err(|error| error.to_string())?;
    match message.id == id && !message.truncated {
        true => Ok(message),
        false => Err("the answer over TCP is to another question, or cut".to_owned()),
    }
}

/// The first answer from the server that bears our id; strangers may send what they like.
async fn over_udp(server: SocketAddr, id: u16, question: &[u8]) -> io::Result<Message> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A port of its own for each question, chosen by the system: what a forger must guess too.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut bytes = [0; UDP_BYTES_MAX as usize];
    loop {
        let length = socket.recv(&mut bytes).await?;
        match decode(&bytes[..length]) {
            Ok(message) if message.id == id => return Ok(message),
            other => tracing::debug!("not an answer to our question from {server}: {other:?}"),
        }
    }
}

/// An answer with its length in front, at most 64 KiB by that.
async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).expect("a question has one name");
    let framed = [&length.to_be_bytes(), question].concat();
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
