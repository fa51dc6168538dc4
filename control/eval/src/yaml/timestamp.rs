//! Dates and times as YAML has them, in the form in which Go writes a time.

/// `2001-12-14`, `2001-12-14 21:59:43.1` or `2001-12-14T21:59:43.1+02:00`, with days and hours of
/// one or two digits, as RFC 3339. None for anything else, also for a day that there is not.
pub(super) fn parse(text: &str) -> Option<String> {
    let mut cursor = Cursor { rest: text };
    let year = cursor.number(4, 4)?;
    cursor.skip("-")?;
    let month = cursor.number(1, 2)?;
    cursor.skip("-")?;
    let day = cursor.number(1, 2)?;
    if day < 1 || day > days(year, month)? {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if cursor.rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let zoned = !cursor.rest.starts_with(' ');
    cursor
        .skip("T")
        .or_else(|| cursor.skip("t"))
        .or_else(|| cursor.skip(" "))?;
    let time = cursor.time()?;
    let zone = if zoned {
        cursor.zone()?
    } else {
        "Z".to_owned()
    };
    cursor
        .rest
        .is_empty()
        .then(|| format!("{date}T{time}{zone}"))
}

struct Cursor<'t> {
    rest: &'t str,
}

impl Cursor<'_> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self
            .rest
            .bytes()
            .take(max)
            .take_while(u8::is_ascii_digit)
            .count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        digits.parse().ok()
    }

    /// A fraction of a second loses its trailing zeros.
    fn time(&mut self) -> Option<String> {
        let hour = self.number(1, 2)?;
        self.skip(":")?;
        let minute = self.number(1, 2)?;
        self.skip(":")?;
        let second = self.number(1, 2)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut fraction = "";
        if self.skip(".").is_some() {
            let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            (fraction, self.rest) = self.rest.split_at(count);
            fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
            if count == 0 {
                return None;
            }
        }
        let point = if fraction.is_empty() { "" } else { "." };
        Some(format!(
            "{hour:02}:{minute:02}:{second:02}{point}{fraction}"
        ))
    }

    fn zone(&mut self) -> Option<String> {
        if self.skip("Z").is_some() {
            return Some("Z".to_owned());
        }
        let sign = if self.skip("+").is_some() {
            '+'
        } else {
            self.skip("-").map(|()| '-')?
        };
        let hour = self.number(2, 2)?;
        self.skip(":")?;
        let minute = self.number(2, 2)?;
        match (hour, minute) {
            (0, 0) => Some("Z".to_owned()),
            (0..=24, 0..=59) => Some(format!("{sign}{hour:02}:{minute:02}")),
            _ => None,
        }
    }
}

fn days(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}
