//! `stage.decolorize`: removes the escape sequences of terminals from the line.

use super::Entry;
use super::program::{Cx, Flow};

/// `stage.decolorize`.
#[derive(Debug, Default)]
pub struct Decolorize {
    clean: Vec<u8>,
}

const ESCAPE: u8 = 0x1b;

impl Decolorize {
    pub(super) fn process(&mut self, entry: &mut Entry, _: &mut Cx<'_>) -> Flow {
        // U+009B is the two bytes C2 9B.
        if memchr::memchr2(ESCAPE, 0xc2, &entry.line).is_none() {
            return Flow::Pass;
        }
        self.clean.clear();
        let mut rest = &entry.line[..];
        while !rest.is_empty() {
            match sequence(rest) {
                Some(length) => rest = &rest[length..],
                None => {
                    self.clean.push(rest[0]);
                    rest = &rest[1..];
                }
            }
        }
        std::mem::swap(&mut entry.line, &mut self.clean);
        Flow::Pass
    }
}

/// The length of the sequence at the start of `text`, by the rules of the pattern that Alloy uses:
///
/// ```text
/// introducer [[\]()#;?]*  then  ([a-zA-Z0-9]*(;[a-zA-Z0-9]*)*)? BEL
///                         or    ([0-9]{1,4}(;[0-9]{0,4})*)? [0-9A-PRZcf-ntqry=><~]
/// ```
///
/// Leftmost first: of the prefix as much as possible, the title before the command.
fn sequence(text: &[u8]) -> Option<usize> {
    let introducer = match text {
        [ESCAPE, ..] => 1,
        [0xc2, 0x9b, ..] => 2,
        _ => return None,
    };
    let prefix = |byte: &u8| b"[]()#;?".contains(byte);
    let longest = text[introducer..].iter().take_while(|b| prefix(b)).count();
    (introducer..=introducer + longest)
        .rev()
        .find_map(|at| title(text, at).or_else(|| command(text, at)))
}

fn title(text: &[u8], at: usize) -> Option<usize> {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b';';
    let end = at + text[at..].iter().take_while(|byte| letter(byte)).count();
    // A title that begins with a semicolon would need the empty first part, which is allowed.
    (text.get(end) == Some(&0x07)).then_some(end + 1)
}

fn command(text: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize, most: usize| {
        let digit = |byte: &&u8| byte.is_ascii_digit();
        text[at..].iter().take(most).take_while(digit).count()
    };
    let last = |at: usize| {
        let byte = *text.get(at)?;
        let known = byte.is_ascii_digit()
            || matches!(byte, b'A'..=b'P' | b'R' | b'Z' | b'c' | b'f'..=b'n')
            || matches!(byte, b't' | b'q' | b'r' | b'y' | b'=' | b'>' | b'<' | b'~');
        known.then_some(at + 1)
    };
    let first = digits(at, 4);
    for taken in (1..=first).rev() {
        if let Some(end) = parameters(text, at + taken, &digits, &last) {
            return Some(end);
        }
    }
    last(at)
}

/// `(;[0-9]{0,4})*` as often as possible, then the last byte of a command.
fn parameters(
    text: &[u8],
    at: usize,
    digits: &impl Fn(usize, usize) -> usize,
    last: &impl Fn(usize) -> Option<usize>,
) -> Option<usize> {
    // The places where a parameter may end; going back from the last one is what a regular
    // expression would do. Only the digits of a parameter can also be the last byte.
    let mut at = at;
    let mut found = last(at);
    while text.get(at) == Some(&b';') {
        let count = digits(at + 1, 4);
        for taken in 0..=count {
            if let Some(end) = last(at + 1 + taken) {
                found = Some(end);
            }
        }
        at += 1 + count;
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::stages::tests::line_after;

    use super::*;

    #[test]
    fn sequences_of_terminals_go_and_all_else_stays() {
        for (line, clean) in [
            (
                "\x1b[31mred\x1b[0m plain \x1b[1;32;40mx\x1b[m",
                "red plain x",
            ),
            ("\x1b[2Kline\x1b]0;title\x07end", "lineend"),
            ("none", "none"),
            ("\u{9b}31mred", "red"),
            ("é stays", "é stays"),
            ("\x1b", "\x1b"),
            ("\x1b[", "\x1b["),
            ("\x1b[38;5;200mx", "x"),
            ("\x1b[12345", ""),
            ("\x1b[;mx", "x"),
            ("\x1b\x1b[1mx", "\x1bx"),
        ] {
            assert_eq!(line_after(Decolorize::default(), line), clean, "{line:?}");
        }
    }
}
