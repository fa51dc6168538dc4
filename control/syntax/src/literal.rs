//! What literals mean. The lexer has already refused malformed ones; a literal with a mistake
//! still gives some value here, since its diagnostic keeps it from being used.

use std::borrow::Cow;

/// A number as written: an integer as long as one holds it, else a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Uint(u64),
    Float(f64),
}

/// Compat: a leading zero makes a number octal, `010` is 8, but where that fails it is decimal,
/// `09` is 9.0; numbers past 64 bits become floats (test `integers_read_as_go_reads_them`).
pub(crate) fn integer(text: &str) -> Number {
    let radix = if text.len() > 1 && text.starts_with('0') {
        8
    } else {
        10
    };
    if let Ok(value) = i64::from_str_radix(text, radix) {
        return Number::Int(value);
    }
    match u64::from_str_radix(text, radix) {
        Ok(value) => Number::Uint(value),
        Err(_) => float(text),
    }
}

pub(crate) fn float(text: &str) -> Number {
    Number::Float(text.parse().unwrap_or(f64::INFINITY))
}

/// What stands between the quotes, escapes untouched; a text without quotes stays.
pub(crate) fn unquoted(text: &str) -> &str {
    let Some(inner) = text.strip_prefix(['"', '`']) else {
        return text;
    };
    inner.strip_suffix(['"', '`']).unwrap_or(inner)
}

/// The value of a string token.
pub(crate) fn string(text: &str) -> Cow<'_, str> {
    let inner = unquoted(text);
    if text.starts_with('`') {
        // Compat: Go drops carriage returns from raw strings, so that a file means the same with
        // either line end.
        return match inner.contains('\r') {
            true => Cow::Owned(inner.replace('\r', "")),
            false => Cow::Borrowed(inner),
        };
    }
    match inner.contains('\\') {
        true => Cow::Owned(unescape(inner)),
        false => Cow::Borrowed(inner),
    }
}

/// Resolves escapes. `\x` and octal escapes name bytes; bytes that are not UTF-8 together become
/// U+FFFD, since our strings are text.
fn unescape(inner: &str) -> String {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        rest = &rest[resolve_escape(rest, &mut bytes)..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Appends what the escape at the start of `rest` (after its backslash) stands for; gives its
/// length. An unknown escape stands for nothing, of length zero.
fn resolve_escape(rest: &str, bytes: &mut Vec<u8>) -> usize {
    let Some(letter) = rest.bytes().next() else {
        return 0;
    };
    let simple = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'"' => letter,
        b'0'..=b'7' => return resolve_code(rest, 0..3, 8, bytes),
        b'x' => return resolve_code(rest, 1..3, 16, bytes),
        b'u' => return resolve_code(rest, 1..5, 16, bytes),
        b'U' => return resolve_code(rest, 1..9, 16, bytes),
        _ => return 0,
    };
    bytes.push(simple);
    1
}

fn resolve_code(
    rest: &str,
    digits: std::ops::Range<usize>,
    radix: u32,
    bytes: &mut Vec<u8>,
) -> usize {
    let end = digits.end;
    let Some(code) = rest
        .get(digits)
        .and_then(|text| u32::from_str_radix(text, radix).ok())
    else {
        return 0;
    };
    if end == 3 {
        // Three octal digits may exceed a byte; the lexer refused that.
        bytes.push(code as u8);
    } else {
        let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    end
}
