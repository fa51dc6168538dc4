//! The selector of `stage.match`: label matchers of LogQL, then line filters.

use crate::regex::{Anchored, GoRegex};

use super::Entry;

/// `{name="value", ...} |= "text" ...`.
#[derive(Debug)]
pub struct Selector {
    matchers: Vec<(String, Matcher)>,
    filters: Vec<Filter>,
}

#[derive(Debug)]
enum Matcher {
    Equal(String),
    NotEqual(String),
    Matches(Anchored),
    Differs(Anchored),
}

#[derive(Debug)]
enum Filter {
    Contains(Vec<u8>),
    Lacks(Vec<u8>),
    Matches(GoRegex),
    Differs(GoRegex),
}

impl Selector {
    /// The error says where what is wrong stands.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut lexer = Lexer { text, at: 0 };
        lexer.expect(Token::Open, "\"{\"")?;
        let mut matchers = Vec::new();
        loop {
            matchers.push(matcher(&mut lexer)?);
            match lexer.next()? {
                Token::Comma => {}
                Token::Close => break,
                other => return Err(lexer.unexpected(&other, "\",\" or \"}\"")),
            }
        }
        let mut filters = Vec::new();
        loop {
            let operator = lexer.next()?;
            if operator == Token::End {
                return Ok(Selector { matchers, filters });
            }
            let known = matches!(operator, Token::Contains | Token::PipeMatch);
            if !known && !matches!(operator, Token::NotEqual | Token::NotMatch) {
                return Err(lexer.unexpected(&operator, "a line filter or the end"));
            }
            let text = lexer.string()?;
            let regex = |text: &str| GoRegex::new(text).map_err(|error| lexer.error(&error));
            filters.push(match operator {
                Token::Contains => Filter::Contains(text.into_bytes()),
                Token::NotEqual => Filter::Lacks(text.into_bytes()),
                Token::PipeMatch => Filter::Matches(regex(&text)?),
                _ => Filter::Differs(regex(&text)?),
            });
        }
    }

    /// A missing label has the empty value.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let label = |name: &str| entry.labels.get(name).unwrap_or_default();
        let matches = |(name, matcher): &(String, Matcher)| match matcher {
            Matcher::Equal(value) => label(name) == value,
            Matcher::NotEqual(value) => label(name) != value,
            Matcher::Matches(regex) => regex.is_match(label(name)),
            Matcher::Differs(regex) => !regex.is_match(label(name)),
        };
        self.matchers.iter().all(matches) && self.filters.iter().all(|f| f.holds(&entry.line))
    }
}

impl Filter {
    fn holds(&self, line: &[u8]) -> bool {
        let contains = |text: &[u8]| memchr::memmem::find(line, text).is_some();
        let matches = |regex: &GoRegex| match std::str::from_utf8(line) {
            Ok(line) => regex.is_match(line),
            Err(_) => regex.is_match(&String::from_utf8_lossy(line)),
        };
        match self {
            Filter::Contains(text) => contains(text),
            Filter::Lacks(text) => !contains(text),
            Filter::Matches(regex) => matches(regex),
            Filter::Differs(regex) => !matches(regex),
        }
    }
}

fn matcher(lexer: &mut Lexer<'_>) -> Result<(String, Matcher), String> {
    let name = match lexer.next()? {
        Token::Name(name) => name.to_owned(),
        other => return Err(lexer.unexpected(&other, "the name of a label")),
    };
    let operator = lexer.next()?;
    let known = matches!(operator, Token::Equal | Token::NotEqual);
    if !known && !matches!(operator, Token::Match | Token::NotMatch) {
        return Err(lexer.unexpected(&operator, "\"=\", \"!=\", \"=~\" or \"!~\""));
    }
    let value = lexer.string()?;
    let regex = |value: &str| Anchored::new(value).map_err(|error| lexer.error(&error));
    let matcher = match operator {
        Token::Equal => Matcher::Equal(value),
        Token::NotEqual => Matcher::NotEqual(value),
        Token::Match => Matcher::Matches(regex(&value)?),
        _ => Matcher::Differs(regex(&value)?),
    };
    Ok((name, matcher))
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    Comma,
    Equal,
    NotEqual,
    Match,
    NotMatch,
    Contains,
    PipeMatch,
    Name(&'a str),
    Text(String),
    Other(char),
    End,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token<'a>, String> {
        self.skip_blank()?;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        for (text, token) in [
            ("!=", Token::NotEqual),
            ("=~", Token::Match),
            ("!~", Token::NotMatch),
            ("|=", Token::Contains),
            ("|~", Token::PipeMatch),
            ("=", Token::Equal),
            ("{", Token::Open),
            ("}", Token::Close),
            (",", Token::Comma),
        ] {
            if rest.starts_with(text) {
                self.at += text.len();
                return Ok(token);
            }
        }
        let in_name = |c: char| c == '_' || c.is_alphanumeric();
        if in_name(first) {
            let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            self.at += end;
            return Ok(Token::Name(&rest[..end]));
        }
        if first == '"' {
            return self.quoted().map(Token::Text);
        }
        self.at += first.len_utf8();
        Ok(Token::Other(first))
    }

    /// Compat: comments as in Go are skipped, since Alloy reads selectors with Go's scanner.
    fn skip_blank(&mut self) -> Result<(), String> {
        loop {
            let rest = &self.text[self.at..];
            let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - text.len();
            if text.starts_with("//") {
                self.at += text.find('\n').unwrap_or(text.len());
            } else if let Some(comment) = text.strip_prefix("/*") {
                let end = comment.find("*/");
                let end = end.ok_or_else(|| self.error("comment not terminated"))?;
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at + 1..];
        let mut escaped = false;
        for (index, c) in rest.char_indices() {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let value = crate::template::unquote(&rest[..index]);
                    self.at += index + 2;
                    return value.ok_or_else(|| self.error("invalid escape in a text"));
                }
                _ => {}
            }
        }
        Err(self.error("text not terminated"))
    }

    fn string(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Text(text) => Ok(text),
            other => Err(self.unexpected(&other, "a text in double quotes")),
        }
    }

    fn expect(&mut self, token: Token<'_>, name: &str) -> Result<(), String> {
        match self.next()? {
            found if found == token => Ok(()),
            found => Err(self.unexpected(&found, name)),
        }
    }

    fn unexpected(&self, token: &Token<'_>, expected: &str) -> String {
        let found = match token {
            Token::End => "the end".to_owned(),
            Token::Name(name) => format!("{name:?}"),
            Token::Text(text) => format!("the text {text:?}"),
            Token::Other(c) => format!("{c:?}"),
            other => format!("{other:?}").to_lowercase(),
        };
        self.error(&format!("found {found}, expected {expected}"))
    }

    fn error(&self, message: &str) -> String {
        let column = self.text[..self.at].chars().count() + 1;
        format!("{message} (before column {column} of the selector)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)], line: &str) -> bool {
        let mut entry = Entry::default();
        entry.line.extend_from_slice(line.as_bytes());
        labels
            .iter()
            .for_each(|(name, value)| entry.labels.set(name, value));
        Selector::parse(selector)
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .matches(&entry)
    }

    #[test]
    fn all_matchers_and_filters_have_to_hold() {
        let selector = r#"{app="a", env!="dev"} |~ "err(or)?" != "ignore""#;
        assert!(matches(selector, &[("app", "a")], "an error"));
        assert!(!matches(selector, &[("app", "a")], "error ignore"));
        assert!(!matches(selector, &[("app", "a"), ("env", "dev")], "error"));
        assert!(!matches(selector, &[("app", "b")], "error"));
        assert!(!matches(selector, &[("app", "a")], "fine"));
    }

    #[test]
    fn patterns_of_labels_are_anchored_and_those_of_lines_are_not() {
        assert!(matches(r#"{app=~"x|a"}|="D"!~"q""#, &[("app", "a")], "xDx"));
        assert!(!matches(r#"{app=~"x|a"}"#, &[("app", "ab")], ""));
        assert!(
            matches(r#"{app!~".+"}"#, &[], ""),
            "a missing label is empty"
        );
        assert!(matches(r#"{a="q\"\u00e9\n"}"#, &[("a", "q\"é\n")], ""));
        assert!(matches(
            "{a=\"1\"} // why\n/* and */ |= \"x\"",
            &[("a", "1")],
            "x"
        ));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "{}",
            "{a=b}",
            "{a=\"b\",}",
            "{a=\"b\"",
            "{a=`b`}",
            "{a.b=\"c\"}",
            "a=\"b\"",
            "{a=\"b\"} | json",
            "{a=\"b\"} |> \"x\"",
            "{a=\"b\"} |= \"x\" or \"y\"",
            "{a=~\"(\"}",
            "{a=\"b\"} |~ \"(\"",
            "{a=\"\\q\"}",
            "{a=\"b",
            "{\"a\"=\"b\"}",
            "{a=\"b\"} |=",
            "{a==\"b\"}",
            "{a=\"b\"} /* x",
            "{a=\"b\nc\"}",
        ] {
            assert!(Selector::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn errors_say_where() {
        let error = Selector::parse("{a=b}").expect_err("no text");
        assert_eq!(
            error,
            "found \"b\", expected a text in double quotes (before column 5 of the selector)"
        );
    }
}
