//! Times and durations.

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, Parameter, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::time::{Layout, SECOND, Time, Zone, location, parse_duration};
use crate::ottl::value::Value;

const TIME: &[Parameter] = &[parameter("time", Kind::Time)];
const DURATION: &[Parameter] = &[parameter("duration", Kind::Duration)];

pub(super) const TABLE: &[Definition] = &[
    plain("Year", TIME, |args| Ok(Value::Int(time(args).civil().year))),
    plain("Month", TIME, |args| Ok(int(time(args).civil().month))),
    plain("Day", TIME, |args| Ok(int(time(args).civil().day))),
    plain("Hour", TIME, |args| Ok(int(time(args).civil().hour))),
    plain("Minute", TIME, |args| Ok(int(time(args).civil().minute))),
    plain("Second", TIME, |args| Ok(int(time(args).civil().second))),
    plain("Nanosecond", TIME, |args| Ok(int(time(args).nanos()))),
    plain("Weekday", TIME, |args| Ok(Value::Int(time(args).weekday()))),
    plain("UnixNano", TIME, |args| {
        Ok(Value::Int(time(args).unix_nano()))
    }),
    plain("UnixMicro", TIME, |args| Ok(scaled(time(args), 1_000_000))),
    plain("UnixMilli", TIME, |args| Ok(scaled(time(args), 1_000))),
    plain("UnixSeconds", TIME, |args| Ok(scaled(time(args), 1))),
    plain("Hours", DURATION, |args| Ok(parts(args, 3600 * SECOND))),
    plain("Minutes", DURATION, |args| Ok(parts(args, 60 * SECOND))),
    plain("Seconds", DURATION, |args| Ok(parts(args, SECOND))),
    plain("Milliseconds", DURATION, |args| {
        Ok(Value::Int(duration(args) / 1_000_000))
    }),
    plain("Microseconds", DURATION, |args| {
        Ok(Value::Int(duration(args) / 1_000))
    }),
    plain("Nanoseconds", DURATION, |args| {
        Ok(Value::Int(duration(args)))
    }),
    plain(
        "Duration",
        &[parameter("duration", Kind::Text)],
        |args| match parse_duration(args.text(0)) {
            Ok(nanos) => Ok(Value::Duration(nanos)),
            Err(message) => Err(Error::new(message)),
        },
    ),
    plain("Now", &[], |args| Ok(Value::Time(args.context.now()))),
    plain(
        "Unix",
        &[
            parameter("seconds", Kind::Int),
            optional("nanoseconds", Kind::Int),
        ],
        |args| {
            let time = Time::new(args.int(0), args.int(1), Zone::UTC);
            Ok(Value::Time(time))
        },
    ),
    plain(
        "TruncateTime",
        &[
            parameter("time", Kind::Time),
            parameter("duration", Kind::Duration),
        ],
        |args| match args.value(1) {
            Value::Duration(nanos) => Ok(Value::Time(time(args).truncate(*nanos))),
            _ => Ok(Value::Nil),
        },
    ),
    prepared(
        "FormatTime",
        &[
            parameter("time", Kind::Time),
            parameter("format", Kind::LiteralText),
        ],
        |literals| {
            let layout = Layout::new(literals.text(1).unwrap_or_default())?;
            Ok(Box::new(FormatTime(layout)))
        },
    ),
    prepared(
        "Time",
        &[
            parameter("time", Kind::Text),
            parameter("format", Kind::LiteralText),
            optional("location", Kind::LiteralText),
            optional("locale", Kind::LiteralText),
        ],
        ParseTime::prepare,
    ),
];

fn time(args: &Args<'_>) -> Time {
    match args.value(0) {
        Value::Time(time) => *time,
        _ => Time::from_nanos(0),
    }
}

fn duration(args: &Args<'_>) -> i64 {
    match args.value(0) {
        Value::Duration(nanos) => *nanos,
        _ => 0,
    }
}

fn int<'c>(value: u32) -> Value<'c> {
    Value::Int(i64::from(value))
}

/// The time since 1970 in units of which a second has so many.
fn scaled<'c>(time: Time, units: i64) -> Value<'c> {
    let nanos = i64::from(time.nanos()) / (SECOND / units);
    Value::Int(time.seconds().wrapping_mul(units).wrapping_add(nanos))
}

/// Whole units and the rest separately, as Go divides durations.
fn parts<'c>(args: &Args<'_>, unit: i64) -> Value<'c> {
    let nanos = duration(args);
    Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64)
}

#[derive(Debug)]
struct FormatTime(Layout);

impl Prepared for FormatTime {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        Ok(Value::text(self.0.format(time(args))))
    }
}

#[derive(Debug)]
struct ParseTime {
    layout: Layout,
    location: jiff::tz::TimeZone,
}

impl ParseTime {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let layout = Layout::new(literals.text(1).unwrap_or_default())?;
        let name = literals.text(2).filter(|name| !name.is_empty());
        let location = match name {
            None if layout.is_zulu() => location(Some("UTC"))?,
            name => location(name)?,
        };
        if let Some(locale) = literals.text(3) {
            let language = locale.split(['-', '_']).next().unwrap_or_default();
            if !language.eq_ignore_ascii_case("en") {
                return Err(format!(
                    "unsupported locale '{locale}', only English is known"
                ));
            }
        }
        Ok(Box::new(ParseTime { layout, location }))
    }
}

impl Prepared for ParseTime {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let text = args.text(0);
        if text.is_empty() {
            return Err(Error::new("time cannot be nil"));
        }
        let now = args.context.now();
        Ok(Value::Time(self.layout.parse(text, &self.location, now)?))
    }
}
