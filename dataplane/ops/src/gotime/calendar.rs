//! Days, and zones.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A zone, of the database inside the binary.
#[derive(Debug, Clone)]
pub struct Zone {
    zone: TimeZone,
}

impl Zone {
    #[must_use]
    pub fn utc() -> Zone {
        Zone {
            zone: TimeZone::UTC,
        }
    }

    /// A zone by its name. Empty and `UTC` are UTC; `Local` is UTC too, the zone of a machine is
    /// not looked at.
    pub fn named(name: &str) -> Result<Zone, String> {
        match name {
            "" | "UTC" | "Local" => Ok(Zone::utc()),
            name => match TimeZone::get(name) {
                Ok(zone) => Ok(Zone { zone }),
                Err(_) => Err(format!("unknown time zone {name}")),
            },
        }
    }

    /// Seconds to add to UTC at a time, and the abbreviation then in use.
    #[must_use]
    pub fn at(&self, unix_s: i64) -> (i64, String) {
        let timestamp = clamp(unix_s);
        let info = self.zone.to_offset_info(timestamp);
        (
            i64::from(info.offset().seconds()),
            info.abbreviation().to_owned(),
        )
    }

    pub(super) fn offset(&self, unix_s: i64) -> i64 {
        i64::from(self.zone.to_offset(clamp(unix_s)).seconds())
    }

    /// The offset of an abbreviation about that time of year.
    pub(super) fn offset_of(&self, abbreviation: &str, unix_s: i64) -> Option<i64> {
        // The zone's other season is some half a year away.
        const QUARTER_S: i64 = 91 * 86_400;
        let near = (0..4).map(|quarters| self.at(unix_s + quarters * QUARTER_S));
        near.into_iter()
            .find_map(|(offset, name)| (name == abbreviation).then_some(offset))
    }
}

/// The database ends where its calendar does, in the years -9999 and 9999.
fn clamp(unix_s: i64) -> Timestamp {
    let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(unix_s.clamp(min + 1, max - 1)).expect("it is in range")
}

/// Days since 1970 of a date of the Gregorian calendar; a day beyond the month's end goes on into
/// the next month.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a count of days since 1970.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

pub(super) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) const MONTHS: [&str; 12] = [
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

pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
