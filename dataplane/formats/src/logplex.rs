//! What drains of Heroku's router of logs send: messages like those of RFC 5424, each after its
//! length, without structured data.

/// A message; the names are as they were written, `-` for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// As RFC 3339 has it, not read yet.
    pub time: &'a str,
    pub hostname: &'a str,
    pub application: &'a str,
    pub process: &'a str,
    pub id: &'a str,
    pub line: &'a [u8],
}

/// Limit: the longest message with its length that Heroku sends; a longer one ends the request.
pub const FRAME_BYTES_MAX: usize = 10_240;

/// Takes the first message of `bytes`; none at their end.
pub fn next<'a>(bytes: &mut &'a [u8]) -> Result<Option<Message<'a>>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let space = memchr::memchr(b' ', bytes).ok_or("a message without its length")?;
    let digits = std::str::from_utf8(&bytes[..space]).ok();
    let len: Option<usize> = digits.and_then(|digits| digits.parse().ok());
    let len = len.ok_or("a message's length is not a number")?;
    let end = len
        .checked_add(space + 1)
        .filter(|end| *end <= FRAME_BYTES_MAX);
    let end = end.ok_or("a message is longer than 10240 bytes")?;
    let frame = bytes.get(space + 1..end).ok_or("a message is cut off")?;
    *bytes = &bytes[end..];
    read(frame).map(Some)
}

fn read(frame: &[u8]) -> Result<Message<'_>, String> {
    let mut rest = frame;
    let mut field = |name: &str| -> Result<&str, String> {
        let end = memchr::memchr(b' ', rest).ok_or_else(|| format!("a message without {name}"))?;
        let (field, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        std::str::from_utf8(field).map_err(|_| format!("{name} of a message is not UTF-8"))
    };
    let priority = field("a priority")?;
    if !is_priority(priority) {
        return Err("a message does not begin with a priority and a version".to_owned());
    }
    Ok(Message {
        time: field("a time")?,
        hostname: field("a host")?,
        application: field("an application")?,
        process: field("a process")?,
        id: field("an id")?,
        line: rest,
    })
}

fn is_priority(text: &str) -> bool {
    let Some((digits, version)) = text.strip_prefix('<').and_then(|text| text.split_once('>'))
    else {
        return false;
    };
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.parse::<u8>().is_ok()
        && version.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_one_after_the_other() {
        let first = "<190>1 2024-01-02T03:04:05.006+00:00 host app web.1 - a line\n";
        let second = "<40>1 2024-01-02T03:04:06Z h token heroku - ";
        let text = format!("{} {first}{} {second}", first.len(), second.len());
        let mut bytes = text.as_bytes();
        let message = next(&mut bytes).expect("a message").expect("the first");
        assert_eq!(message.process, "web.1");
        assert_eq!(message.line, b"a line\n");
        let message = next(&mut bytes).expect("a message").expect("the second");
        assert_eq!((message.application, message.line), ("token", &b""[..]));
        assert_eq!(next(&mut bytes), Ok(None));
    }

    #[test]
    fn bad_frames_are_told() {
        for (text, part) in [
            ("abc", "without its length"),
            ("x y", "not a number"),
            ("9 short", "cut off"),
            ("18446744073709551615 x", "longer than"),
            ("4 <1>1", "without a priority"),
            ("9 <300>1 a ", "begin with a priority"),
            ("6 <1>1 a", "without a time"),
        ] {
            let error = next(&mut text.as_bytes()).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
