//! Messages of RFC 5424.

use super::{Element, Message, Rest, SyslogError, Time};

/// Reads a message, without its frame.
pub fn parse_5424(bytes: &[u8]) -> Result<Message<'_>, SyslogError> {
    let mut rest = Rest { text: bytes, at: 0 };
    let mut message = Message {
        priority: rest.priority()?,
        ..Message::default()
    };
    let version = rest.number(1..=3, "a version")?;
    if version == 0 {
        return Err(rest.error("a version above 0"));
    }
    message.version = version as u16;
    rest.blank()?;
    message.time = time(&mut rest)?;
    rest.blank()?;
    message.hostname = rest.word(255, "a host name of up to 255 characters")?;
    rest.blank()?;
    message.app_name = rest.word(48, "the name of an application of up to 48 characters")?;
    rest.blank()?;
    message.proc_id = rest.word(128, "the id of a process of up to 128 characters")?;
    rest.blank()?;
    message.msg_id = rest.word(32, "the id of a message of up to 32 characters")?;
    rest.blank()?;
    structured(&mut rest, &mut message)?;
    if rest.at < bytes.len() {
        rest.blank()?;
        message.text = Some(&bytes[rest.at..]);
    }
    Ok(message)
}

fn time(rest: &mut Rest<'_>) -> Result<Option<Time>, SyslogError> {
    if rest.peek() == Some(b'-') {
        rest.at += 1;
        return Ok(None);
    }
    const TIME: &str = "a time of RFC 3339";
    let year = rest.number(4..=4, TIME)? as i16;
    rest.eat(b'-', TIME)?;
    let month = rest.two(12, TIME)?;
    rest.eat(b'-', TIME)?;
    let day = rest.two(31, TIME)?;
    rest.eat(b'T', TIME)?;
    let hour = rest.two(23, TIME)?;
    rest.eat(b':', TIME)?;
    let minute = rest.two(59, TIME)?;
    rest.eat(b':', TIME)?;
    let second = rest.two(59, TIME)?;
    if month == 0 || day == 0 {
        return Err(rest.error(TIME));
    }
    let mut nanos = 0;
    if rest.peek() == Some(b'.') {
        rest.at += 1;
        let start = rest.at;
        let fraction = rest.number(1..=6, TIME)?;
        nanos = fraction * 10_u32.pow(9 - (rest.at - start) as u32);
    }
    let offset = match rest.peek() {
        Some(b'Z') => {
            rest.at += 1;
            0
        }
        Some(sign @ (b'+' | b'-')) => {
            rest.at += 1;
            let hours = i16::from(rest.two(23, TIME)?);
            rest.eat(b':', TIME)?;
            let minutes = hours * 60 + i16::from(rest.two(59, TIME)?);
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return Err(rest.error(TIME)),
    };
    Ok(Some(Time {
        year,
        month,
        day,
        hour,
        minute,
        second,
        nanos,
        offset,
    }))
}

fn structured<'a>(rest: &mut Rest<'a>, message: &mut Message<'a>) -> Result<(), SyslogError> {
    if rest.peek() == Some(b'-') {
        rest.at += 1;
        return Ok(());
    }
    if rest.peek() != Some(b'[') {
        return Err(rest.error("structured data"));
    }
    while rest.peek() == Some(b'[') {
        rest.at += 1;
        let id = name(rest, "the id of an element")?;
        let mut parameters = Vec::new();
        while rest.peek() == Some(b' ') {
            rest.at += 1;
            let name = name(rest, "the name of a parameter")?;
            rest.eat(b'=', "\"=\"")?;
            parameters.push((name, value(rest)?));
        }
        rest.eat(b']', "\"]\"")?;
        if message.data.iter().any(|known| known.id == id) {
            return Err(rest.error("each element once"));
        }
        message.data.push(Element { id, parameters });
    }
    Ok(())
}

fn name<'a>(rest: &mut Rest<'a>, expected: &'static str) -> Result<&'a str, SyslogError> {
    let text = &rest.text[rest.at..];
    let fits = |byte: &&u8| byte.is_ascii_graphic() && !b"=]\"".contains(byte);
    let len = text.iter().take_while(fits).count();
    if len == 0 || len > 32 {
        return Err(rest.error(expected));
    }
    rest.at += len;
    Ok(std::str::from_utf8(&text[..len]).expect("ASCII"))
}

fn value(rest: &mut Rest<'_>) -> Result<String, SyslogError> {
    const VALUE: &str = "a value in quotes";
    rest.eat(b'"', VALUE)?;
    let mut value = Vec::new();
    loop {
        let byte = rest.peek().ok_or(rest.error(VALUE))?;
        rest.at += 1;
        match byte {
            b'"' => break,
            b']' => return Err(rest.error("\"]\" behind a backslash")),
            b'\\' => match rest.peek() {
                Some(escaped @ (b'"' | b'\\' | b']')) => {
                    rest.at += 1;
                    value.push(escaped);
                }
                _ => value.push(b'\\'),
            },
            byte => value.push(byte),
        }
    }
    String::from_utf8(value).map_err(|_| rest.error("UTF-8"))
}

/// Appends a message in the form of RFC 5424, elements and parameters sorted.
pub fn write_5424(message: &Message<'_>, out: &mut Vec<u8>) {
    let or_dash = |word: Option<&str>| word.unwrap_or("-").to_owned();
    let time = message.time.map_or("-".to_owned(), |time| shown(&time));
    let head = format!(
        "<{}>{} {time} {} {} {} {} ",
        message.priority,
        message.version,
        or_dash(message.hostname),
        or_dash(message.app_name),
        or_dash(message.proc_id),
        or_dash(message.msg_id),
    );
    out.extend_from_slice(head.as_bytes());
    if message.data.is_empty() {
        out.push(b'-');
    }
    let mut elements: Vec<&Element<'_>> = message.data.iter().collect();
    elements.sort_by_key(|element| element.id);
    for element in elements {
        out.push(b'[');
        out.extend_from_slice(element.id.as_bytes());
        let mut parameters: Vec<&(&str, String)> = element.parameters.iter().collect();
        parameters.sort();
        for (name, value) in parameters {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"=\"");
            for byte in value.bytes() {
                if b"\"\\]".contains(&byte) {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
        out.push(b']');
    }
    if let Some(text) = message.text {
        out.push(b' ');
        out.extend_from_slice(text);
    }
}

/// As in RFC 3339, with as many digits of the second as are needed.
fn shown(time: &Time) -> String {
    let Time {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = time;
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if time.nanos > 0 {
        let fraction = format!(".{:06}", time.nanos / 1000);
        text.push_str(fraction.trim_end_matches('0'));
    }
    match time.offset {
        0 => text.push('Z'),
        offset => {
            let sign = if offset < 0 { '-' } else { '+' };
            let offset = offset.abs();
            text.push_str(&format!("{sign}{:02}:{:02}", offset / 60, offset % 60));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_written_again() {
        let head = "<34>1 2023-05-06T07:08:09.003Z host1 app1 pid1 ID47 ";
        let rest = r#"[ex@1 k="v" q="a\"b\]"][two@2 x="y"] A message"#;
        let text = format!("{head}{rest}");
        let message = parse_5424(text.as_bytes()).expect("a message");
        assert_eq!(message.severity(), "critical");
        assert_eq!(message.facility(), Some("auth"));
        assert_eq!(message.hostname, Some("host1"));
        assert_eq!(message.data[0].parameters[1], ("q", "a\"b]".to_owned()));
        let time = message.time.expect("a time");
        assert_eq!(time.unix_ns(), 1_683_356_889_003_000_000);
        assert_eq!(message.text, Some(&b"A message"[..]));
        let mut again = Vec::new();
        write_5424(&message, &mut again);
        assert_eq!(again, text.as_bytes());
    }

    #[test]
    fn what_is_not_said_is_none() {
        let text = b"<165>1 2023-05-06T07:08:10+02:00 - - - - -";
        let message = parse_5424(text).expect("a message");
        let said = (message.hostname, message.app_name, message.text);
        assert_eq!(said, (None, None, None));
        let mut again = Vec::new();
        write_5424(&message, &mut again);
        assert_eq!(again, text);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, expected) in [
            ("", "expected \"<\" at byte 0"),
            (
                "<192>1 - - - - - -",
                "expected a priority of 0 to 191 at byte 4",
            ),
            ("<1>0 - - - - - -", "expected a version above 0 at byte 4"),
            ("<1>1 x - - - - -", "expected a time of RFC 3339 at byte 5"),
            (
                "<1>1 2023-13-01T00:00:00Z",
                "expected a time of RFC 3339 at byte 12",
            ),
            ("<1>1 - - - - - x", "expected structured data at byte 15"),
            (
                "<1>1 - - - - - [a b=\"c",
                "expected a value in quotes at byte 22",
            ),
            (
                "<1>1 - - - - - [a][a]",
                "expected each element once at byte 21",
            ),
        ] {
            let error = parse_5424(text.as_bytes()).expect_err(text).to_string();
            assert_eq!(error, expected, "{text}");
        }
    }
}
