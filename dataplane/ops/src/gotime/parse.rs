//! Reads a time by a layout, as Go's `time.Parse` does.

use super::calendar::{MONTHS, WEEKDAYS, Zone, days, days_in};
use super::layout::{Layout, Offset, Pad, Part};

/// A time as it was written: a date and a time of day somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    second_of_day: i64,
    nanosecond: i64,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Nothing says where.
    Unknown,
    /// Seconds east of UTC.
    Offset(i64),
    Abbreviation(String),
}

/// What the parts have given so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    /// Whether it is the afternoon.
    half: Option<bool>,
    place: Option<Place>,
}

impl Layout {
    /// The time; None if the text does not follow the layout.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<Parsed> {
        let mut fields = Fields::default();
        let mut rest = text.as_bytes();
        for (index, part) in self.parts.iter().enumerate() {
            let next = self.parts.get(index + 1);
            rest = fields.read(part, next, rest)?;
        }
        rest.is_empty().then_some(())?;
        fields.finish()
    }
}

impl Fields {
    fn read<'a>(&mut self, part: &Part, next: Option<&Part>, text: &'a [u8]) -> Option<&'a [u8]> {
        match part {
            Part::Literal(literal) => skip(text, literal.as_bytes()),
            Part::LongYear => {
                let digits = text.get(..4)?;
                self.year = whole(digits)?;
                Some(&text[4..])
            }
            Part::Year => {
                let year = whole(text.get(..2)?)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                Some(&text[2..])
            }
            Part::LongMonth => self.month_name(text, None),
            Part::Month => self.month_name(text, Some(3)),
            Part::LongWeekday => name(text, &WEEKDAYS, None).map(|(_, rest)| rest),
            Part::Weekday => name(text, &WEEKDAYS, Some(3)).map(|(_, rest)| rest),
            Part::NumMonth { zero } => {
                let (month, rest) = number(text, *zero)?;
                self.month = Some(month);
                (1..=12).contains(&month).then_some(rest)
            }
            Part::Day(pad) => {
                let text = match (pad, text) {
                    (Pad::Space, [b' ', rest @ ..]) => rest,
                    _ => text,
                };
                let (day, rest) = number(text, *pad == Pad::Zero)?;
                self.day = Some(day);
                Some(rest)
            }
            Part::YearDay(pad) => self.year_day(*pad, text),
            Part::Hour => {
                let (hour, rest) = number(text, false)?;
                self.hour = hour;
                (hour < 24).then_some(rest)
            }
            Part::Hour12 { zero } => {
                let (hour, rest) = number(text, *zero)?;
                self.hour = hour;
                (hour <= 12).then_some(rest)
            }
            Part::Minute { zero } => {
                let (minute, rest) = number(text, *zero)?;
                self.minute = minute;
                (minute < 60).then_some(rest)
            }
            Part::Second { zero } => self.second(*zero, next, text),
            Part::Half { upper } => self.half(*upper, text),
            Part::ZoneName => self.zone_name(text),
            Part::Offset(offset) => self.offset(*offset, text),
            Part::Fraction {
                digits,
                exact: true,
                ..
            } => self
                .fraction(text, *digits)
                .filter(|_| text.len() > *digits),
            Part::Fraction { .. } => match text {
                [b'.' | b',', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                    self.fraction(text, leading_digits(digits))
                }
                _ => Some(text),
            },
        }
    }

    fn month_name<'a>(&mut self, text: &'a [u8], short: Option<usize>) -> Option<&'a [u8]> {
        let (index, rest) = name(text, &MONTHS, short)?;
        self.month = Some(index + 1);
        Some(rest)
    }

    fn half<'a>(&mut self, upper: bool, text: &'a [u8]) -> Option<&'a [u8]> {
        self.half = match (upper, text.get(..2)?) {
            (true, b"PM") | (false, b"pm") => Some(true),
            (true, b"AM") | (false, b"am") => Some(false),
            _ => return None,
        };
        Some(&text[2..])
    }

    fn year_day<'a>(&mut self, pad: Pad, mut text: &'a [u8]) -> Option<&'a [u8]> {
        for _ in 0..2 {
            if let (Pad::Space, [b' ', rest @ ..]) = (pad, text) {
                text = rest;
            }
        }
        let digits = leading_digits(text).min(3);
        if digits == 0 || (pad == Pad::Zero && digits != 3) {
            return None;
        }
        self.year_day = Some(whole(&text[..digits])?);
        Some(&text[digits..])
    }

    /// Seconds. A fraction may follow even where the layout has none.
    fn second<'a>(&mut self, zero: bool, next: Option<&Part>, text: &'a [u8]) -> Option<&'a [u8]> {
        let (second, rest) = number(text, zero)?;
        self.second = second;
        (second < 60).then_some(())?;
        match rest {
            _ if matches!(next, Some(Part::Fraction { .. })) => Some(rest),
            [b'.' | b',', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
                self.fraction(rest, leading_digits(digits))
            }
            _ => Some(rest),
        }
    }

    /// A point or comma and so many digits, of which nine count.
    fn fraction<'a>(&mut self, text: &'a [u8], digits: usize) -> Option<&'a [u8]> {
        let [b'.' | b',', rest @ ..] = text else {
            return None;
        };
        let counted = rest.get(..digits.min(9))?;
        self.nanosecond = whole(counted)? * 10_i64.pow(9 - counted.len() as u32);
        rest.get(digits..)
    }

    fn offset<'a>(&mut self, offset: Offset, text: &'a [u8]) -> Option<&'a [u8]> {
        if let (true, [b'Z', rest @ ..]) = (offset.z, text) {
            self.place = Some(Place::Offset(0));
            return Some(rest);
        }
        let negative = match text.first()? {
            b'+' => false,
            b'-' => true,
            _ => return None,
        };
        let mut rest = &text[1..];
        let mut seconds = 0;
        for (field, most) in [(0, 24), (1, 60), (2, 60)] {
            seconds *= 60;
            if field >= offset.fields {
                continue;
            }
            if field > 0 && offset.colon {
                rest = rest.strip_prefix(b":")?;
            }
            let (value, after) = number(rest, true)?;
            // Compat: 24 hours and 60 minutes are written by some, and taken.
            (value <= most).then_some(())?;
            seconds += value;
            rest = after;
        }
        self.place = Some(Place::Offset(if negative { -seconds } else { seconds }));
        Some(rest)
    }

    fn zone_name<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.place = Some(Place::Offset(0));
            return Some(rest);
        }
        let length = zone_length(text)?;
        let name = std::str::from_utf8(&text[..length]).ok()?;
        self.place = Some(Place::Abbreviation(name.to_owned()));
        Some(&text[length..])
    }

    fn finish(self) -> Option<Parsed> {
        let hour = match self.half {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if let Some(year_day) = self.year_day {
            let of_year = days(self.year, 1, 1) + year_day - 1;
            let (year, own_month, own_day) = super::calendar::date(of_year);
            let agrees = |own: i64, given: Option<i64>| given.is_none_or(|given| given == own);
            let valid = year == self.year && year_day >= 1;
            if !valid || !agrees(own_month, self.month) || !agrees(own_day, self.day) {
                return None;
            }
            (month, day) = (own_month, own_day);
        }
        (1..=days_in(self.year, month))
            .contains(&day)
            .then_some(())?;
        Some(Parsed {
            year: self.year,
            month,
            day,
            second_of_day: hour * 3600 + self.minute * 60 + self.second,
            nanosecond: self.nanosecond,
            place: self.place.unwrap_or(Place::Unknown),
        })
    }
}

impl Parsed {
    /// Nanoseconds since 1970, wrapping as Go's do. Where nothing was written about the place, it
    /// is `zone`.
    #[must_use]
    pub fn unix_ns(&self, zone: &Zone) -> i64 {
        let local = days(self.year, self.month, self.day) * 86_400 + self.second_of_day;
        let offset = match &self.place {
            Place::Offset(offset) => *offset,
            // Compat: an abbreviation that the zone does not know counts as UTC.
            Place::Abbreviation(name) => zone.offset_of(name, local).unwrap_or(0),
            Place::Unknown => {
                // Near a change of the clocks the first guess may be on its other side.
                let guess = zone.offset(local);
                zone.offset(local - guess)
            }
        };
        (local - offset)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(self.nanosecond)
    }
}

fn leading_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn whole(digits: &[u8]) -> Option<i64> {
    digits.iter().all(u8::is_ascii_digit).then_some(())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One or two digits; `fixed`: two.
fn number(text: &[u8], fixed: bool) -> Option<(i64, &[u8])> {
    let digits = leading_digits(text).min(2);
    if digits == 0 || (fixed && digits != 2) {
        return None;
    }
    Some((whole(&text[..digits])?, &text[digits..]))
}

/// One of the names, or of their first letters, in any case.
fn name<'a>(text: &'a [u8], names: &[&str], short: Option<usize>) -> Option<(i64, &'a [u8])> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name[..short.unwrap_or(name.len())];
        let own = text.get(..name.len())?;
        let equal = own.eq_ignore_ascii_case(name.as_bytes());
        equal.then(|| (index as i64, &text[name.len()..]))
    })
}

/// A literal; spaces stand for any number of them, and for none at the end.
fn skip<'a>(mut text: &'a [u8], mut literal: &[u8]) -> Option<&'a [u8]> {
    while let [first, rest @ ..] = literal {
        if *first == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return None;
            }
            literal = literal.trim_ascii_start_of(b' ');
            text = text.trim_ascii_start_of(b' ');
            continue;
        }
        text = text.strip_prefix(&[*first])?;
        literal = rest;
    }
    Some(text)
}

trait TrimByte {
    fn trim_ascii_start_of(&self, byte: u8) -> &Self;
}

impl TrimByte for [u8] {
    fn trim_ascii_start_of(&self, byte: u8) -> &[u8] {
        let count = self.iter().take_while(|own| **own == byte).count();
        &self[count..]
    }
}

/// How much of the text is the abbreviation of a zone.
fn zone_length(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(rest).unwrap_or(0));
    }
    if let Some(b'+' | b'-') = text.first() {
        return signed_hours(text).filter(|_| text.len() >= 3);
    }
    let upper = text
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    match upper {
        3 => Some(3),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        5 if text[4] == b'T' => Some(5),
        _ => None,
    }
}

fn signed_hours(text: &[u8]) -> Option<usize> {
    let [b'+' | b'-', rest @ ..] = text else {
        return None;
    };
    let digits = leading_digits(rest);
    let hours = whole(rest.get(..digits).filter(|digits| !digits.is_empty())?)?;
    (hours <= 23).then_some(1 + digits)
}
