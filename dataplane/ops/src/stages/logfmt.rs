//! `stage.logfmt`: extracts values of `key=value` pairs.

use crate::regex::GoRegex;

use super::program::{Cx, Flow};
use super::{Entry, Source};

/// `stage.logfmt`.
#[derive(Debug)]
pub struct Logfmt {
    source: Source,
    /// Key in the text, name of the value.
    mapping: Vec<(String, String)>,
    keys: Option<GoRegex>,
    decoder: Decoder,
}

impl Logfmt {
    /// `mapping` leads from names of values to keys, an empty key is the name; `keys` says which
    /// keys else are taken under their own name.
    #[must_use]
    pub fn new<'a>(
        source: Option<&str>,
        mapping: impl IntoIterator<Item = (&'a str, &'a str)>,
        keys: Option<GoRegex>,
    ) -> Logfmt {
        let mut inverse: Vec<(String, String)> = Vec::new();
        for (name, key) in mapping {
            let key = if key.is_empty() { name } else { key };
            // Compat: two names for one key: one wins, here the last.
            inverse.retain(|(other, _)| other != key);
            inverse.push((key.to_owned(), name.to_owned()));
        }
        Logfmt {
            source: Source::new(source),
            mapping: inverse,
            keys,
            decoder: Decoder::default(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        for line in text.split('\n') {
            // Compat: what stands before an error is kept, what follows is not read.
            let mut rest = line.as_bytes();
            loop {
                match self.decoder.pair(&mut rest) {
                    Ok(Some((key, value))) => {
                        let own = |(own, _): &&(String, String)| own.as_bytes() == key;
                        let name = self.mapping.iter().find(own).map(|(_, name)| &**name);
                        let key = std::str::from_utf8(key).unwrap_or_default();
                        let value = std::str::from_utf8(value).unwrap_or_default();
                        if let Some(name) = name {
                            entry.extracted.set_text(name, value);
                        }
                        if self.keys.as_ref().is_some_and(|keys| keys.is_match(key)) {
                            entry.extracted.set_text(key, value);
                        }
                    }
                    Ok(None) => break,
                    Err(Malformed) => return Flow::Pass,
                }
            }
        }
        Flow::Pass
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

#[derive(Debug, Default)]
struct Decoder {
    unquoted: Vec<u8>,
}

type Pair<'a> = Option<(&'a [u8], &'a [u8])>;

impl Decoder {
    /// The next pair of a line, as the Go package logfmt reads it: a key without a value has an
    /// empty one, and anything up to the space belongs to a key.
    fn pair<'a, 'b: 'a>(&'a mut self, rest: &mut &'b [u8]) -> Result<Pair<'a>, Malformed> {
        let Some(start) = rest.iter().position(|byte| *byte > b' ') else {
            *rest = &[];
            return Ok(None);
        };
        let text = &rest[start..];
        let stop = |byte: &u8| matches!(*byte, b'=' | b'"') || *byte <= b' ';
        let end = text.iter().position(stop).unwrap_or(text.len());
        let (key, after) = text.split_at(end);
        match after {
            [b'"', ..] => return Err(Malformed),
            [b'=', ..] if key.is_empty() => return Err(Malformed),
            [b'=', after @ ..] => *rest = after,
            _ => {
                *rest = after;
                return Ok(Some((key, b"")));
            }
        }
        if let [b'"', quoted @ ..] = *rest {
            return self.quoted(quoted, rest).map(|value| Some((key, value)));
        }
        let end = rest.iter().position(stop).unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        if matches!(after, [b'=' | b'"', ..]) {
            return Err(Malformed);
        }
        *rest = after;
        Ok(Some((key, value)))
    }

    fn quoted<'a, 'b: 'a>(
        &'a mut self,
        text: &'b [u8],
        rest: &mut &'b [u8],
    ) -> Result<&'a [u8], Malformed> {
        let mut at = 0;
        let mut escaped = false;
        loop {
            let found = memchr::memchr2(b'"', b'\\', &text[at..]).ok_or(Malformed)?;
            at += found;
            if text[at] == b'"' {
                break;
            }
            escaped = true;
            at += 2;
            if at > text.len() {
                return Err(Malformed);
            }
        }
        *rest = &text[at + 1..];
        let value = &text[..at];
        if !escaped {
            return Ok(value);
        }
        self.unquoted.clear();
        super::json_scan::unescape(value, &mut self.unquoted).ok_or(Malformed)?;
        Ok(&self.unquoted)
    }
}

/// All pairs of a line; `None` if it is not logfmt.
pub(crate) fn pairs(line: &[u8]) -> Option<Vec<(String, String)>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (mut rest, mut pairs) = (line, Vec::new());
    let mut decoder = Decoder::default();
    while let Some((key, value)) = decoder.pair(&mut rest).ok()? {
        pairs.push((text(key), text(value)));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{after, extracted};

    fn all(line: &str) -> Vec<String> {
        let keys = GoRegex::new(".+").expect("a pattern");
        extracted(&after(Logfmt::new(None, [], Some(keys)), line))
    }

    #[test]
    fn pairs_are_read_as_go_reads_them() {
        assert_eq!(all(r#"a=1 b="x y" c= d"#), ["a=1", "b=x y", "c=", "d="]);
        assert_eq!(all(r#"a="q \"v\" \u00e9""#), [r#"a=q "v" é"#]);
        assert_eq!(all("a=1\nb=2"), ["a=1", "b=2"]);
        assert_eq!(all(r#"a="1"b=2"#), ["a=1", "b=2"]);
        assert_eq!(all("level=a level=b"), ["level=b"]);
        assert_eq!(all(r#"a="" é=ü"#), ["a=", "é=ü"]);
    }

    #[test]
    fn what_stands_before_an_error_is_kept() {
        assert_eq!(all(r#"a=1 msg="open"#), ["a=1"]);
        assert_eq!(all("a=1 =2 c=3"), ["a=1"]);
        assert_eq!(all("a=1 b=2=3 c=3"), ["a=1"]);
        assert_eq!(all(r#"a=1 b"c"#), ["a=1"]);
        assert_eq!(all(r#"a=1 b="\x" c=3"#), ["a=1"]);
        assert_eq!(all(r#"a=1 b="\"#), ["a=1"]);
    }

    #[test]
    fn names_lead_to_keys() {
        let stage = Logfmt::new(None, [("text", "msg"), ("n", "")], None);
        let entry = after(stage, "msg=hello n=5 other=x");
        assert_eq!(extracted(&entry), ["text=hello", "n=5"]);
    }
}
