//! Where messages begin and end on a stream.

/// How a stream is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The length in digits and a blank stand before each message.
    Counted,
    /// Each message ends with this byte.
    Ended(u8),
}

impl Framing {
    /// The framing that the first byte of a stream tells; none for one that is no syslog.
    #[must_use]
    pub fn of_first(byte: u8) -> Option<Framing> {
        match byte {
            b'<' => Some(Framing::Ended(b'\n')),
            b'0'..=b'9' => Some(Framing::Counted),
            _ => None,
        }
    }
}

/// The next message of a stream and how many bytes it takes with its frame; none if it has not come
/// whole. An error when no message can be found in what follows.
pub fn next_frame(
    framing: Framing,
    bytes: &[u8],
    len_max: usize,
) -> Result<Option<(&[u8], usize)>, &'static str> {
    match framing {
        Framing::Ended(end) => match memchr::memchr(end, bytes) {
            Some(at) => Ok(Some((&bytes[..at], at + 1))),
            None if bytes.len() > len_max => Err("a message is too long"),
            None => Ok(None),
        },
        Framing::Counted => {
            // Ends of lines between messages come of senders that frame twice.
            let blank = bytes
                .iter()
                .take_while(|byte| matches!(byte, b'\n' | b'\r'))
                .count();
            let rest = &bytes[blank..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == rest.len() && digits < 10 {
                return Ok(None);
            }
            if digits == 0 || digits >= 10 || rest[digits] != b' ' {
                return Err("the length of a message is expected");
            }
            let count = rest[..digits].iter();
            let len = count.fold(0_usize, |len, digit| len * 10 + usize::from(digit - b'0'));
            if len > len_max {
                return Err("a message is longer than max_message_length");
            }
            let start = blank + digits + 1;
            let message = bytes.get(start..start + len);
            Ok(message.map(|message| (message, start + len)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_framings_are_cut() {
        let counted = |bytes: &'static [u8]| next_frame(Framing::Counted, bytes, 10);
        assert_eq!(counted(b"3 <1>2 x"), Ok(Some((&b"<1>"[..], 5))));
        assert_eq!(counted(b"\n3 <1>"), Ok(Some((&b"<1>"[..], 6))));
        assert_eq!(counted(b"3 <1"), Ok(None));
        assert_eq!(counted(b"12"), Ok(None));
        assert!(counted(b"11 <").is_err());
        assert!(counted(b"<1>").is_err());
        assert!(counted(b"12345678901").is_err());
        let ended = |bytes: &'static [u8]| next_frame(Framing::Ended(b'\n'), bytes, 4);
        assert_eq!(ended(b"<1>\n<2>"), Ok(Some((&b"<1>"[..], 4))));
        assert_eq!(ended(b"<2>"), Ok(None));
        assert!(ended(b"<2>xx").is_err());
    }
}
