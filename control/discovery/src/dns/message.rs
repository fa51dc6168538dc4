//! DNS messages, as far as a client needs them (RFC 1035, 2782, 3596, 6891): a question with one
//! name, and the records of an answer. Pure.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Limit: bytes of an answer over UDP that we offer to take: what the DNS flag day of 2020 agreed
/// on, which crosses every network in one piece. A larger answer comes over TCP.
pub const UDP_BYTES_MAX: u16 = 1232;

/// Limit: bytes of a name on the wire, RFC 1035.
const NAME_BYTES_MAX: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    A,
    Aaaa,
    Mx,
    Ns,
    Srv,
}

impl RecordType {
    /// As it is written in configurations, in any case.
    pub fn from_name(name: &str) -> Option<RecordType> {
        match name.to_ascii_uppercase().as_str() {
            "A" => Some(RecordType::A),
            "AAAA" => Some(RecordType::Aaaa),
            "MX" => Some(RecordType::Mx),
            "NS" => Some(RecordType::Ns),
            "SRV" => Some(RecordType::Srv),
            _ => None,
        }
    }

    fn code(self) -> u16 {
        match self {
            RecordType::A => 1,
            RecordType::Ns => 2,
            RecordType::Mx => 15,
            RecordType::Aaaa => 28,
            RecordType::Srv => 33,
        }
    }
}

/// What a record says. Names end with a dot and are written as in zone files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Srv {
        target: String,
        port: u16,
    },
    Mx(String),
    Ns(String),
    /// A type that is not read, such as CNAME.
    Other(u16),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    /// 0 is success, 3 is a name that does not exist.
    pub code: u8,
    pub truncated: bool,
    pub records: Vec<Record>,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// it ends in the middle
    Short,
    /// it is a question
    NoAnswer,
    /// a name points forward or is too long
    Name,
    /// a record has the wrong length for its type
    Length,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::Short => "the answer ends in the middle",
            DecodeError::NoAnswer => "the message is a question",
            DecodeError::Name => "a name in the answer points forward or is too long",
            DecodeError::Length => "a record of the answer has the wrong length",
        })
    }
}

impl std::error::Error for DecodeError {}

/// A question for one name, recursion desired, with the size of answers we take.
pub fn encode(id: u16, name: &str, record_type: RecordType) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(id.to_be_bytes());
    // Flags: recursion desired. One question, no answer, no authority, one additional record.
    bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1]);
    let start = bytes.len();
    for label in name.trim_end_matches('.').split('.') {
        if label.is_empty() || 63 < label.len() {
            return Err(format!("{name:?} is no domain name"));
        }
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    if NAME_BYTES_MAX < bytes.len() - start {
        return Err(format!("{name:?} is too long for a domain name"));
    }
    bytes.extend(record_type.code().to_be_bytes());
    bytes.extend(1_u16.to_be_bytes());
    // EDNS: root name, type OPT, our size as its class, no extended code, no flags, no options.
    bytes.extend([0, 0, 41]);
    bytes.extend(UDP_BYTES_MAX.to_be_bytes());
    bytes.extend([0; 6]);
    Ok(bytes)
}

/// An answer from its bytes. A truncated one is not read beyond its head.
pub fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut reader = Reader { bytes, at: 0 };
    let id = reader.u16()?;
    let flags = reader.u16()?;
    if flags & 0x8000 == 0 {
        return Err(DecodeError::NoAnswer);
    }
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.skip(4)?;
    let mut message = Message {
        id,
        code: (flags & 0x0f) as u8,
        truncated: flags & 0x0200 != 0,
        records: Vec::new(),
    };
    if message.truncated {
        return Ok(message);
    }
    for _ in 0..questions {
        reader.name()?;
        reader.skip(4)?;
    }
    for _ in 0..answers {
        message.records.push(reader.record()?);
    }
    Ok(message)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let end = self.at + N;
        let bytes = self.bytes.get(self.at..end).ok_or(DecodeError::Short)?;
        self.at = end;
        Ok(bytes.try_into().expect("a slice of N bytes"))
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn skip(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.at += bytes;
        match self.at <= self.bytes.len() {
            true => Ok(()),
            false => Err(DecodeError::Short),
        }
    }

    fn record(&mut self) -> Result<Record, DecodeError> {
        self.name()?;
        let code = self.u16()?;
        // Class and time to live.
        self.skip(6)?;
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        if self.bytes.len() < end {
            return Err(DecodeError::Short);
        }
        let record = match code {
            1 if length == 4 => Record::A(Ipv4Addr::from(self.take::<4>()?)),
            28 if length == 16 => Record::Aaaa(Ipv6Addr::from(self.take::<16>()?)),
            1 | 28 => return Err(DecodeError::Length),
            2 => Record::Ns(self.name()?),
            15 => {
                self.skip(2)?;
                Record::Mx(self.name()?)
            }
            33 => {
                self.skip(4)?;
                let port = self.u16()?;
                let target = self.name()?;
                Record::Srv { target, port }
            }
            other => {
                self.at = end;
                Record::Other(other)
            }
        };
        match self.at == end {
            true => Ok(record),
            false => Err(DecodeError::Length),
        }
    }

    /// A name, whose end may be told by a pointer to where it stood before. Each pointer leads to
    /// an earlier place than the last, so that reading ends.
    fn name(&mut self) -> Result<String, DecodeError> {
        let mut text = String::new();
        let mut bytes = 1;
        let mut earliest = self.at;
        let mut resume = None;
        loop {
            let length = self.u8()?;
            match length {
                0 => break,
                1..=63 => {
                    bytes += usize::from(length) + 1;
                    if NAME_BYTES_MAX < bytes {
                        return Err(DecodeError::Name);
                    }
                    for _ in 0..length {
                        push_escaped(&mut text, self.u8()?);
                    }
                    text.push('.');
                }
                192.. => {
                    let place = usize::from(length & 0x3f) << 8 | usize::from(self.u8()?);
                    if earliest <= place {
                        return Err(DecodeError::Name);
                    }
                    earliest = place;
                    resume.get_or_insert(self.at);
                    self.at = place;
                }
                64..=191 => return Err(DecodeError::Name),
            }
        }
        if let Some(at) = resume {
            self.at = at;
        }
        if text.is_empty() {
            text.push('.');
        }
        Ok(text)
    }
}

/// As zone files write bytes that mean something else, or nothing, in a name.
fn push_escaped(text: &mut String, byte: u8) {
    match byte {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
            text.push('\\');
            text.push(char::from(byte));
        }
        0x21..=0x7e => text.push(char::from(byte)),
        _ => text.push_str(&format!("\\{byte:03}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to a question for `a.b`: head, question, then these records with their count.
    fn answer(flags: u16, count: u16, records: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 7];
        bytes.extend(flags.to_be_bytes());
        bytes.extend([0, 1]);
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(b"\x01a\x01b\x00\x00\x01\x00\x01");
        bytes.extend(records);
        bytes
    }

    /// A record named by a pointer to the question's name.
    fn record(code: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xc0, 12];
        bytes.extend(code.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((content.len() as u16).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn a_question_has_one_name_and_offers_a_size() {
        let bytes = encode(0x1234, "_x._tcp.example.com.", RecordType::Srv).expect("a name");
        let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\
            \x02_x\x04_tcp\x07example\x03com\x00\x00\x21\x00\x01\
            \x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
        assert_eq!(bytes, expected);
        let long = "a.".repeat(128);
        for name in ["", "a..b", &"x".repeat(64), &long] {
            assert!(encode(1, name, RecordType::A).is_err(), "{name}");
        }
    }

    #[test]
    fn each_type_of_record_is_read() {
        let records = [
            record(1, &[10, 0, 0, 1]),
            record(28, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            record(33, b"\x00\x01\x00\x02\x1f\x90\x01h\xc0\x0e"),
            record(15, b"\x00\x0a\x04mail\x00"),
            record(2, b"\xc0\x0c"),
            record(5, b"\x00"),
            record(2, b"\x03a.\xff\x00"),
            record(2, b"\x00"),
        ]
        .concat();
        let message = decode(&answer(0x8180, 8, &records)).expect("is valid");
        assert_eq!((message.id, message.code, message.truncated), (7, 0, false));
        let expected = [
            Record::A(Ipv4Addr::new(10, 0, 0, 1)),
            Record::Aaaa("fe80::1".parse().expect("an address")),
            Record::Srv {
                target: "h.b.".to_owned(),
                port: 8080,
            },
            Record::Mx("mail.".to_owned()),
            Record::Ns("a.b.".to_owned()),
            Record::Other(5),
            Record::Ns("a\\.\\255.".to_owned()),
            Record::Ns(".".to_owned()),
        ];
        assert_eq!(message.records, expected);
        let none = decode(&answer(0x8183, 0, &[])).expect("is valid");
        assert_eq!(none.code, 3);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let good = answer(0x8180, 1, &record(1, &[10, 0, 0, 1]));
        for end in 0..good.len() {
            assert_eq!(decode(&good[..end]), Err(DecodeError::Short), "{end}");
        }
        let refused = |records: &[u8]| decode(&answer(0x8180, 1, records)).unwrap_err();
        assert_eq!(decode(&answer(0x0100, 0, &[])), Err(DecodeError::NoAnswer));
        assert_eq!(refused(&record(1, &[10, 0, 0])), DecodeError::Length);
        assert_eq!(refused(&record(2, b"\x00\x00")), DecodeError::Length);
        // A pointer to itself, and forward.
        assert_eq!(refused(b"\xc0\x15"), DecodeError::Name);
        assert_eq!(refused(b"\xc0\xff"), DecodeError::Name);
        assert_eq!(refused(b"\x40"), DecodeError::Name);
        let long = b"\x3f".repeat(512);
        assert_eq!(refused(&long), DecodeError::Name);
    }

    #[test]
    fn a_truncated_answer_is_not_read_further() {
        let message = decode(&answer(0x8380, 9, &[])).expect("its head is whole");
        assert!(message.truncated && message.records.is_empty());
    }
}
