//! What probes tell of certificates: just those fields of X.509 (RFC 5280), read from DER. Pure.

use std::fmt::Write;

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// Names of the extension for such, with commas between.
    pub dns_names: String,
    /// Seconds since 1970.
    pub not_after: i64,
}

// Tags of DER.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;

const SUBJECT_ALTERNATIVE_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// Attributes of names that have short forms.
const ATTRIBUTES: [(&[u8], &str); 9] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "SERIALNUMBER"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 17], "POSTALCODE"),
];

impl Certificate {
    /// None for bytes that are no certificate.
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let mut outer = Der(Der(der).expect(SEQUENCE)?);
        let mut body = Der(outer.expect(SEQUENCE)?);
        body.skip_if(VERSION)?;
        // Serial number, algorithm of the signature.
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = name(body.expect(SEQUENCE)?)?;
        let mut validity = Der(body.expect(SEQUENCE)?);
        validity.next()?;
        let (tag, text) = validity.next()?;
        let not_after = time(tag, text)?;
        let subject = name(body.expect(SEQUENCE)?)?;
        // The key, then what is optional.
        body.expect(SEQUENCE)?;
        let mut dns_names = String::new();
        while let Some((tag, content)) = body.next() {
            if tag == EXTENSIONS {
                dns_names = alternative_names(content)?;
            }
        }
        Some(Certificate {
            subject,
            issuer,
            dns_names,
            not_after,
        })
    }
}

/// A run of elements. Lengths are checked against what there is, so that hostile ones end it.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits
                    .iter()
                    .fold(0_u64, |sum, it| sum << 8 | u64::from(*it));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        (tag == wanted).then_some(content)
    }

    fn skip_if(&mut self, tag: u8) -> Option<()> {
        if self.0.first() == Some(&tag) {
            self.next()?;
        }
        Some(())
    }
}

/// A distinguished name as Go writes it: the last part first, `+` within a part.
fn name(content: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = Der(content);
    while !rest.0.is_empty() {
        let mut set = Der(rest.expect(SET)?);
        let mut part = String::new();
        while !set.0.is_empty() {
            let mut pair = Der(set.expect(SEQUENCE)?);
            let object = pair.expect(OBJECT)?;
            let (_, value) = pair.next()?;
            if !part.is_empty() {
                part.push('+');
            }
            push_attribute(&mut part, object, value);
        }
        parts.push(part);
    }
    parts.reverse();
    Some(parts.join(","))
}

fn push_attribute(out: &mut String, object: &[u8], value: &[u8]) {
    match ATTRIBUTES.iter().find(|(known, _)| *known == object) {
        Some((_, short)) => out.push_str(short),
        None => push_object(out, object),
    }
    out.push('=');
    let text = String::from_utf8_lossy(value);
    let last = text.chars().count().saturating_sub(1);
    for (index, letter) in text.chars().enumerate() {
        let special = match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => index == 0,
            ' ' => index == 0 || index == last,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(letter);
    }
}

/// An object identifier as numbers with dots.
fn push_object(out: &mut String, object: &[u8]) {
    let mut number = 0_u64;
    let mut first = true;
    for byte in object {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // Writing to a text cannot fail.
        let _ = match first {
            true => {
                let top = (number / 40).min(2);
                write!(out, "{top}.{}", number - top * 40)
            }
            false => write!(out, ".{number}"),
        };
        (number, first) = (0, false);
    }
}

/// Seconds since 1970.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let whole = match tag {
        // Two digits of a year mean 1950 to 2049.
        UTC_TIME if text.get(..1)? < "5" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &whole).ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

fn alternative_names(content: &[u8]) -> Option<String> {
    let mut extensions = Der(Der(content).expect(SEQUENCE)?);
    let mut names = Vec::new();
    while !extensions.0.is_empty() {
        let mut extension = Der(extensions.expect(SEQUENCE)?);
        if extension.expect(OBJECT)? != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        // Whether it is critical may stand in between.
        let mut octets = extension.next()?;
        if octets.0 != OCTETS {
            octets = extension.next()?;
        }
        let mut all = Der(Der(octets.1).expect(SEQUENCE)?);
        while let Some((tag, name)) = all.next() {
            if tag == DNS_NAME {
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Some(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82];
        bytes.extend(u16::try_from(content.len()).expect("short").to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn distinguished(pairs: &[(&[u8], &str)]) -> Vec<u8> {
        let sets = pairs.iter().map(|(object, value)| {
            let pair = [element(OBJECT, object), element(0x0c, value.as_bytes())].concat();
            element(SET, &element(SEQUENCE, &pair))
        });
        element(SEQUENCE, &sets.collect::<Vec<_>>().concat())
    }

    fn made() -> Vec<u8> {
        let alternatives = element(
            SEQUENCE,
            &[
                element(DNS_NAME, b"a.example"),
                element(0x87, &[1, 2, 3, 4]),
                element(DNS_NAME, b"b"),
            ]
            .concat(),
        );
        let extension = [
            element(OBJECT, &SUBJECT_ALTERNATIVE_NAME),
            element(1, &[0xff]),
            element(OCTETS, &alternatives),
        ];
        let extensions = element(SEQUENCE, &element(SEQUENCE, &extension.concat()));
        let validity = [
            element(UTC_TIME, b"200101000000Z"),
            element(UTC_TIME, b"300102030405Z"),
        ];
        let body = [
            element(VERSION, &element(INTEGER, &[2])),
            element(INTEGER, &[9]),
            element(SEQUENCE, &[]),
            distinguished(&[(&[0x55, 4, 6], "CH"), (&[0x55, 4, 3], "Root, \"1\"")]),
            element(SEQUENCE, &validity.concat()),
            distinguished(&[(&[0x55, 4, 10], "Org"), (&[0x2a, 0x86, 0x48, 0x01], " x")]),
            element(SEQUENCE, &[]),
            element(EXTENSIONS, &extensions),
        ];
        element(SEQUENCE, &element(SEQUENCE, &body.concat()))
    }

    #[test]
    fn names_and_dates_are_read() {
        let expected = Certificate {
            subject: "1.2.840.1=\\ x,O=Org".to_owned(),
            issuer: "CN=Root\\, \\\"1\\\",C=CH".to_owned(),
            dns_names: "a.example,b".to_owned(),
            not_after: 1_893_553_445,
        };
        assert_eq!(Certificate::read(&made()), Some(expected));
    }

    #[test]
    fn what_is_cut_is_no_certificate() {
        let whole = made();
        for length in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..length]), None, "{length}");
        }
    }
}
