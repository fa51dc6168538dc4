//! A stream's labels as text: `{job="a", host="b"}`.

use batch::LabelsBuf;

/// Why text is not a set of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelsError {
    /// Bytes before the place.
    pub at: usize,
    pub reason: &'static str,
}

impl std::fmt::Display for LabelsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LabelsError { at, reason } = self;
        write!(f, "labels: {reason} at byte {at}")
    }
}

impl std::error::Error for LabelsError {}

/// Replaces `labels` by what the text says, in the syntax of a metric in PromQL: a name before the
/// braces becomes `__name__`, names and values may be in quotes. Of equal names the last wins;
/// empty values are absent; what is not UTF-8 becomes the replacement character.
pub fn parse_labels(text: &[u8], labels: &mut LabelsBuf) -> Result<(), LabelsError> {
    labels.clear();
    let mut parser = Parser { text, at: 0 };
    parser.skip_blanks();
    if let Some(name) = parser.identifier(true) {
        labels.set("__name__", &String::from_utf8_lossy(name));
        parser.skip_blanks();
    }
    if parser.eat(b'{') {
        parser.pairs(labels)?;
    } else if labels.is_empty() {
        return Err(parser.error("expected \"{\""));
    }
    parser.skip_blanks();
    if parser.at < text.len() {
        return Err(parser.error("expected the end"));
    }
    Ok(())
}

/// Appends the labels as Loki wants them. Internal ones, whose names begin with two underscores,
/// are left out.
pub fn write_labels(labels: &LabelsBuf, out: &mut Vec<u8>) {
    write_pairs(
        labels.iter().filter(|(name, _)| !name.starts_with("__")),
        out,
    );
}

/// Appends all labels.
pub fn write_all_labels(labels: &LabelsBuf, out: &mut Vec<u8>) {
    write_pairs(labels.iter(), out);
}

fn write_pairs<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in labels.enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        if value.bytes().all(plain) {
            out.push(b'"');
            out.extend_from_slice(value.as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(stdx::quote(value).as_bytes());
        }
    }
    out.push(b'}');
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    /// What stands between the braces, and the closing one.
    fn pairs(&mut self, labels: &mut LabelsBuf) -> Result<(), LabelsError> {
        loop {
            self.skip_blanks();
            if self.eat(b'}') {
                return Ok(());
            }
            let quoted = matches!(self.peek(), Some(b'"' | b'\'' | b'`'));
            let name = match quoted {
                true => self.string()?,
                false => self
                    .identifier(false)
                    .ok_or(self.error("expected a label name"))?
                    .to_vec(),
            };
            let name = String::from_utf8_lossy(&name);
            self.skip_blanks();
            if self.eat(b'=') {
                self.skip_blanks();
                let value = self.string()?;
                labels.set(&name, &String::from_utf8_lossy(&value));
            } else if quoted {
                labels.set("__name__", &name);
            } else {
                return Err(self.error("expected \"=\""));
            }
            self.skip_blanks();
            if !self.eat(b',') && self.peek() != Some(b'}') {
                return Err(self.error("expected \",\" or \"}\""));
            }
        }
    }

    fn identifier(&mut self, colons: bool) -> Option<&'a [u8]> {
        let rest = &self.text[self.at..];
        let fits =
            |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || (colons && *byte == b':');
        let len = rest.iter().take_while(|byte| fits(byte)).count();
        let name = &rest[..len];
        if name.first().is_none_or(u8::is_ascii_digit) {
            return None;
        }
        self.at += len;
        Some(name)
    }

    fn string(&mut self) -> Result<Vec<u8>, LabelsError> {
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'' | b'`')) => quote,
            _ => return Err(self.error("expected a value in quotes")),
        };
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let byte = self.peek().ok_or(self.error("a quote is not closed"))?;
            match byte {
                b'\n' if quote != b'`' => return Err(self.error("a quote is not closed")),
                b'\\' if quote != b'`' => self.escape(quote, &mut out)?,
                _ => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(out);
                    }
                    out.push(byte);
                }
            }
        }
    }

    /// An escape of Go.
    fn escape(&mut self, quote: u8, out: &mut Vec<u8>) -> Result<(), LabelsError> {
        self.at += 1;
        let byte = self.peek().ok_or(self.error("a quote is not closed"))?;
        self.at += 1;
        let plain = match byte {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' => b'\\',
            b'0'..=b'7' => {
                self.at -= 1;
                let byte = self.number(8, 3)?;
                u8::try_from(byte).map_err(|_| self.error(BAD_ESCAPE))?
            }
            b'x' => self.number(16, 2)? as u8,
            b'u' | b'U' => {
                let len = if byte == b'u' { 4 } else { 8 };
                let c = self.number(16, len)?;
                let c = char::from_u32(c).ok_or(self.error(BAD_ESCAPE))?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            byte if byte == quote => quote,
            _ => return Err(self.error(BAD_ESCAPE)),
        };
        out.push(plain);
        Ok(())
    }

    fn number(&mut self, radix: u32, len: usize) -> Result<u32, LabelsError> {
        let mut number = 0;
        for _ in 0..len {
            let digit = self
                .peek()
                .and_then(|byte| char::from(byte).to_digit(radix))
                .ok_or(self.error(BAD_ESCAPE))?;
            self.at += 1;
            // At most eight digits of four bits.
            number = number * radix + digit;
        }
        Ok(number)
    }

    /// Blanks and comments.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let rest = &self.text[self.at..];
                    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    self.at += end;
                }
                _ => return,
            }
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, reason: &'static str) -> LabelsError {
        let at = self.at;
        LabelsError { at, reason }
    }
}

const BAD_ESCAPE: &str = "unknown escape";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let mut labels = LabelsBuf::new();
        let got = match parse_labels(text.as_bytes(), &mut labels) {
            Ok(()) => Ok(format!("{labels:?}")),
            Err(error) => Err(error.to_string()),
        };
        let got = got.as_ref().map(String::as_str).map_err(String::as_str);
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn the_syntax_of_promql_is_read() {
        check("{}", Ok("{}"));
        check(r#" { b = "2" , a='1', } "#, Ok(r#"{a="1", b="2"}"#));
        check(r#"name:x{a=`\n`}"#, Ok(r#"{__name__="name:x", a="\\n"}"#));
        check("name", Ok(r#"{__name__="name"}"#));
        check(r#"{"a.b"="1", "up"}"#, Ok(r#"{__name__="up", a.b="1"}"#));
        check(r#"{a="1", a="2", b=""}"#, Ok(r#"{a="2"}"#));
        check(
            r#"{a="\n\t\"\\\x41\u00e9\101é"}"#,
            Ok(r#"{a="\n\t\"\\AéAé"}"#),
        );
        check("{a=\"1\" # one\n}", Ok(r#"{a="1"}"#));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check("", Err("labels: expected \"{\" at byte 0"));
        check("{a=1}", Err("labels: expected a value in quotes at byte 3"));
        check("{a.b=\"1\"}", Err("labels: expected \"=\" at byte 2"));
        check("{a=\"1\"", Err("labels: expected \",\" or \"}\" at byte 6"));
        check(
            "{a=\"1\" b=\"2\"}",
            Err("labels: expected \",\" or \"}\" at byte 7"),
        );
        check("{1=\"1\"}", Err("labels: expected a label name at byte 1"));
        check(
            "{a=\"1\n\"}",
            Err("labels: a quote is not closed at byte 5"),
        );
        check("{a=\"\\q\"}", Err("labels: unknown escape at byte 6"));
        check("{a=\"\\777\"}", Err("labels: unknown escape at byte 8"));
        check("{a=\"\\ud800\"}", Err("labels: unknown escape at byte 10"));
        check("{} {}", Err("labels: expected the end at byte 3"));
    }

    #[test]
    fn labels_are_written_as_loki_reads_them() {
        let labels: LabelsBuf = [("b", "x\"\n"), ("a", "1"), ("__tenant_id__", "t")]
            .into_iter()
            .collect();
        let mut out = Vec::new();
        write_labels(&labels, &mut out);
        assert_eq!(out, br#"{a="1", b="x\"\n"}"#);
        let mut again = LabelsBuf::new();
        parse_labels(&out, &mut again).expect("our own text");
        assert_eq!(format!("{again:?}"), r#"{a="1", b="x\"\n"}"#);
    }
}
