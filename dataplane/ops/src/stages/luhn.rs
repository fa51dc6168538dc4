//! `stage.luhn`: hides numbers that pass the Luhn check, as those of cards do.

use std::ops::Range;

use crate::regex::GoRegex;

use super::program::{Cx, Flow};
use super::{Entry, Source, Value};

/// `stage.luhn`.
#[derive(Debug)]
pub struct Luhn {
    pub source: Source,
    pub replacement: String,
    pub min_length: usize,
    /// Characters that may stand between the digits of a number.
    pub delimiters: String,
    /// A number inside a match stays.
    pub skip: Option<GoRegex>,
}

impl Luhn {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        if let Source::Key(key) = &self.source {
            // Compat: a value that is no text is not looked at.
            if !matches!(entry.extracted.get(key), Some(Value::Text(_))) {
                return Flow::Pass;
            }
        }
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        // Compat: the result is the line, whatever the source.
        let hidden = self.hide(text);
        entry.line.clear();
        entry.line.extend_from_slice(hidden.as_bytes());
        Flow::Pass
    }

    fn hide(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut skipped: Option<Vec<Range<usize>>> = None;
        let mut number = Number::default();
        for (at, c) in text.char_indices() {
            if c.is_numeric() && is_digit(c) {
                number.push(at, c);
            } else if !number.digits.is_empty() && self.delimiters.contains(c) {
                number.text_end = at + c.len_utf8();
                number.delimiter = Some(c);
            } else {
                self.finish(text, &mut number, &mut skipped, &mut out);
                out.push(c);
            }
        }
        self.finish(text, &mut number, &mut skipped, &mut out);
        out
    }

    fn finish(
        &self,
        text: &str,
        number: &mut Number,
        skipped: &mut Option<Vec<Range<usize>>>,
        out: &mut String,
    ) {
        if number.digits.is_empty() {
            return;
        }
        let own = number.start..number.end;
        let hidden = number.digits.len() >= self.min_length
            && number.digits.parse().is_ok_and(is_luhn)
            && !self.is_skipped(text, &own, skipped);
        if hidden {
            out.push_str(&self.replacement);
            out.extend(number.delimiter);
        } else {
            out.push_str(&text[number.start..number.text_end]);
        }
        *number = Number::default();
    }

    fn is_skipped(
        &self,
        text: &str,
        number: &Range<usize>,
        skipped: &mut Option<Vec<Range<usize>>>,
    ) -> bool {
        let Some(skip) = &self.skip else {
            return false;
        };
        let matches = skipped.get_or_insert_with(|| skip.find_all(text).collect());
        let around = |found: &Range<usize>| found.start <= number.start && number.end <= found.end;
        matches.iter().any(around)
    }
}

/// Digits with what stands between them.
#[derive(Default)]
struct Number {
    digits: String,
    start: usize,
    /// Behind the last digit.
    end: usize,
    /// Behind the last delimiter.
    text_end: usize,
    /// The last one, if it stands behind the last digit.
    delimiter: Option<char>,
}

impl Number {
    fn push(&mut self, at: usize, digit: char) {
        if self.digits.is_empty() {
            self.start = at;
        }
        self.digits.push(digit);
        self.end = at + digit.len_utf8();
        self.text_end = self.end;
        self.delimiter = None;
    }
}

/// Compat: decimal digits of other scripts belong to a number, which then does not parse.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && !c.is_alphabetic() && c.to_digit(10).is_none())
}

fn is_luhn(number: i64) -> bool {
    let mut sum = number % 10;
    let mut rest = number / 10;
    let mut double = true;
    while rest > 0 {
        let digit = rest % 10;
        sum += match double {
            true if digit > 4 => digit * 2 - 9,
            true => digit * 2,
            false => digit,
        };
        double = !double;
        rest /= 10;
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, line_after};

    fn stage(delimiters: &str, skip: Option<&str>) -> Luhn {
        Luhn {
            source: Source::Line,
            replacement: "<CARD>".into(),
            min_length: 13,
            delimiters: delimiters.into(),
            skip: skip.map(|skip| GoRegex::new(skip).expect("a pattern")),
        }
    }

    #[test]
    fn numbers_of_cards_are_hidden() {
        let spaced = "spaced 4032 0325 1354 8443.";
        for (delimiters, line, expected) in [
            (" -", "card 4032032513548443 ok", "card <CARD> ok"),
            (" -", spaced, "spaced <CARD>."),
            ("", spaced, spaced),
            (" -", "wrong 4032032513548444", "wrong 4032032513548444"),
            (" -", "short 79927398713 - x", "short 79927398713 - x"),
            (" -", "a 4032-0325-1354-8443", "a <CARD>"),
            (
                "",
                "99999999999999999999999999",
                "99999999999999999999999999",
            ),
            ("", "é4032032513548443é", "é<CARD>é"),
        ] {
            assert_eq!(line_after(stage(delimiters, None), line), expected);
        }
    }

    #[test]
    fn numbers_inside_a_match_stay() {
        let line = "id=4032032513548443 card=4032032513548443";
        let expected = "id=4032032513548443 card=<CARD>";
        assert_eq!(line_after(stage("", Some(r"id=\d+")), line), expected);
    }

    #[test]
    fn the_result_is_the_line_even_with_a_source() {
        let source = Source::Key("card".into());
        let mut rig = Rig::of(Luhn {
            source,
            ..stage("", None)
        });
        rig.entry(|entry| {
            entry.line.extend_from_slice(b"the line");
            entry.extracted.set_text("card", "4032032513548443!");
        });
        rig.line("no source");
        assert_eq!(rig.lines(), ["<CARD>!", "no source"]);
    }
}
