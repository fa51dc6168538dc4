//! Layouts of times in the manner of strptime: `%Y-%m-%d`.
//!
//! Compat: the reference turns them into layouts of Go; numbers may have one digit where two are
//! written, and blanks before them.

use super::super::error::Error;
use super::zone::{at_abbreviation, at_location, zone_at};
use super::{Civil, SECOND, Time, Zone, days_in, fraction, offset_text};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A layout, taken apart once.
#[derive(Debug, Clone)]
pub(in super::super) struct Layout {
    pieces: Vec<Piece>,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    /// The letter behind the percent sign.
    Directive(char),
    /// A fraction of a second of so many digits, with the dot or comma before it.
    Fraction(char, usize),
}

impl Layout {
    pub(in super::super) fn new(text: &str) -> Result<Layout, String> {
        if text.is_empty() {
            return Err("format cannot be nil".to_owned());
        }
        if text.contains(|c: char| c.is_ascii_digit()) {
            return Err("format string should not contain decimals".to_owned());
        }
        let mut pieces = Vec::new();
        split(text, &mut pieces)?;
        Ok(Layout {
            pieces,
            text: text.to_owned(),
        })
    }

    /// Whether times without a zone are in UTC.
    pub(in super::super) fn is_zulu(&self) -> bool {
        self.text.ends_with('Z')
    }

    /// Writes a time.
    pub(in super::super) fn format(&self, time: Time) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Directive(letter) => write_directive(*letter, time, &mut out),
                Piece::Fraction(dot, digits) => {
                    let digits = fraction(time.nanos(), *digits);
                    out.push_str(&digits.replace('.', &dot.to_string()));
                }
            }
        }
        out
    }

    /// Reads a time; `now` fills in a year that is not there.
    pub(in super::super) fn parse(
        &self,
        text: &str,
        location: &jiff::tz::TimeZone,
        now: Time,
    ) -> Result<Time, Error> {
        let failed = || Error::new(format!("parsing time {text:?} as {:?} failed", self.text));
        let mut reading = Reading::default();
        let mut rest = text;
        for (index, piece) in self.pieces.iter().enumerate() {
            let fraction_follows = self.pieces[index + 1..]
                .iter()
                .find(|piece| !matches!(piece, Piece::Literal(_)))
                .is_some_and(|piece| matches!(piece, Piece::Fraction(..)));
            rest = reading
                .piece(piece, rest, fraction_follows)
                .ok_or_else(failed)?;
        }
        if !rest.is_empty() {
            return Err(Error::new(format!(
                "parsing time {text:?}: extra text: {rest:?}"
            )));
        }
        reading.time(location, now).ok_or_else(failed)
    }
}

fn split(text: &str, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let letter = match c {
            '%' => chars.next(),
            _ => None,
        };
        let Some(letter) = letter else {
            push_literal(pieces, c);
            continue;
        };
        match letter {
            'L' | 'f' | 's' => fraction_piece(letter, pieces)?,
            '%' => push_literal(pieces, '%'),
            'n' => push_literal(pieces, '\n'),
            't' => push_literal(pieces, '\t'),
            'F' => split("%Y-%m-%d", pieces)?,
            'T' | 'X' => split("%H:%M:%S", pieces)?,
            'R' => split("%H:%M", pieces)?,
            'r' => split("%I:%M:%S %P", pieces)?,
            'c' => split("%a %b %d %H:%M:%S %Y", pieces)?,
            _ if "YymoqbhBdegaAHlIpPMSZzwijkDx".contains(letter) => {
                pieces.push(Piece::Directive(letter));
            }
            _ => {
                return Err(format!(
                    "invalid strptime format: unsupported directive %{letter}"
                ));
            }
        }
    }
    Ok(())
}

fn push_literal(pieces: &mut Vec<Piece>, c: char) {
    match pieces.last_mut() {
        Some(Piece::Literal(text)) => text.push(c),
        _ => pieces.push(Piece::Literal(c.to_string())),
    }
}

fn fraction_piece(letter: char, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let digits = match letter {
        'L' => 3,
        'f' => 6,
        _ => 9,
    };
    let dot = match pieces.last_mut() {
        Some(Piece::Literal(text)) => text.pop().filter(|c| matches!(c, '.' | ',')),
        _ => None,
    };
    let dot = dot.ok_or_else(|| {
        format!(
            "invalid fractional seconds directive: '%{letter}'. must be preceded with '.' or ','"
        )
    })?;
    pieces.push(Piece::Fraction(dot, digits));
    Ok(())
}

fn write_directive(letter: char, time: Time, out: &mut String) {
    let civil = time.civil();
    let offset = time.zone().offset();
    let month = MONTHS[civil.month as usize - 1];
    let day = DAYS[time.weekday() as usize];
    let hour = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if civil.hour < 12 { "am" } else { "pm" };
    let Civil {
        year,
        month: number,
        day: date,
        ..
    } = civil;
    out.push_str(&match letter {
        'Y' => format!("{year:04}"),
        'y' => format!("{:02}", year.rem_euclid(100)),
        'm' => format!("{number:02}"),
        // Compat: Go has no layout for a padded month, the underscore stays.
        'o' => format!("_{number}"),
        'q' => format!("{number}"),
        'b' | 'h' => month[..3].to_owned(),
        'B' => month.to_owned(),
        'd' => format!("{date:02}"),
        'e' => format!("{date:2}"),
        'g' => format!("{date}"),
        'a' => day[..3].to_owned(),
        'A' => day.to_owned(),
        'H' => format!("{:02}", civil.hour),
        'l' => format!("{hour}"),
        'I' => format!("{hour:02}"),
        'p' => half.to_uppercase(),
        'P' => half.to_owned(),
        'M' => format!("{:02}", civil.minute),
        'S' => format!("{:02}", civil.second),
        'Z' => time.zone().abbreviation(),
        'z' if offset == 0 => "Z".to_owned(),
        'z' => offset_text(offset, ""),
        'i' => offset_text(offset, "")[..3].to_owned(),
        'j' => offset_text(offset, ":"),
        'k' => format!("{}:{:02}", offset_text(offset, ":"), offset.abs() % 60),
        'w' => format!("{}{:02}", offset_text(offset, ""), offset.abs() % 60),
        'D' | 'x' => format!("{number:02}/{date:02}/{year:04}"),
        _ => String::new(),
    });
}

/// What has been read of a time.
#[derive(Default)]
struct Reading {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: Option<bool>,
    offset: Option<i32>,
    zone: Option<String>,
}

impl Reading {
    fn piece<'t>(&mut self, piece: &Piece, rest: &'t str, fraction: bool) -> Option<&'t str> {
        match piece {
            Piece::Literal(text) => skip(text, rest),
            Piece::Directive(letter) => {
                let rest = self.directive(*letter, rest)?;
                match letter {
                    'S' if !fraction => Some(self.fraction(rest)),
                    _ => Some(rest),
                }
            }
            Piece::Fraction(..) => Some(self.fraction(rest)),
        }
    }

    fn directive<'t>(&mut self, letter: char, rest: &'t str) -> Option<&'t str> {
        match letter {
            'Y' => {
                let (value, rest) = fixed(rest.trim_start(), 4)?;
                self.year = value;
                Some(rest)
            }
            'y' => {
                let (value, rest) = fixed(rest.trim_start(), 2)?;
                self.year = if value >= 69 {
                    value + 1900
                } else {
                    value + 2000
                };
                Some(rest)
            }
            'm' | 'o' | 'q' => number(rest, 1, 12, &mut self.month),
            'd' | 'e' | 'g' => number(rest, 0, 31, &mut self.day),
            'H' => plain(rest, 23, &mut self.hour),
            'l' | 'I' => plain(rest, 12, &mut self.hour),
            'M' => plain(rest, 59, &mut self.minute),
            'S' => plain(rest, 59, &mut self.second),
            'b' | 'h' => {
                let (index, rest) = name(&MONTHS, rest, 3)?;
                self.month = Some(index as u32 + 1);
                Some(rest)
            }
            'B' => {
                let (index, rest) = name(&MONTHS, rest, usize::MAX)?;
                self.month = Some(index as u32 + 1);
                Some(rest)
            }
            'a' => name(&DAYS, rest, 3).map(|(_, rest)| rest),
            'A' => name(&DAYS, rest, usize::MAX).map(|(_, rest)| rest),
            'p' | 'P' => {
                let (half, rest) = rest.split_at_checked(2)?;
                self.afternoon = Some(match (letter, half) {
                    ('p', "AM") | ('P', "am") => false,
                    ('p', "PM") | ('P', "pm") => true,
                    _ => return None,
                });
                Some(rest)
            }
            'D' | 'x' => self.american(rest),
            'Z' => self.zone_name(rest),
            _ => self.numeric_zone(letter, rest.trim_start()),
        }
    }

    /// `1/2/2006`, or `1/2/06`.
    fn american<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let rest = number(rest, 1, 12, &mut self.month)?;
        let rest = number(rest.strip_prefix('/')?, 0, 31, &mut self.day)?;
        let rest = rest.strip_prefix('/')?;
        self.directive('Y', rest)
            .or_else(|| self.directive('y', rest))
    }

    fn zone_name<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let end = rest
            .find(|c: char| !c.is_ascii_uppercase())
            .unwrap_or(rest.len());
        if !(3..=5).contains(&end) {
            return None;
        }
        let (name, rest) = rest.split_at(end);
        self.zone = Some(name.to_owned());
        Some(rest)
    }

    fn numeric_zone<'t>(&mut self, letter: char, rest: &'t str) -> Option<&'t str> {
        if letter == 'z'
            && let Some(rest) = rest.strip_prefix('Z')
        {
            self.offset = Some(0);
            return Some(rest);
        }
        let shapes: &[&str] = match letter {
            'z' => &["hhmm", "hh:mm", "hh"],
            'i' => &["hh"],
            'j' => &["hh:mm"],
            'k' => &["hh:mm:ss"],
            _ => &["hhmmss"],
        };
        let (offset, rest) = shapes.iter().find_map(|shape| zone_offset(rest, shape))?;
        self.offset = Some(offset);
        Some(rest)
    }

    /// A fraction of a second, if one stands here.
    fn fraction<'t>(&mut self, rest: &'t str) -> &'t str {
        let Some(digits) = rest.strip_prefix(['.', ',']) else {
            return rest;
        };
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        if end == 0 {
            return rest;
        }
        let (digits, rest) = digits.split_at(end);
        let nanos = format!("{:0<9}", &digits[..digits.len().min(9)]);
        self.nanos = nanos.parse().unwrap_or_default();
        rest
    }

    fn time(self, location: &jiff::tz::TimeZone, now: Time) -> Option<Time> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let month = self.month.unwrap_or(1);
        let day = self.day.unwrap_or(1);
        if day < 1 || day > days_in(month, self.year) {
            return None;
        }
        let mut civil = Civil {
            year: self.year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            nanos: self.nanos,
        };
        if civil.year > 0 {
            return self.placed(civil, location);
        }
        // A time without a year is of this year, or of the last if it would be a week ahead.
        civil.year = now.civil().year;
        let time = self.placed(civil, location)?;
        if time.instant() <= now.later(7 * 86_400 * SECOND).instant() {
            return Some(time);
        }
        civil.year -= 1;
        self.placed(civil, location)
    }

    fn placed(&self, civil: Civil, location: &jiff::tz::TimeZone) -> Option<Time> {
        let wall = Time::from_civil(civil, 0);
        if let Some(offset) = self.offset {
            let time = Time::from_civil(civil, offset);
            let local = zone_at(location, time);
            return Some(time.with_zone(match local.offset() == offset {
                true => local,
                false => Zone::new(offset, ""),
            }));
        }
        match self.zone.as_deref() {
            None => Some(at_location(location, wall)),
            Some("UTC") => Some(wall),
            Some(name) => match at_abbreviation(location, wall, name) {
                Some(time) => Some(time),
                None => {
                    let location = super::location(Some(name)).ok()?;
                    let named = at_abbreviation(&location, wall, name);
                    Some(named.unwrap_or_else(|| at_location(&location, wall)))
                }
            },
        }
    }
}

/// Literal text; blanks in a layout stand for one or more.
fn skip<'t>(text: &str, mut rest: &'t str) -> Option<&'t str> {
    let mut text = text;
    while let Some(c) = text.chars().next() {
        if c == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return None;
            }
            text = text.trim_start_matches(' ');
            rest = rest.trim_start_matches(' ');
            continue;
        }
        rest = rest.strip_prefix(c)?;
        text = &text[c.len_utf8()..];
    }
    Some(rest)
}

fn fixed(rest: &str, digits: usize) -> Option<(i64, &str)> {
    let (value, rest) = rest.split_at_checked(digits)?;
    let valid = value.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| value.parse().ok().map(|value| (value, rest)))?
}

fn plain<'t>(rest: &'t str, max: u32, into: &mut u32) -> Option<&'t str> {
    let mut value = None;
    let rest = number(rest, 0, max, &mut value)?;
    *into = value?;
    Some(rest)
}

/// One digit or two, after blanks.
fn number<'t>(rest: &'t str, min: u32, max: u32, into: &mut Option<u32>) -> Option<&'t str> {
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len())
        .min(2);
    let value = rest[..end].parse().ok()?;
    *into = Some(value);
    (min..=max).contains(&value).then_some(&rest[end..])
}

fn name<'t>(names: &[&str], rest: &'t str, length: usize) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name[..name.len().min(length)];
        let (start, rest) = rest.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((index, rest))
    })
}

fn zone_offset<'t>(rest: &'t str, shape: &str) -> Option<(i32, &'t str)> {
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (text, after) = rest[1..].split_at_checked(shape.len())?;
    let mut parts = [0; 3];
    let mut digits = 0;
    for (found, wanted) in text.bytes().zip(shape.bytes()) {
        if wanted == b':' {
            (found == b':').then_some(())?;
            continue;
        }
        let digit = char::from(found).to_digit(10)? as i32;
        parts[digits / 2] = parts[digits / 2] * 10 + digit;
        digits += 1;
    }
    let [hours, minutes, seconds] = parts;
    let valid = hours <= 24 && minutes < 60 && seconds < 60;
    valid.then_some((sign * (hours * 3600 + minutes * 60 + seconds), after))
}
