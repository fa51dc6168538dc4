//! Replacement texts of Go's `Regexp.Expand`: `$1`, `$name`, `${name}`, `$$`.

use super::GoRegex;

/// A replacement, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
    /// Groups of one name, of which the first that took part counts. None of them: nothing.
    Named(Vec<usize>),
}

impl Template {
    /// Every text is a template: a dollar sign without a name stands for itself.
    #[must_use]
    pub fn new(text: &str, regex: &GoRegex) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            push_text(&mut pieces, before);
            if let Some(after) = after.strip_prefix('$') {
                push_text(&mut pieces, "$");
                rest = after;
            } else if let Some((name, after)) = split_name(after) {
                pieces.push(group(name, regex.names()));
                rest = after;
            } else {
                push_text(&mut pieces, "$");
                rest = after;
            }
        }
        push_text(&mut pieces, rest);
        Template { pieces }
    }

    /// Appends the template with groups filled in.
    pub fn expand(&self, captures: &regex::Captures<'_>, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => {
                    out.push_str(captures.get(*group).map_or("", |group| group.as_str()));
                }
                Piece::Named(groups) => {
                    let found = groups.iter().find_map(|group| captures.get(*group));
                    out.push_str(found.map_or("", |group| group.as_str()));
                }
            }
        }
    }

    /// The text, if it has no groups in it.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// The name at the start of a text, braces off, and what follows. The longest possible one: `$1x`
/// is the group `1x`.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let name_text = inner.unwrap_or(text);
    let name = |c: char| c.is_alphabetic() || is_digit(c) || c == '_';
    let end = name_text.find(|c| !name(c)).unwrap_or(name_text.len());
    let (name, rest) = name_text.split_at(end);
    if name.is_empty() {
        return None;
    }
    match inner {
        Some(_) => rest.strip_prefix('}').map(|rest| (name, rest)),
        None => Some((name, rest)),
    }
}

/// Go's IsDigit (decimal digits of any script) as far as names can hold them.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}

fn group(name: &str, names: &[String]) -> Piece {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    if name.bytes().all(|byte| byte.is_ascii_digit()) && !leading_zero && name.len() <= 9 {
        return Piece::Group(name.parse().expect("up to nine digits"));
    }
    let groups = names.iter().enumerate().filter(|(_, other)| *other == name);
    Piece::Named(groups.map(|(index, _)| index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, template: &str, expected: &str) {
        let regex = GoRegex::new(pattern).expect("a pattern");
        let captures = regex.captures(text).expect("a match");
        let mut out = String::new();
        Template::new(template, &regex).expand(&captures, &mut out);
        assert_eq!(out, expected, "{template}");
    }

    #[test]
    fn groups_are_filled_in_as_in_go() {
        let pattern = "(?P<host>[^:]+):(\\d+)(x)?";
        for (template, expected) in [
            ("$1", "web"),
            ("${1}", "web"),
            ("$host-$2", "web-80"),
            ("${host}x", "webx"),
            ("$1x", ""),
            ("$0", "web:80"),
            ("$00", ""),
            ("$3|$4|$nope", "||"),
            ("a$$1", "a$1"),
            ("$", "$"),
            ("$ $-", "$ $-"),
            ("${1", "${1"),
            ("${}", "${}"),
            ("", ""),
            ("plain", "plain"),
        ] {
            check(pattern, "web:80", template, expected);
        }
    }

    #[test]
    fn fixed_templates_are_recognised() {
        let regex = GoRegex::new("(a)").expect("a pattern");
        assert_eq!(Template::new("x$$y", &regex).fixed(), Some("x$y"));
        assert_eq!(Template::new("", &regex).fixed(), Some(""));
        assert_eq!(Template::new("x$1", &regex).fixed(), None);
    }
}
