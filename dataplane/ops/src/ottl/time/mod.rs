//! Times and durations as Go has them: an instant with the zone it is shown in.

mod duration;
mod layout;
mod zone;

pub(super) use duration::{duration_text, parse_duration};
pub(super) use layout::Layout;
pub use zone::Zone;
pub(super) use zone::location;

pub(super) const SECOND: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// An instant and the zone it is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970.
    seconds: i64,
    nanos: u32,
    zone: Zone,
}

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nanos: u32,
}

impl Time {
    /// Nanoseconds since 1970, in UTC.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Time {
        Time::new(
            nanos.div_euclid(SECOND),
            nanos.rem_euclid(SECOND),
            Zone::UTC,
        )
    }

    /// As fields of OTLP hold it.
    #[must_use]
    pub fn from_unix_nano(nanos: u64) -> Time {
        let seconds = (nanos / SECOND as u64) as i64;
        Time::new(seconds, (nanos % SECOND as u64) as i64, Zone::UTC)
    }

    /// Seconds and nanoseconds since 1970; the latter may be any number.
    #[must_use]
    pub fn new(seconds: i64, nanos: i64, zone: Zone) -> Time {
        Time {
            seconds: seconds.wrapping_add(nanos.div_euclid(SECOND)),
            nanos: nanos.rem_euclid(SECOND) as u32,
            zone,
        }
    }

    pub(super) fn from_civil(civil: Civil, offset: i32) -> Time {
        let days = days_from_civil(civil.year, civil.month, civil.day);
        let clock =
            i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second);
        let seconds = days * DAY_SECONDS + clock - i64::from(offset);
        Time::new(seconds, i64::from(civil.nanos), Zone::UTC)
    }

    #[must_use]
    pub fn with_zone(self, zone: Zone) -> Time {
        Time { zone, ..self }
    }

    #[must_use]
    pub fn zone(self) -> Zone {
        self.zone
    }

    #[must_use]
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// What is compared: seconds, then nanoseconds.
    #[must_use]
    pub fn instant(self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }

    /// Nanoseconds since 1970; wraps where Go's do.
    #[must_use]
    pub fn unix_nano(self) -> i64 {
        let seconds = self.seconds.wrapping_mul(SECOND);
        seconds.wrapping_add(i64::from(self.nanos))
    }

    #[must_use]
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// So many nanoseconds later.
    #[must_use]
    pub fn later(self, nanos: i64) -> Time {
        let seconds = self.seconds.wrapping_add(nanos.div_euclid(SECOND));
        Time::new(
            seconds,
            i64::from(self.nanos) + nanos.rem_euclid(SECOND),
            self.zone,
        )
    }

    /// The nanoseconds from another time to this one, as far as they can be told.
    #[must_use]
    pub fn since(self, other: Time) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        let nanos = seconds * i128::from(SECOND) + i128::from(self.nanos) - i128::from(other.nanos);
        nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// Rounds down to a multiple of a duration since the year 1, as Go does.
    #[must_use]
    pub fn truncate(self, nanos: i64) -> Time {
        if nanos <= 0 {
            return self;
        }
        const UNIX_TO_YEAR_ONE: i128 = 62_135_596_800;
        let since = (i128::from(self.seconds) + UNIX_TO_YEAR_ONE) * i128::from(SECOND)
            + i128::from(self.nanos);
        let rest = since.rem_euclid(i128::from(nanos)) as i64;
        self.later(-rest)
    }

    pub(super) fn civil(self) -> Civil {
        let local = self.seconds.saturating_add(i64::from(self.zone.offset()));
        let (year, month, day) = civil_from_days(local.div_euclid(DAY_SECONDS));
        let clock = local.rem_euclid(DAY_SECONDS) as u32;
        Civil {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanos: self.nanos,
        }
    }

    /// 0 is Sunday.
    #[must_use]
    pub fn weekday(self) -> i64 {
        let local = self.seconds.saturating_add(i64::from(self.zone.offset()));
        (local.div_euclid(DAY_SECONDS) + 4).rem_euclid(7)
    }

    /// `2006-01-02T15:04:05.999999999Z07:00`
    pub(super) fn rfc3339(self) -> String {
        let zone = match self.zone.offset() {
            0 => "Z".to_owned(),
            offset => offset_text(offset, ":"),
        };
        format!("{}{zone}", self.date_and_clock('T'))
    }

    /// As Go prints a time.
    pub(super) fn go_text(self) -> String {
        let offset = offset_text(self.zone.offset(), "");
        let name = self.zone.abbreviation();
        format!("{} {offset} {name}", self.date_and_clock(' '))
    }

    fn date_and_clock(self, between: char) -> String {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanos,
        } = self.civil();
        let fraction = fraction(nanos, 9);
        format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{fraction}")
    }
}

/// A fraction of a second with its dot and without zeros at the end; nothing for none.
fn fraction(nanos: u32, digits: usize) -> String {
    let text = format!("{nanos:09}");
    match text[..digits].trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    }
}

/// `+hhmm` with something between.
fn offset_text(offset: i32, between: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

/// Days since 1970 of a date: eras of 400 years, years that start in March.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_in(month: u32, year: i64) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
