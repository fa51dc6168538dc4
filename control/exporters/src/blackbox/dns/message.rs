//! DNS messages of probes (RFC 1035): a question, and the records of an answer as texts of zone
//! files, which the patterns of modules are about. Pure.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Limit: bytes of a name on the wire, RFC 1035.
const NAME_BYTES_MAX: usize = 255;

/// Types by name.
const TYPES: [(&str, u16); 30] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AFSDB", 18),
    ("SIG", 24),
    ("KEY", 25),
    ("AAAA", 28),
    ("LOC", 29),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DNAME", 39),
    ("OPT", 41),
    ("DS", 43),
    ("SSHFP", 44),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("NSEC3", 50),
    ("TLSA", 52),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("SPF", 99),
    ("ANY", 255),
    ("CAA", 257),
];

const CLASSES: [(&str, u16); 6] = [
    ("IN", 1),
    ("CS", 2),
    ("CH", 3),
    ("HS", 4),
    ("NONE", 254),
    ("ANY", 255),
];

const CODES: [(&str, u16); 11] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
];

const SOA: u16 = 6;

pub fn type_code(name: &str) -> Option<u16> {
    code_of(&TYPES, name)
}

pub fn class_code(name: &str) -> Option<u16> {
    code_of(&CLASSES, name)
}

pub fn response_code(name: &str) -> Option<u16> {
    code_of(&CODES, name)
}

fn code_of(table: &[(&str, u16)], name: &str) -> Option<u16> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, code)| *code)
}

fn name_of(table: &[(&str, u16)], code: u16, prefix: &str) -> String {
    match table.iter().find(|(_, known)| *known == code) {
        Some((name, _)) => (*name).to_owned(),
        None => format!("{prefix}{code}"),
    }
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub name: String,
    pub type_code: u16,
    pub class_code: u16,
    pub recursion: bool,
}

impl Question {
    pub fn encode(&self, id: u16) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(id.to_be_bytes());
        bytes.extend([u8::from(self.recursion), 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let start = bytes.len();
        let labels = self.name.trim_end_matches('.').split('.');
        for label in labels.filter(|_| self.name != ".") {
            if label.is_empty() || 63 < label.len() {
                return Err(format!("\"{}\" is no domain name", self.name));
            }
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        if NAME_BYTES_MAX < bytes.len() - start {
            return Err(format!("\"{}\" is too long for a domain name", self.name));
        }
        bytes.extend(self.type_code.to_be_bytes());
        bytes.extend(self.class_code.to_be_bytes());
        Ok(bytes)
    }

    pub fn is_soa(&self) -> bool {
        self.type_code == SOA
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub code: u16,
    /// Records as texts.
    pub answers: Vec<String>,
    pub authorities: Vec<String>,
    pub additionals: Vec<String>,
    /// The number of the last zone among the answers.
    pub serial: Option<u32>,
}

impl Message {
    /// None for bytes that are no answer.
    pub fn read(bytes: &[u8]) -> Option<Message> {
        let mut reader = Reader { bytes, at: 0 };
        let id = reader.u16()?;
        let flags = reader.u16()?;
        if flags & 0x8000 == 0 {
            return None;
        }
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = reader.u16()?;
        }
        for _ in 0..counts[0] {
            reader.name()?;
            reader.take(4)?;
        }
        let mut serial = None;
        let mut records = |count: u16, serial: &mut Option<u32>| -> Option<Vec<String>> {
            (0..count).map(|_| reader.record(serial)).collect()
        };
        Some(Message {
            id,
            code: flags & 0xf,
            answers: records(counts[1], &mut serial)?,
            authorities: records(counts[2], &mut None)?,
            additionals: records(counts[3], &mut None)?,
            serial,
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }

    /// A record as Go's dns package writes it: name, time to live, class, type, content.
    fn record(&mut self, serial: &mut Option<u32>) -> Option<String> {
        let name = self.name()?;
        let type_code = self.u16()?;
        let class = name_of(&CLASSES, self.u16()?, "CLASS");
        let ttl = self.u32()?;
        let length = usize::from(self.u16()?);
        let end = self.at.checked_add(length)?;
        // Names in a content may lead out of it, so that it is read in place.
        let mut content = Reader {
            bytes: self.bytes.get(..end)?,
            at: self.at,
        };
        let text = content.content(type_code, serial)?;
        self.at = end;
        let type_name = name_of(&TYPES, type_code, "TYPE");
        Some(format!("{name}\t{ttl}\t{class}\t{type_name}\t{text}"))
    }

    fn content(&mut self, type_code: u16, serial: &mut Option<u32>) -> Option<String> {
        Some(match type_code {
            1 => Ipv4Addr::from(<[u8; 4]>::try_from(self.rest()).ok()?).to_string(),
            28 => Ipv6Addr::from(<[u8; 16]>::try_from(self.rest()).ok()?).to_string(),
            2 | 5 | 12 | 39 => self.name()?,
            SOA => {
                let (server, mailbox) = (self.name()?, self.name()?);
                let number = self.u32()?;
                *serial = Some(number);
                let mut text = format!("{server} {mailbox} {number}");
                for _ in 0..4 {
                    write_to(&mut text, format_args!(" {}", self.u32()?));
                }
                text
            }
            15 => format!("{} {}", self.u16()?, self.name()?),
            16 | 99 => {
                let mut texts = Vec::new();
                while self.at < self.bytes.len() {
                    texts.push(self.quoted()?);
                }
                texts.join(" ")
            }
            33 => {
                let (priority, weight, port) = (self.u16()?, self.u16()?, self.u16()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            35 => {
                let (order, preference) = (self.u16()?, self.u16()?);
                let (flags, service) = (self.quoted()?, self.quoted()?);
                let pattern = self.quoted()?;
                let to = self.name()?;
                format!("{order} {preference} {flags} {service} {pattern} {to}")
            }
            43 => {
                let (key, algorithm, digest) = (self.u16()?, self.u8()?, self.u8()?);
                format!(
                    "{key} {algorithm} {digest} {}",
                    hexadecimal(self.rest()).to_uppercase()
                )
            }
            44 => {
                let (algorithm, kind) = (self.u8()?, self.u8()?);
                format!(
                    "{algorithm} {kind} {}",
                    hexadecimal(self.rest()).to_uppercase()
                )
            }
            52 => {
                let (usage, selector, matching) = (self.u8()?, self.u8()?, self.u8()?);
                format!("{usage} {selector} {matching} {}", hexadecimal(self.rest()))
            }
            257 => {
                let flag = self.u8()?;
                let length = usize::from(self.u8()?);
                let tag = String::from_utf8_lossy(self.take(length)?).into_owned();
                format!("{flag} {tag} {}", quote(self.rest()))
            }
            // RFC 3597, for types that have no form of their own here.
            _ => {
                let rest = self.rest();
                format!("\\# {} {}", rest.len(), hexadecimal(rest))
            }
        })
    }

    fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    fn quoted(&mut self) -> Option<String> {
        let length = usize::from(self.u8()?);
        Some(quote(self.take(length)?))
    }

    /// A name, whose end may be told by a pointer to where it stood before. Each pointer leads to
    /// an earlier place than the last, so that reading ends.
    fn name(&mut self) -> Option<String> {
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
                        return None;
                    }
                    for byte in self.take(usize::from(length))? {
                        push_escaped(&mut text, *byte, b". '@;()\"\\");
                    }
                    text.push('.');
                }
                192.. => {
                    let place = usize::from(length & 0x3f) << 8 | usize::from(self.u8()?);
                    if earliest <= place {
                        return None;
                    }
                    earliest = place;
                    resume.get_or_insert(self.at);
                    self.at = place;
                }
                64..=191 => return None,
            }
        }
        self.at = resume.unwrap_or(self.at);
        if text.is_empty() {
            text.push('.');
        }
        Some(text)
    }
}

fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for byte in bytes {
        match byte {
            b' ' => text.push(' '),
            other => push_escaped(&mut text, *other, b"\"\\"),
        }
    }
    text.push('"');
    text
}

/// As zone files write bytes that mean something else, or nothing.
fn push_escaped(text: &mut String, byte: u8, special: &[u8]) {
    match byte {
        byte if special.contains(&byte) => {
            text.push('\\');
            text.push(char::from(byte));
        }
        0x21..=0x7e => text.push(char::from(byte)),
        _ => write_to(text, format_args!("\\{byte:03}")),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write_to(&mut text, format_args!("{byte:02x}"));
    }
    text
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a text takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to a question for `a.b` with these records, named by a pointer to it.
    fn answer(records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x80, 3, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        bytes.extend(b"\x01a\x01b\x00\x00\x01\x00\x01");
        for (type_code, content) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(type_code.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60, 0, content.len() as u8]);
            bytes.extend(*content);
        }
        bytes
    }

    #[test]
    fn records_are_texts_of_zone_files() {
        let soa = b"\x01n\xc0\x0c\x01m\xc0\x0c\0\0\0\x09\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04";
        let bytes = answer(&[
            (1, &[127, 0, 0, 1]),
            (15, b"\x00\x0a\x02mx\xc0\x0c"),
            (16, b"\x03a\"b\x02c\x01"),
            (33, b"\x00\x01\x00\x02\x00\x50\x00"),
            (6, soa),
            (257, b"\x00\x05issueca.x"),
            (9999, b"\xab"),
        ]);
        let message = Message::read(&bytes).expect("it is an answer");
        let expected = [
            "a.b.\t60\tIN\tA\t127.0.0.1",
            "a.b.\t60\tIN\tMX\t10 mx.a.b.",
            "a.b.\t60\tIN\tTXT\t\"a\\\"b\" \"c\\001\"",
            "a.b.\t60\tIN\tSRV\t1 2 80 .",
            "a.b.\t60\tIN\tSOA\tn.a.b. m.a.b. 9 1 2 3 4",
            "a.b.\t60\tIN\tCAA\t0 issue \"ca.x\"",
            "a.b.\t60\tIN\tTYPE9999\t\\# 1 ab",
        ];
        assert_eq!(message.answers, expected);
        assert_eq!((message.id, message.code, message.serial), (7, 3, Some(9)));
        for length in 0..bytes.len() {
            assert_eq!(Message::read(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn names_that_lead_in_circles_are_refused() {
        let mut bytes = answer(&[]);
        bytes[7] = 1;
        bytes.extend([0xc0, 21, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Message::read(&bytes), None);
    }

    #[test]
    fn questions_have_one_name() {
        let question = |name: &str| Question {
            name: name.to_owned(),
            type_code: 255,
            class_code: 1,
            recursion: true,
        };
        let bytes = question("a.b").encode(7).expect("it is a name");
        assert_eq!(bytes[..12], [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[12..], *b"\x01a\x01b\x00\x00\xff\x00\x01");
        assert_eq!(
            question(".").encode(7).expect("the root")[12..],
            [0, 0, 255, 0, 1]
        );
        assert!(question("a..b").encode(7).is_err());
        assert!(question(&"a.".repeat(200)).encode(7).is_err());
    }
}
