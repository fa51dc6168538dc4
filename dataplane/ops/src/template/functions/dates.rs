//! Functions of times: now, their texts, sums with durations.

use std::rc::Rc;

use crate::gotime::{self, Layout, Zone};
use crate::template::value::Val;

use super::{Call, Outcome, Table, owned};

pub(super) const TABLE: Table = &[
    ("now", |call| {
        Ok(Val::Time(call.environment.now_ns, Rc::new(Zone::utc())))
    }),
    ("date", |call| format(call, None)),
    ("dateInZone", |call| format(call, Some(2))),
    ("date_in_zone", |call| format(call, Some(2))),
    ("htmlDate", |call| {
        let ns = time(call, 0)?;
        owned(Layout::new("2006-01-02").format(ns, &Zone::utc()))
    }),
    ("htmlDateInZone", |call| {
        let zone = zone(call.text(1)?);
        owned(Layout::new("2006-01-02").format(time(call, 0)?, &zone))
    }),
    ("dateModify", |call| modify(call, false)),
    ("date_modify", |call| modify(call, false)),
    ("mustDateModify", |call| modify(call, true)),
    ("must_date_modify", |call| modify(call, true)),
    ("toDate", |call| to_date(call, false)),
    ("mustToDate", |call| to_date(call, true)),
    ("unixEpoch", |call| {
        owned(time(call, 0)?.div_euclid(SECOND).to_string())
    }),
    ("ago", |call| {
        let ago = call.environment.now_ns.saturating_sub(time(call, 0)?);
        owned(gotime::format_duration(ago / SECOND * SECOND))
    }),
    ("duration", |call| {
        let seconds = super::math::whole(call.any(0)?);
        owned(gotime::format_duration(seconds.saturating_mul(SECOND)))
    }),
    ("durationRound", duration_round),
];

const SECOND: i64 = 1_000_000_000;

/// A time, or seconds since 1970. Anything else is now.
fn time(call: &Call<'_>, index: usize) -> Result<i64, String> {
    Ok(match call.any(index)? {
        Val::Time(ns, _) => *ns,
        Val::Int(seconds) | Val::Int64(seconds) => seconds.saturating_mul(SECOND),
        _ => call.environment.now_ns,
    })
}

/// Compat: a zone that is not known is UTC.
fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap_or_else(|_| Zone::utc())
}

fn format(call: &mut Call<'_>, place: Option<usize>) -> Outcome {
    call.at_least(2)?;
    let zone = match place {
        Some(place) => zone(call.text(place)?),
        None => Zone::utc(),
    };
    owned(Layout::new(call.text(0)?).format(time(call, 1)?, &zone))
}

fn modify(call: &mut Call<'_>, strict: bool) -> Outcome {
    call.count(2)?;
    let Val::Time(ns, zone) = call.any(1)? else {
        return call.wrong(1, "time.Time");
    };
    match gotime::parse_duration(call.text(0)?) {
        Some(by) => Ok(Val::Time(ns.saturating_add(by), zone.clone())),
        None if strict => Err(format!("invalid duration {:?}", call.text(0)?)),
        None => Ok(call.any(1)?.clone()),
    }
}

fn to_date(call: &mut Call<'_>, strict: bool) -> Outcome {
    call.count(2)?;
    let zone = Zone::utc();
    match Layout::new(call.text(0)?).parse(call.text(1)?) {
        Some(parsed) => Ok(Val::Time(parsed.unix_ns(&zone), Rc::new(zone))),
        None if strict => Err(format!("cannot parse {:?} as a time", call.text(1)?)),
        // The zero of Go's times.
        None => Ok(Val::Time(i64::MIN, Rc::new(zone))),
    }
}

/// The largest unit only: `2h`, `3d`, `1mo`.
fn duration_round(call: &mut Call<'_>) -> Outcome {
    let ns = match call.any(0)? {
        Val::Text(text) => gotime::parse_duration(text).unwrap_or(0),
        Val::Time(ns, _) => call.environment.now_ns.saturating_sub(*ns),
        other => other.whole().unwrap_or(0),
    };
    let seconds = ns.unsigned_abs() / SECOND as u64;
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    for (unit, name) in [
        (DAY * 365, "y"),
        (DAY * 30, "mo"),
        (DAY, "d"),
        (HOUR, "h"),
        (60, "m"),
        (1, "s"),
    ] {
        if seconds > unit || (unit == 1 && seconds == 1) {
            return owned(format!("{}{name}", seconds / unit));
        }
    }
    owned("0s".to_owned())
}
