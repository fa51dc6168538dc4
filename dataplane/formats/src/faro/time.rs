//! Times as Go reads and prints them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};

/// A time of RFC 3339; none is the first second of the year 1, as in Go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Time {
    /// As Go's `Time.String` prints it; empty for none.
    shown: String,
    /// Nanoseconds since 1970, none where there is no time or an int64 has no room for it.
    pub unix_ns: Option<i64>,
}

impl Time {
    pub fn shown(&self) -> &str {
        match self.shown.as_str() {
            "" => "0001-01-01 00:00:00 +0000 UTC",
            shown => shown,
        }
    }

    /// Reads `2006-01-02T15:04:05.999999999Z07:00`, and nothing that is only almost one.
    pub fn parse(text: &str) -> Option<Time> {
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let clock = rest.strip_prefix('T')?;
        let (clock, rest) = (clock.get(..8)?, clock.get(8..)?);
        let (year, month, day) = three(date, '-')?;
        let (hour, minute, second) = three(clock, ':')?;
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !valid {
            return None;
        }
        let zone_at = rest.find(['Z', '+', '-'])?;
        let (fraction, zone) = rest.split_at(zone_at);
        let fraction = match fraction.strip_prefix('.') {
            None if fraction.is_empty() => "",
            None => return None,
            Some("") => return None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
            Some(_) => return None,
        };
        // Compat: what is less than a nanosecond is cut off.
        let fraction = &fraction[..fraction.len().min(9)];
        let (offset_s, zone) = offset(zone)?;
        let seconds = days_since_1970(year, month, day) * 86_400
            + i64::from(hour * 3600 + minute * 60 + second)
            - offset_s;
        let nanoseconds: i64 = format!("{fraction:0<9}").parse().ok()?;
        let mut shown = format!("{date} {clock}");
        let digits = fraction.trim_end_matches('0');
        if !digits.is_empty() {
            shown.push('.');
            shown.push_str(digits);
        }
        shown.push(' ');
        shown.push_str(&zone);
        let unix_ns = seconds.checked_mul(1_000_000_000);
        Some(Time {
            shown,
            unix_ns: unix_ns.and_then(|ns| ns.checked_add(nanoseconds)),
        })
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let Some(text) = Option::<Cow<'de, str>>::deserialize(deserializer)? else {
            return Ok(Time::default());
        };
        Time::parse(&text).ok_or_else(|| {
            let text = format!("{text:?} is no time like 2006-01-02T15:04:05Z");
            de::Error::custom(text)
        })
    }
}

/// Three numbers of digits only.
fn three(text: &str, between: char) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(between);
    let mut next = || {
        let part = parts.next()?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        (part.len() >= 2 && digits).then(|| part.parse().ok())?
    };
    let three = (next()?, next()?, next()?);
    parts.next().is_none().then_some(three)
}

/// Seconds east of Greenwich, and how Go prints the zone. Compat: a zone without a name has its
/// offset for one; that of a machine in UTC is UTC.
fn offset(zone: &str) -> Option<(i64, Cow<'static, str>)> {
    if zone == "Z" {
        return Some((0, "+0000 UTC".into()));
    }
    let (sign, rest) = zone.split_at(1);
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    if seconds == 0 {
        return Some((0, "+0000 UTC".into()));
    }
    let shown = format!("{sign}{hours:02}{minutes:02}");
    let seconds = if sign == "-" { -seconds } else { seconds };
    Some((seconds, format!("{shown} {shown}").into()))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar: years begin in March, so that a leap day ends one.
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = i64::from((month + 9) % 12);
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + days - 719_468
}
