//! Writes a time by a layout, as Go's `Time.Format` does.

use std::fmt::Write as _;

use super::calendar::{MONTHS, WEEKDAYS, Zone, date, days};
use super::layout::{Layout, Offset, Pad, Part};

impl Layout {
    /// The time in a zone.
    #[must_use]
    pub fn format(&self, unix_ns: i64, zone: &Zone) -> String {
        let unix_s = unix_ns.div_euclid(1_000_000_000);
        let (offset, abbreviation) = zone.at(unix_s);
        let local = unix_s + offset;
        let (day_count, second_of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date(day_count);
        let moment = Moment {
            year,
            month,
            day,
            year_day: day_count - days(year, 1, 1) + 1,
            weekday: (day_count + 4).rem_euclid(7),
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanosecond: unix_ns.rem_euclid(1_000_000_000),
            offset,
            abbreviation,
        };
        let mut out = String::new();
        for part in &self.parts {
            moment
                .write(part, &mut out)
                .expect("a string takes any text");
        }
        out
    }
}

struct Moment {
    year: i64,
    month: i64,
    day: i64,
    year_day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    offset: i64,
    abbreviation: String,
}

impl Moment {
    fn write(&self, part: &Part, out: &mut String) -> std::fmt::Result {
        let month = MONTHS[self.month as usize - 1];
        let weekday = WEEKDAYS[self.weekday as usize];
        let hour12 = (self.hour + 11) % 12 + 1;
        match part {
            Part::Literal(literal) => out.push_str(literal),
            Part::LongYear => write!(out, "{:04}", self.year)?,
            Part::Year => write!(out, "{:02}", self.year.rem_euclid(100))?,
            Part::LongMonth => out.push_str(month),
            Part::Month => out.push_str(&month[..3]),
            Part::LongWeekday => out.push_str(weekday),
            Part::Weekday => out.push_str(&weekday[..3]),
            Part::NumMonth { zero } => two(out, self.month, *zero)?,
            Part::Day(Pad::Space) => write!(out, "{:2}", self.day)?,
            Part::Day(pad) => two(out, self.day, *pad == Pad::Zero)?,
            Part::YearDay(Pad::Space) => write!(out, "{:3}", self.year_day)?,
            Part::YearDay(_) => write!(out, "{:03}", self.year_day)?,
            Part::Hour => two(out, self.hour, true)?,
            Part::Hour12 { zero } => two(out, hour12, *zero)?,
            Part::Minute { zero } => two(out, self.minute, *zero)?,
            Part::Second { zero } => two(out, self.second, *zero)?,
            Part::Half { upper } => {
                let half = if self.hour >= 12 { "PM" } else { "AM" };
                match upper {
                    true => out.push_str(half),
                    false => out.push_str(&half.to_lowercase()),
                }
            }
            Part::ZoneName => out.push_str(&self.abbreviation),
            Part::Offset(offset) => self.offset(*offset, out)?,
            Part::Fraction {
                digits,
                exact,
                comma,
            } => {
                let text = format!("{:09}", self.nanosecond);
                let text = &text[..(*digits).min(9)];
                let text = if *exact {
                    text
                } else {
                    text.trim_end_matches('0')
                };
                if !text.is_empty() {
                    out.push(if *comma { ',' } else { '.' });
                    out.push_str(text);
                }
            }
        }
        Ok(())
    }

    fn offset(&self, shape: Offset, out: &mut String) -> std::fmt::Result {
        if shape.z && self.offset == 0 {
            out.push('Z');
            return Ok(());
        }
        out.push(if self.offset < 0 { '-' } else { '+' });
        let size = self.offset.abs();
        let fields = [size / 3600, size / 60 % 60, size % 60];
        for (index, field) in fields[..shape.fields].iter().enumerate() {
            if index > 0 && shape.colon {
                out.push(':');
            }
            write!(out, "{field:02}")?;
        }
        Ok(())
    }
}

fn two(out: &mut String, value: i64, zero: bool) -> std::fmt::Result {
    match zero {
        true => write!(out, "{value:02}"),
        false => write!(out, "{value}"),
    }
}
