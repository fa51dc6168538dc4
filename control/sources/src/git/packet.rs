//! Packets: four hexadecimal digits of length, and as much data. Lengths below four mark ends.

use super::GitError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Flush,
    Delimiter,
    ResponseEnd,
    Data(&'a [u8]),
}

/// The packets of an answer, without the capabilities that a server over ssh begins with.
pub(super) fn packets(answer: &[u8]) -> Result<Packets<'_>, GitError> {
    let mut rest = Packets { rest: answer };
    let mut ahead = rest.clone();
    match ahead.next().transpose()? {
        Some(Packet::Data(b"version 2\n")) => {
            for packet in rest.by_ref() {
                if packet? == Packet::Flush {
                    break;
                }
            }
        }
        Some(Packet::Data(line)) if line.starts_with(b"ERR ") => {
            let message = String::from_utf8_lossy(&line[4..]);
            return Err(GitError::new(format!(
                "the server said {:?}",
                message.trim()
            )));
        }
        _ => {}
    }
    Ok(rest)
}

#[derive(Clone)]
pub(super) struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = read(self.rest);
        self.rest = match &packet {
            Some((_, rest)) => rest,
            None => &[],
        };
        let packet = packet.map(|(packet, _)| packet);
        Some(packet.ok_or_else(|| GitError::new("the answer is not of a git server")))
    }
}

fn read(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let length = usize::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    let packet = match length {
        0 => Packet::Flush,
        1 => Packet::Delimiter,
        2 => Packet::ResponseEnd,
        3 => return None,
        _ => return Some((Packet::Data(bytes.get(4..length)?), &bytes[length..])),
    };
    Some((packet, &bytes[4..]))
}

/// Appends a packet. Requests are short: none comes near the largest length.
pub(super) fn data(request: &mut Vec<u8>, data: &[u8]) {
    request.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    request.extend_from_slice(data);
}

pub(super) fn delimiter(request: &mut Vec<u8>) {
    request.extend_from_slice(b"0001");
}

pub(super) fn flush(request: &mut Vec<u8>) {
    request.extend_from_slice(b"0000");
}
