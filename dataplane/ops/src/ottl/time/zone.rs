//! Zones: an offset with its abbreviation, and named locations whose offset depends on the time.

use super::Time;

/// The bytes of the longest abbreviation that is kept.
const NAME_BYTES_MAX: usize = 7;

/// An offset from UTC with its abbreviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    offset: i32,
    name: [u8; NAME_BYTES_MAX],
    length: u8,
}

impl Zone {
    pub const UTC: Zone = Zone {
        offset: 0,
        name: *b"UTC\0\0\0\0",
        length: 3,
    };

    /// A zone; an abbreviation that is too long is dropped.
    #[must_use]
    pub fn new(offset: i32, abbreviation: &str) -> Zone {
        let mut name = [0; NAME_BYTES_MAX];
        let mut length = 0;
        if abbreviation.len() <= NAME_BYTES_MAX {
            name[..abbreviation.len()].copy_from_slice(abbreviation.as_bytes());
            length = abbreviation.len() as u8;
        }
        Zone {
            offset,
            name,
            length,
        }
    }

    /// Seconds east of UTC.
    #[must_use]
    pub fn offset(self) -> i32 {
        self.offset
    }

    /// The abbreviation, or the offset where there is none.
    pub(in super::super) fn abbreviation(&self) -> String {
        let name = std::str::from_utf8(&self.name[..usize::from(self.length)]).unwrap_or_default();
        if !name.is_empty() {
            return name.to_owned();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs() / 60;
        match minutes % 60 {
            0 => format!("{sign}{:02}", minutes / 60),
            rest => format!("{sign}{:02}{rest:02}", minutes / 60),
        }
    }
}

/// The location of a name of the time zone database, `UTC`, or the zone of the process.
pub(in super::super) fn location(name: Option<&str>) -> Result<jiff::tz::TimeZone, String> {
    match name {
        None | Some("Local") => Ok(jiff::tz::TimeZone::system()),
        Some("UTC" | "") => Ok(jiff::tz::TimeZone::UTC),
        Some(name) => jiff::tz::TimeZone::get(name)
            .map_err(|_| format!("failed to load location {name}: unknown time zone {name}")),
    }
}

/// The zone of a location at an instant.
pub(super) fn zone_at(location: &jiff::tz::TimeZone, time: Time) -> Zone {
    let Ok(timestamp) = jiff::Timestamp::new(time.seconds(), 0) else {
        return Zone::UTC;
    };
    let info = location.to_offset_info(timestamp);
    Zone::new(info.offset().seconds(), info.abbreviation())
}

/// The instant of a wall clock in a location, looked up as Go does it: of two the one after the
/// change, of none as if the clock had not been moved.
pub(super) fn at_location(location: &jiff::tz::TimeZone, wall: Time) -> Time {
    let back = |offset: i32| wall.later(-i64::from(offset) * super::SECOND);
    let guess = back(zone_at(location, wall).offset());
    let time = back(zone_at(location, guess).offset());
    time.with_zone(zone_at(location, time))
}

/// The instant of a wall clock in a location whose zone is named by its abbreviation: also that of
/// the other half of the year.
pub(super) fn at_abbreviation(
    location: &jiff::tz::TimeZone,
    wall: Time,
    abbreviation: &str,
) -> Option<Time> {
    const MONTH: i64 = 30 * 86_400 * super::SECOND;
    let months = (0..=12).flat_map(|month| [month, -month]);
    let zones = months.map(|month| zone_at(location, wall.later(month * MONTH)));
    let zone = zones
        .into_iter()
        .find(|zone| zone.abbreviation() == abbreviation)?;
    let time = wall.later(-i64::from(zone.offset()) * super::SECOND);
    Some(time.with_zone(zone_at(location, time)))
}
