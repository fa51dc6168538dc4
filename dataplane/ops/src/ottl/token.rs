//! The words of OTTL.

use super::error::SyntaxError;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Float,
    Int,
    Text,
    Nil,
    Not,
    Or,
    And,
    Comparison,
    Arrow,
    Plus,
    Minus,
    Star,
    Slash,
    Bool,
    Equal,
    /// One of `( ) { } [ ] , . :`.
    Punctuation(u8),
    /// Capitals, digits and underscores.
    Upper,
    /// Small letters, digits and underscores.
    Lower,
    Blank,
    End,
}

/// A token: its kind and its range of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of a text; the last is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(bytes.len() / 3 + 1);
    let mut start = 0;
    while start < bytes.len() {
        if bytes[start].is_ascii_whitespace() || bytes[start] == 0x0b {
            start += 1;
            continue;
        }
        let (kind, length) = token(&bytes[start..]).ok_or_else(|| {
            let c = text[start..].chars().next().unwrap_or_default();
            SyntaxError::new(start, format!("unexpected character {c:?}"))
        })?;
        let end = start + length;
        tokens.push(Token { kind, start, end });
        start = end;
    }
    tokens.push(Token {
        kind: Kind::End,
        start,
        end: start,
    });
    Ok(tokens)
}

fn token(rest: &[u8]) -> Option<(Kind, usize)> {
    let first = rest[0];
    let second = rest.get(1).copied().unwrap_or_default();
    match first {
        b'0' if second == b'x' && rest.get(2).is_some_and(u8::is_ascii_hexdigit) => {
            Some((Kind::Bytes, 2 + run(&rest[2..], |b| b.is_ascii_hexdigit())))
        }
        b'0'..=b'9' => Some(number(rest)),
        b'.' if second.is_ascii_digit() => Some(number(rest)),
        b'"' => text_length(rest).map(|length| (Kind::Text, length)),
        b'a'..=b'z' => Some(word(rest)),
        b'A'..=b'Z' => {
            let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            Some((Kind::Upper, run(rest, upper)))
        }
        b'_' if !is_word(second) => Some((Kind::Blank, 1)),
        b'=' if second == b'=' => Some((Kind::Comparison, 2)),
        b'=' if second == b'>' => Some((Kind::Arrow, 2)),
        b'=' => Some((Kind::Equal, 1)),
        b'!' if second == b'=' => Some((Kind::Comparison, 2)),
        b'<' | b'>' => Some((Kind::Comparison, 1 + usize::from(second == b'='))),
        b'+' => Some((Kind::Plus, 1)),
        b'-' => Some((Kind::Minus, 1)),
        b'*' => Some((Kind::Star, 1)),
        b'/' => Some((Kind::Slash, 1)),
        b'(' | b')' | b'{' | b'}' | b'[' | b']' | b',' | b'.' | b':' => {
            Some((Kind::Punctuation(first), 1))
        }
        _ => None,
    }
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|&byte| !belongs(byte))
        .unwrap_or(bytes.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// An integer, or a float: digits with a dot among them, and only then an exponent.
fn number(rest: &[u8]) -> (Kind, usize) {
    let whole = run(rest, |b| b.is_ascii_digit());
    if rest.get(whole) != Some(&b'.') {
        return (Kind::Int, whole);
    }
    let mut length = whole + 1 + run(&rest[whole + 1..], |b| b.is_ascii_digit());
    if matches!(rest.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
        let digits = rest.get(length + 1 + sign..).unwrap_or_default();
        let digits = run(digits, |b| b.is_ascii_digit());
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    (Kind::Float, length)
}

/// The length of a text in double quotes, if it ends.
fn text_length(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn word(rest: &[u8]) -> (Kind, usize) {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let length = run(rest, lower);
    // A keyword is a whole word: `nilA` is none.
    if rest.get(length).is_some_and(|&next| is_word(next)) {
        return (Kind::Lower, length);
    }
    let kind = match &rest[..length] {
        b"nil" => Kind::Nil,
        b"not" => Kind::Not,
        b"or" => Kind::Or,
        b"and" => Kind::And,
        b"true" | b"false" => Kind::Bool,
        _ => Kind::Lower,
    };
    (kind, length)
}

/// The value of a text in double quotes, its escapes as in Go.
pub(super) fn unquote(raw: &str) -> Option<String> {
    let mut inner = raw.get(1..raw.len() - 1)?.chars();
    let mut out = Vec::with_capacity(raw.len());
    while let Some(c) = inner.next() {
        let mut buffer = [0; 4];
        match c {
            '\n' => return None,
            '\\' => escape(&mut inner, &mut out)?,
            c => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    // Bytes written as `\xNN` need not be UTF-8; the strings of OTLP are.
    Some(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn escape(rest: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Option<()> {
    let kind = rest.next()?;
    let byte = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' => kind as u8,
        'x' => u8::try_from(digits(rest, "", 2, 16)?).ok()?,
        '0'..='7' => u8::try_from(digits(rest, kind.encode_utf8(&mut [0; 4]), 3, 8)?).ok()?,
        'u' | 'U' => {
            let count = if kind == 'u' { 4 } else { 8 };
            let c = char::from_u32(digits(rest, "", count, 16)?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(());
        }
        _ => return None,
    };
    out.push(byte);
    Some(())
}

/// A number of exactly so many digits, of which the first may have been read already.
fn digits(rest: &mut std::str::Chars<'_>, first: &str, count: usize, radix: u32) -> Option<u32> {
    let mut digits = first.to_owned();
    while digits.len() < count {
        digits.push(rest.next().filter(|c| c.is_digit(radix))?);
    }
    u32::from_str_radix(&digits, radix).ok()
}
