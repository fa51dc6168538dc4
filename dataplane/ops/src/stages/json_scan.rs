//! Reads JSON text without building anything: what is not asked for is checked and skipped.
//!
//! As strict as the parser that Alloy uses: numbers by the grammar, control characters refused in
//! texts up to the first escape, nothing behind the value.

/// Limit: lists and objects in each other; at it the text counts as malformed. Alloy's parser
/// stops there too. Skipping does not recurse, so that depth costs a bit of memory each.
const DEPTH_MAX: usize = 10_000;

/// The kind of a value, and its extent where it is a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Null,
    Bool(bool),
    Number {
        start: usize,
        end: usize,
    },
    /// Between the quotes; `plain` if there is no escape.
    Text {
        start: usize,
        end: usize,
        plain: bool,
    },
    /// The bracket is consumed.
    Array,
    /// The brace is consumed.
    Object,
}

/// A place in a text. A method that gives None has met something that is not JSON.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a [u8]) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub fn skip_blank(&mut self) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.at
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The next value; of a list or object only its start.
    #[inline]
    pub fn value(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        match self.next()? {
            b'"' => self.string(),
            b'{' => Some(Token::Object),
            b'[' => Some(Token::Array),
            b't' => self.word(b"rue", Token::Bool(true)),
            b'f' => self.word(b"alse", Token::Bool(false)),
            b'n' => self.word(b"ull", Token::Null),
            b'-' | b'0'..=b'9' => {
                self.at = start;
                self.number()
            }
            _ => None,
        }
    }

    fn word(&mut self, rest: &[u8], token: Token) -> Option<Token> {
        self.text[self.at..].starts_with(rest).then(|| {
            self.at += rest.len();
            token
        })
    }

    /// The rest of a text, behind its first quote.
    #[inline]
    fn string(&mut self) -> Option<Token> {
        let start = self.at;
        // Most texts are short: a plain loop beats a call of memchr up to some 30 bytes.
        loop {
            match self.next()? {
                b'"' => {
                    let end = self.at - 1;
                    return Some(Token::Text {
                        start,
                        end,
                        plain: true,
                    });
                }
                b'\\' => break,
                0..0x20 => return None,
                _ => {}
            }
        }
        self.escape()?;
        loop {
            match self.next()? {
                b'"' => {
                    let end = self.at - 1;
                    return Some(Token::Text {
                        start,
                        end,
                        plain: false,
                    });
                }
                b'\\' => self.escape()?,
                _ => {}
            }
        }
    }

    /// The rest of an escape, behind its backslash.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.text.get(self.at) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Option<Token> {
        let start = self.at;
        self.at += usize::from(self.text[start] == b'-');
        let zero = self.text.get(self.at) == Some(&b'0');
        let count = self.digits();
        if count == 0 || (zero && count > 1) {
            return None;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            (self.digits() > 0).then_some(())?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            (self.digits() > 0).then_some(())?;
        }
        Some(Token::Number {
            start,
            end: self.at,
        })
    }

    /// Whether the list, whose bracket was read, has an element.
    pub fn first_element(&mut self) -> Option<bool> {
        self.first(b']')
    }

    /// Whether another element follows.
    pub fn next_element(&mut self) -> Option<bool> {
        self.more(b']')
    }

    /// The first key of the object whose brace was read. `Some(None)`: it is empty.
    #[inline]
    pub fn first_key(&mut self) -> Option<Option<Token>> {
        match self.first(b'}')? {
            true => self.key().map(Some),
            false => Some(None),
        }
    }

    #[inline]
    pub fn next_key(&mut self) -> Option<Option<Token>> {
        match self.more(b'}')? {
            true => self.key().map(Some),
            false => Some(None),
        }
    }

    #[inline]
    fn first(&mut self, close: u8) -> Option<bool> {
        self.skip_blank();
        let closed = *self.text.get(self.at)? == close;
        self.at += usize::from(closed);
        Some(!closed)
    }

    #[inline]
    fn more(&mut self, close: u8) -> Option<bool> {
        self.skip_blank();
        match self.next()? {
            b',' => Some(true),
            byte if byte == close => Some(false),
            _ => None,
        }
    }

    #[inline]
    fn key(&mut self) -> Option<Token> {
        self.skip_blank();
        (self.next()? == b'"').then_some(())?;
        let key = self.string()?;
        self.skip_blank();
        (self.next()? == b':').then_some(key)
    }

    /// Passes over a value.
    pub fn skip_value(&mut self) -> Option<()> {
        match self.value()? {
            token @ (Token::Array | Token::Object) => self.skip_inner(token),
            _ => Some(()),
        }
    }

    /// Passes over the rest of a list or object whose start was read.
    pub fn skip_inner(&mut self, token: Token) -> Option<()> {
        // One flag a level: whether it is an object.
        let mut levels: Vec<bool> = Vec::new();
        let mut object = token == Token::Object;
        let mut more = match object {
            true => self.first_key()?.is_some(),
            false => self.first_element()?,
        };
        loop {
            if more {
                let token = self.value()?;
                if let Token::Array | Token::Object = token {
                    if levels.len() == DEPTH_MAX {
                        return None;
                    }
                    levels.push(object);
                    object = token == Token::Object;
                    more = match object {
                        true => self.first_key()?.is_some(),
                        false => self.first_element()?,
                    };
                    continue;
                }
            } else {
                match levels.pop() {
                    None => return Some(()),
                    Some(outer) => object = outer,
                }
            }
            more = match object {
                true => self.next_key()?.is_some(),
                false => self.next_element()?,
            };
        }
    }

    /// Nothing but blanks may follow.
    pub fn end(&mut self) -> Option<()> {
        (self.skip_blank() == self.text.len()).then_some(())
    }
}

/// Appends the text that a JSON text without its quotes stands for. Halves of surrogate pairs
/// become replacement characters.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        let plain = match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (c, after) = unicode(rest)?;
                rest = after;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        out.push(plain);
    }
    out.extend_from_slice(rest);
    Some(())
}

/// The character of the digits behind `\u`, and of a second escape if they are a pair.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let unit = |text: &[u8]| {
        let digits = std::str::from_utf8(text.get(..4)?).ok()?;
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let high = unit(text)?;
    let rest = &text[4..];
    if let Some(c) = char::from_u32(high) {
        return Some((c, rest));
    }
    let low = rest.strip_prefix(b"\\u").and_then(unit);
    match low {
        Some(low @ 0xdc00..0xe000) if high < 0xdc00 => {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            let c = char::from_u32(code).expect("a pair of surrogates is a character");
            Some((c, &rest[6..]))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> bool {
        let mut scanner = Scanner::new(text.as_bytes());
        scanner.skip_value().and_then(|()| scanner.end()).is_some()
    }

    #[test]
    fn json_is_told_from_what_is_not() {
        for text in [
            "1",
            "-0.5e+3",
            "\"\"",
            "\"\\u00e9\\n\"",
            "null",
            " true ",
            "[]",
            "{}",
            "[[],{}]",
            "{\"a\":[1,2,{\"b\":null}],\"c\":\"}\"}",
            "\"\\\" \t\"",
        ] {
            assert!(whole(text), "{text}");
        }
        for text in [
            "",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "nul",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[1",
            "{\"a\":1",
            "1 2",
            "]",
            "\"\t\"",
            "{\"a\" 1}",
            "[1}",
        ] {
            assert!(!whole(text), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(whole(&deep(DEPTH_MAX)));
        assert!(!whole(&deep(DEPTH_MAX + 2)));
    }

    #[test]
    fn escapes_become_characters() {
        let check = |text: &str| {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out)?;
            String::from_utf8(out).ok()
        };
        assert_eq!(check(r#"a\n\"\u00e9\/"#).as_deref(), Some("a\n\"é/"));
        assert_eq!(check(r"\ud83d\ude00").as_deref(), Some("😀"));
        assert_eq!(
            check(r"\ud83dx\ude00").as_deref(),
            Some("\u{fffd}x\u{fffd}")
        );
        assert_eq!(check(r"\"), None);
        assert_eq!(check(r"\u+123"), None);
    }
}
