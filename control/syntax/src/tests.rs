//! The crate from outside: what it reads, where it sees mistakes, what it withstands.

mod errors;
mod properties;
mod values;

use crate::{Parse, parse};

/// Parses a text that has no mistake.
fn parse_clean(text: &str) -> Parse {
    let parse = parse(0, text);
    assert_eq!(parse.diagnostics, [], "in {text:?}");
    parse
}

/// The tokens joined: what must be the text.
fn joined(parse: &Parse) -> String {
    parse.tree.tokens().map(|(_, text)| text).collect()
}
