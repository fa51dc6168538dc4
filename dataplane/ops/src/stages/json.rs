//! `stage.json`: extracts values of a JSON object.
//!
//! ```text
//! text -> one pass over it -> places of the values asked for -> extracted
//! ```
//!
//! The pass goes down only into objects that a chain of names leads into; all else is skipped
//! without being looked at. Expressions that are more than chains of names need the whole document
//! in memory, and only then it is built.

use crate::regex::GoRegex;

use super::jmes::{self, Found, Path};
use super::json_scan::{Scanner, Token, unescape};
use super::program::{Cx, Flow};
use super::{Entry, Extracted, Source, Value, go_json};

/// Limit: chains of names that one pass can look for, one bit each. Those beyond go to the
/// interpreter.
const CHAINS_MAX: usize = 64;

/// `stage.json`.
#[derive(Debug)]
pub struct Json {
    source: Source,
    chains: Vec<Chain>,
    others: Vec<(String, jmespath::Expression<'static>)>,
    keys: Option<GoRegex>,
    drop_malformed: bool,
    key: Vec<u8>,
    /// Keys that the pattern takes, with their values.
    taken: Vec<(String, Place)>,
}

#[derive(Debug)]
struct Chain {
    /// Of the extracted value.
    name: String,
    names: Vec<String>,
    found: Place,
}

/// Where a value is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Not there, or null: extracted as a value without a text.
    Null,
    Plain(Token),
    Inner {
        start: usize,
        end: usize,
    },
}

impl Json {
    /// `expressions` leads from names of values to JMESPath, where an empty one is the name; `keys`
    /// says which keys of the object else are taken under their own name.
    pub fn new<'a>(
        source: Option<&str>,
        expressions: impl IntoIterator<Item = (&'a str, &'a str)>,
        keys: Option<GoRegex>,
        drop_malformed: bool,
    ) -> Result<Json, String> {
        let (mut chains, mut others) = (Vec::new(), Vec::new());
        for (name, expression) in expressions {
            let text = if expression.is_empty() {
                name
            } else {
                expression
            };
            let bad = |error| format!("could not compile JMES expression {text:?}: {error}");
            match Path::parse(text).map_err(bad)? {
                Path::Names(names) if chains.len() < CHAINS_MAX => chains.push(Chain {
                    name: name.to_owned(),
                    names,
                    found: Place::Null,
                }),
                Path::Names(_) => {
                    let expression = jmespath::compile(text).map_err(|e| bad(e.to_string()))?;
                    others.push((name.to_owned(), expression));
                }
                Path::Other(expression) => others.push((name.to_owned(), *expression)),
            }
        }
        Ok(Json {
            source: Source::new(source),
            chains,
            others,
            keys,
            drop_malformed,
            key: Vec::new(),
            taken: Vec::new(),
        })
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        if self.scan(text).is_none() {
            return match self.drop_malformed {
                true => cx.drop_uncounted(),
                false => Flow::Pass,
            };
        }
        for chain in &self.chains {
            extract(text, &chain.name, chain.found, &mut entry.extracted);
        }
        if !self.others.is_empty() {
            self.interpret(text, &mut entry.extracted);
        }
        for (key, place) in self.taken.drain(..) {
            extract(text, &key, place, &mut entry.extracted);
        }
        Flow::Pass
    }

    /// Finds all places; None if the text is not one JSON object. Compat: null is an empty one.
    fn scan(&mut self, text: &str) -> Option<()> {
        self.taken.clear();
        for chain in &mut self.chains {
            chain.found = Place::Null;
        }
        let mut scanner = Scanner::new(text.as_bytes());
        match scanner.value()? {
            Token::Null => {}
            Token::Object => {
                let all = u64::MAX >> (CHAINS_MAX - self.chains.len().max(1));
                let wanted = if self.chains.is_empty() { 0 } else { all };
                self.object(text, &mut scanner, wanted, 0)?;
            }
            _ => return None,
        }
        scanner.end()
    }

    /// An object into which the chains of `wanted` lead with their first `depth` names. The depth
    /// is bounded by the longest chain.
    fn object(
        &mut self,
        text: &str,
        scanner: &mut Scanner<'_>,
        wanted: u64,
        depth: usize,
    ) -> Option<()> {
        let mut key = scanner.first_key()?;
        while let Some(token) = key {
            let leading = self.leading(text, token, wanted, depth)?;
            let by_pattern = depth == 0 && self.keys.is_some() && self.matches_key(text, token)?;
            if leading == 0 && !by_pattern {
                scanner.skip_value()?;
            } else {
                let place = self.value(text, scanner, leading, depth)?;
                if by_pattern {
                    let key = self.key_text(text, token)?.to_owned();
                    self.taken.retain(|(other, _)| *other != key);
                    self.taken.push((key, place));
                }
            }
            key = scanner.next_key()?;
        }
        Some(())
    }

    /// The chains of `wanted` whose next name is this key.
    #[inline]
    fn leading(&mut self, text: &str, key: Token, wanted: u64, depth: usize) -> Option<u64> {
        if wanted == 0 {
            return Some(0);
        }
        let mut own = std::mem::take(&mut self.key);
        let bytes = key_bytes(text, key, &mut own)?;
        let mut leading = 0;
        let mut rest = wanted;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if self.chains[index].names[depth].as_bytes() == bytes {
                leading |= 1 << index;
            }
        }
        self.key = own;
        Some(leading)
    }

    /// The value of a key that chains lead to. Of a key that is there twice the last value counts.
    fn value(
        &mut self,
        text: &str,
        scanner: &mut Scanner<'_>,
        leading: u64,
        depth: usize,
    ) -> Option<Place> {
        let start = scanner.skip_blank();
        let token = scanner.value()?;
        let mut further = 0;
        let mut rest = leading;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            self.chains[index].found = Place::Null;
            if self.chains[index].names.len() > depth + 1 {
                further |= 1 << index;
            }
        }
        let place = match token {
            Token::Object if further != 0 => {
                self.object(text, scanner, further, depth + 1)?;
                Place::Inner {
                    start,
                    end: scanner.at(),
                }
            }
            Token::Array | Token::Object => {
                scanner.skip_inner(token)?;
                Place::Inner {
                    start,
                    end: scanner.at(),
                }
            }
            plain => Place::Plain(plain),
        };
        let mut rest = leading & !further;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            self.chains[index].found = place;
        }
        Some(place)
    }

    fn key_text<'a>(&'a mut self, text: &'a str, key: Token) -> Option<&'a str> {
        std::str::from_utf8(key_bytes(text, key, &mut self.key)?).ok()
    }

    fn matches_key(&mut self, text: &str, key: Token) -> Option<bool> {
        let mut own = std::mem::take(&mut self.key);
        let name = std::str::from_utf8(key_bytes(text, key, &mut own)?).ok()?;
        let matches = self.keys.as_ref().is_some_and(|keys| keys.is_match(name));
        self.key = own;
        Some(matches)
    }

    fn interpret(&self, text: &str, extracted: &mut Extracted) {
        let Some(document) = jmes::document(text) else {
            return;
        };
        for (name, expression) in &self.others {
            // Compat: an expression that fails leaves the value as it is.
            match jmes::search(expression, &document) {
                None => {}
                Some(Found::Null) => extracted.set(name, Value::Opaque),
                Some(Found::Bool(value)) => extracted.set(name, Value::Bool(value)),
                Some(Found::Number(value)) => extracted.set(name, Value::Float(value)),
                Some(Found::Text(text) | Found::Inner(text)) => extracted.set_text(name, &text),
            }
        }
    }
}

#[inline]
fn key_bytes<'a>(text: &'a str, key: Token, own: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let Token::Text { start, end, plain } = key else {
        return None;
    };
    let raw = &text.as_bytes()[start..end];
    if plain {
        return Some(raw);
    }
    own.clear();
    unescape(raw, own)?;
    Some(own)
}

fn extract(text: &str, name: &str, place: Place, extracted: &mut Extracted) {
    match place {
        Place::Null | Place::Plain(Token::Null | Token::Array | Token::Object) => {
            extracted.set(name, Value::Opaque);
        }
        Place::Plain(Token::Bool(value)) => extracted.set(name, Value::Bool(value)),
        Place::Plain(Token::Number { start, end }) => {
            let value = text[start..end].parse().unwrap_or(f64::NAN);
            extracted.set(name, Value::Float(value));
        }
        Place::Plain(Token::Text {
            start,
            end,
            plain: true,
        }) => {
            extracted.set_text(name, &text[start..end]);
        }
        Place::Plain(Token::Text { start, end, .. }) => {
            let mut own = Vec::new();
            let _checked_when_scanned = unescape(&text.as_bytes()[start..end], &mut own);
            extracted.set_text(name, &String::from_utf8_lossy(&own));
        }
        Place::Inner { start, end } => {
            let inner = &text[start..end];
            extracted.write_text(name, |out| match serde_json::from_str(inner) {
                Ok(value) => go_json::write(&value, out),
                // Deeper than that parser goes: as it was written.
                Err(_) => out.push_str(inner),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, after, extracted};

    fn check(expressions: &[(&str, &str)], line: &str, expected: &[&str]) {
        let stage = Json::new(None, expressions.iter().copied(), None, false);
        let entry = after(stage.expect("expressions"), line);
        assert_eq!(extracted(&entry), expected, "{line}");
    }

    #[test]
    fn names_lead_into_objects() {
        let expressions = [
            ("level", ""),
            ("deep", "a.b.c"),
            ("whole", "a"),
            ("odd", "\"x y\""),
        ];
        check(
            &expressions,
            r#"{"level":"in\nfo","a":{"z":[1],"b":{"c":"deep"}},"x y":1}"#,
            &[
                "level=in\nfo",
                "deep=deep",
                r#"whole={"z":[1],"b":{"c":"deep"}}"#,
                "odd=1",
            ],
        );
        let nothing = ["level=?", "deep=?", "whole=?", "odd=?"];
        check(&expressions, "{}", &nothing);
        check(&expressions, "null", &nothing);
        check(
            &expressions,
            r#"{"a":5,"level":null}"#,
            &["level=?", "deep=?", "whole=5", "odd=?"],
        );
    }

    #[test]
    fn values_keep_their_type() {
        let line = r#"{"n":12,"f":1.50,"big":1e21,"neg":-0.0,"t":true,"o":{"a": [1, "<"]}}"#;
        check(
            &[
                ("n", ""),
                ("f", ""),
                ("big", ""),
                ("neg", ""),
                ("t", ""),
                ("o", ""),
            ],
            line,
            &[
                "n=12",
                "f=1.5",
                "big=1000000000000000000000",
                "neg=-0",
                "t=true",
                r#"o={"a":[1,"\u003c"]}"#,
            ],
        );
    }

    #[test]
    fn of_a_key_that_is_there_twice_the_last_value_counts() {
        check(&[("a", "a.b")], r#"{"a":{"b":1},"a":{"c":2}}"#, &["a=?"]);
        check(&[("a", "")], r#"{"a":1,"\u0061":2}"#, &["a=2"]);
    }

    #[test]
    fn expressions_that_are_more_than_names_are_interpreted() {
        let line = r#"{"a":[{"n":1},{"n":2}],"b":"x"}"#;
        check(
            &[("n", "a[1].n"), ("all", "a[*].n"), ("l", "length(a)")],
            line,
            &["n=2", "all=[1,2]", "l=2"],
        );
    }

    #[test]
    fn lines_that_are_no_object_pass_or_are_dropped() {
        for line in [
            "x",
            "",
            "[1]",
            "1",
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":01}"#,
        ] {
            check(&[("a", "")], line, &[]);
            let mut rig = Rig::of(Json::new(None, [("a", "")], None, true).expect("a stage"));
            rig.line(line).line("{}");
            assert_eq!(rig.lines(), ["{}"], "{line}");
            assert_eq!(rig.counters().dropped, []);
        }
    }

    #[test]
    fn keys_may_be_taken_by_a_pattern() {
        let keys = GoRegex::new("^t").expect("a pattern");
        let stage = Json::new(None, [("a", "")], Some(keys), false).expect("a stage");
        let entry = after(stage, r#"{"t1":1,"x":{"t9":1},"t2":[true],"a":"q","t1":3}"#);
        assert_eq!(extracted(&entry), ["a=q", "t2=[true]", "t1=3"]);
    }

    #[test]
    fn a_value_may_be_the_source_and_be_replaced() {
        let stage = Json::new(Some("in"), [("in", "x")], None, true).expect("a stage");
        let mut rig = Rig::of(stage);
        rig.entry(|entry| entry.extracted.set_text("in", r#"{"x":7}"#))
            .line("no source");
        assert_eq!(extracted(&rig.out[0]), ["in=7"]);
        assert_eq!(rig.out.len(), 2);
    }
}
