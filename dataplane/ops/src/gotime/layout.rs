//! A layout taken apart: the reference time spelled in it says what stands where.

/// A layout.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) parts: Vec<Part>,
}

/// A piece of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// `2006`.
    LongYear,
    /// `06`.
    Year,
    /// `January`.
    LongMonth,
    /// `Jan`.
    Month,
    /// `1`, `01`.
    NumMonth {
        zero: bool,
    },
    /// `Monday`.
    LongWeekday,
    /// `Mon`.
    Weekday,
    /// `2`, `_2`, `02`.
    Day(Pad),
    /// `__2`, `002`.
    YearDay(Pad),
    /// `15`.
    Hour,
    /// `3`, `03`.
    Hour12 {
        zero: bool,
    },
    /// `4`, `04`.
    Minute {
        zero: bool,
    },
    /// `5`, `05`.
    Second {
        zero: bool,
    },
    /// `PM`, `pm`.
    Half {
        upper: bool,
    },
    /// `MST`.
    ZoneName,
    /// `-0700` and its like.
    Offset(Offset),
    /// `.000`, `,999`.
    Fraction {
        digits: usize,
        exact: bool,
        comma: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for UTC.
    pub z: bool,
    pub colon: bool,
    /// Hours only, minutes, or seconds too: 1 to 3.
    pub fields: usize,
}

/// What begins with a given character, longest first where one begins another.
const WORDS: [(&str, Part); 19] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("01", Part::NumMonth { zero: true }),
    ("002", Part::YearDay(Pad::Zero)),
    ("02", Part::Day(Pad::Zero)),
    ("03", Part::Hour12 { zero: true }),
    ("04", Part::Minute { zero: true }),
    ("05", Part::Second { zero: true }),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth { zero: false }),
    ("2006", Part::LongYear),
    ("2", Part::Day(Pad::None)),
    ("3", Part::Hour12 { zero: false }),
    ("4", Part::Minute { zero: false }),
    ("5", Part::Second { zero: false }),
    ("PM", Part::Half { upper: true }),
    ("pm", Part::Half { upper: false }),
];

impl Layout {
    /// Every text is a layout.
    #[must_use]
    pub fn new(layout: &str) -> Layout {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = layout;
        while let Some(c) = rest.chars().next() {
            let (length, part) = match part(rest) {
                Some(found) => found,
                None => {
                    literal.push(c);
                    rest = &rest[c.len_utf8()..];
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = &rest[length..];
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Layout { parts }
    }
}

fn part(text: &str) -> Option<(usize, Part)> {
    match text.as_bytes()[0] {
        b'_' => {
            // `_2006` is an underscore and a year.
            return match text {
                _ if text.starts_with("_2006") => None,
                _ if text.starts_with("_2") => Some((2, Part::Day(Pad::Space))),
                _ if text.starts_with("__2") => Some((3, Part::YearDay(Pad::Space))),
                _ => None,
            };
        }
        b'-' | b'Z' => return offset(text),
        b'.' | b',' => return fraction(text),
        _ => {}
    }
    let word = WORDS.iter().find(|(word, _)| text.starts_with(word));
    if let Some((word, part)) = word {
        return Some((word.len(), part.clone()));
    }
    // `Jan` and `Mon`, unless they begin another word.
    let short = [("Jan", Part::Month), ("Mon", Part::Weekday)];
    let (_, part) = short.into_iter().find(|(word, _)| text.starts_with(word))?;
    let more = text.as_bytes().get(3).is_some_and(u8::is_ascii_lowercase);
    (!more).then_some((3, part))
}

fn offset(text: &str) -> Option<(usize, Part)> {
    let z = text.starts_with('Z');
    let shapes = [
        ("070000", false, 3),
        ("07:00:00", true, 3),
        ("0700", false, 2),
        ("07:00", true, 2),
        ("07", false, 1),
    ];
    let (shape, colon, fields) = shapes
        .into_iter()
        .find(|(shape, _, _)| text[1..].starts_with(shape))?;
    Some((1 + shape.len(), Part::Offset(Offset { z, colon, fields })))
}

fn fraction(text: &str) -> Option<(usize, Part)> {
    let bytes = text.as_bytes();
    let digit = *bytes.get(1).filter(|byte| matches!(byte, b'0' | b'9'))?;
    let digits = bytes[1..].iter().take_while(|byte| **byte == digit).count();
    if bytes.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let part = Part::Fraction {
        digits,
        exact: digit == b'0',
        comma: bytes[0] == b',',
    };
    Some((1 + digits, part))
}
