//! JMESPath expressions: chains of names are followed by the scanner, all else by the interpreter.

use jmespath::{Expression, Variable};

use super::go_json;

/// An expression.
#[derive(Debug)]
pub(super) enum Path {
    /// `a.b."c d"`.
    Names(Vec<String>),
    Other(Box<Expression<'static>>),
}

/// What an expression found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A list or object, as JSON.
    Inner(String),
}

impl Path {
    pub fn parse(text: &str) -> Result<Path, String> {
        if let Some(names) = names(text) {
            return Ok(Path::Names(names));
        }
        // The library's message goes on with a drawing of the expression.
        let reason = |error: jmespath::JmespathError| {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().to_owned()
        };
        let expression = jmespath::compile(text).map_err(reason)?;
        Ok(Path::Other(Box::new(expression)))
    }
}

/// What an expression finds in a document; None if it fails on it.
pub(super) fn search(expression: &Expression<'_>, document: &jmespath::Rcvar) -> Option<Found> {
    let found = expression.search(document.clone()).ok()?;
    Some(match &*found {
        Variable::Null | Variable::Expref(_) => Found::Null,
        Variable::Bool(value) => Found::Bool(*value),
        Variable::Number(number) => Found::Number(number.as_f64()?),
        Variable::String(text) => Found::Text(text.clone()),
        Variable::Array(_) | Variable::Object(_) => {
            let mut text = String::new();
            go_json::write(&serde_json::to_value(&*found).ok()?, &mut text);
            Found::Inner(text)
        }
    })
}

/// A document for `search`.
pub(super) fn document(text: &str) -> Option<jmespath::Rcvar> {
    Variable::from_json(text).ok().map(jmespath::Rcvar::new)
}

/// The names of an expression that is nothing but a chain of names.
fn names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', '\n', '\r']);
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find(['"', '\\'])?;
            if quoted.as_bytes()[end] == b'\\' {
                return None;
            }
            names.push(quoted[..end].to_owned());
            rest = &quoted[end + 1..];
        } else {
            let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
                return None;
            }
            names.push(name.to_owned());
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_names_need_no_interpreter() {
        let is_names = |text: &str| match Path::parse(text).expect("an expression") {
            Path::Names(names) => Some(names.join("/")),
            Path::Other(_) => None,
        };
        assert_eq!(is_names("a.b_1.\"c d\"").as_deref(), Some("a/b_1/c d"));
        for text in [
            "a[0]",
            "a.*",
            "length(a)",
            "a || b",
            "\"a\\n\"",
            "@",
            "a .b",
        ] {
            assert_eq!(is_names(text), None, "{text}");
        }
        for text in ["a.", ".a", "a b", "\"a", "1a", "a-b", ""] {
            assert!(Path::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_interpreter_finds_values() {
        let document = document(r#"{"a":[{"n":1,"s":"x"},{"n":2.5}],"t":true}"#).expect("JSON");
        let found = |text: &str| match Path::parse(text).expect("an expression") {
            Path::Other(expression) => search(&expression, &document),
            Path::Names(_) => panic!("{text} is a chain of names"),
        };
        assert_eq!(found("a[1].n"), Some(Found::Number(2.5)));
        assert_eq!(found("a[?s=='x'].n | [0]"), Some(Found::Number(1.0)));
        assert_eq!(found("a[*].n"), Some(Found::Inner("[1,2.5]".to_owned())));
        assert_eq!(found("a[7]"), Some(Found::Null));
        assert_eq!(found("t && 'y'"), Some(Found::Text("y".to_owned())));
        assert_eq!(found("length(t)"), None);
    }
}
