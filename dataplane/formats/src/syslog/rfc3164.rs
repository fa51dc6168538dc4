//! Messages of RFC 3164, which describes what was found in the field.

use super::{Message, Rest, SyslogError, Time};

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Limit: characters of a tag.
const TAG_BYTES_MAX: usize = 48;

/// Reads a message, without its frame. Its time has the year 0, for none is written.
pub fn parse_3164(bytes: &[u8]) -> Result<Message<'_>, SyslogError> {
    let mut rest = Rest { text: bytes, at: 0 };
    let mut message = Message {
        priority: rest.priority()?,
        ..Message::default()
    };
    message.time = Some(time(&mut rest)?);
    rest.blank()?;
    message.hostname = rest.word(255, "a host name of up to 255 characters")?;
    rest.blank()?;
    tag(&mut rest, &mut message);
    let text = &bytes[rest.at..];
    message.text = (!text.is_empty()).then_some(text);
    Ok(message)
}

fn time(rest: &mut Rest<'_>) -> Result<Time, SyslogError> {
    const TIME: &str = "a time such as \"Jan  2 15:04:05\"";
    let month = rest.text[rest.at..].first_chunk::<3>();
    let month = month.and_then(|name| MONTHS.iter().position(|month| *month == name));
    let month = month.ok_or(rest.error(TIME))? as u8 + 1;
    rest.at += 3;
    rest.blank()?;
    let day = match rest.peek() {
        Some(b' ') => {
            rest.at += 1;
            rest.number(1..=1, TIME)? as u8
        }
        _ => rest.two(31, TIME)?,
    };
    rest.blank()?;
    let hour = rest.two(23, TIME)?;
    rest.eat(b':', TIME)?;
    let minute = rest.two(59, TIME)?;
    rest.eat(b':', TIME)?;
    let second = rest.two(59, TIME)?;
    Ok(Time {
        year: 0,
        month,
        day: day.max(1),
        hour,
        minute,
        second,
        nanos: 0,
        offset: 0,
    })
}

/// The name of a program, maybe with an id in brackets, and a colon; what is none stays text.
fn tag<'a>(rest: &mut Rest<'a>, message: &mut Message<'a>) {
    let text = &rest.text[rest.at..];
    let in_name = |byte: &&u8| byte.is_ascii_graphic() && !b"[:".contains(byte);
    let name = text.iter().take_while(in_name).count();
    if name == 0 || name > TAG_BYTES_MAX {
        return;
    }
    let mut end = name;
    let mut id = None;
    if text.get(name) == Some(&b'[') {
        let Some(len) = memchr::memchr(b']', &text[name..]) else {
            return;
        };
        id = std::str::from_utf8(&text[name + 1..name + len]).ok();
        end = name + len + 1;
    }
    if text.get(end) != Some(&b':') {
        return;
    }
    end += 1;
    if text.get(end) == Some(&b' ') {
        end += 1;
    }
    message.app_name = std::str::from_utf8(&text[..name]).ok();
    message.proc_id = id;
    rest.at += end;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, host: &str, app: Option<&str>, id: Option<&str>, rest: &str) {
        let message = parse_3164(text.as_bytes()).expect(text);
        assert_eq!(message.hostname, Some(host), "{text}");
        assert_eq!((message.app_name, message.proc_id), (app, id), "{text}");
        assert_eq!(message.text, Some(rest.as_bytes()), "{text}");
    }

    #[test]
    fn tags_are_told_from_text() {
        check(
            "<34>Oct 11 22:14:15 m su: failed",
            "m",
            Some("su"),
            None,
            "failed",
        );
        check(
            "<13>Feb  5 17:32:18 10.0.0.99 Use the",
            "10.0.0.99",
            None,
            None,
            "Use the",
        );
        check(
            "<13>Dec  2 16:31:03 h app[24]: x: y",
            "h",
            Some("app"),
            Some("24"),
            "x: y",
        );
        let message = parse_3164(b"<34>Oct 11 22:14:15 m su: failed").expect("a message");
        let time = message.time.expect("a time");
        assert_eq!(
            (time.year, time.month, time.day, time.second),
            (0, 10, 11, 15)
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        for text in [
            "<34>Okt 11 22:14:15 m x",
            "<34>Oct 11 22:14 m x",
            "<34>Oct 11 22:14:15",
        ] {
            assert!(parse_3164(text.as_bytes()).is_err(), "{text}");
        }
    }
}
