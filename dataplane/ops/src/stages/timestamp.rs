//! `stage.timestamp`: makes a value the time of the entry.

use batch::LabelsBuf;

use crate::gotime::{Layout, Zone};

use super::Entry;
use super::program::{Cx, Flow};
use super::recent::Recent;

/// What `stage.timestamp` is told.
#[derive(Debug, Clone, Default)]
pub struct TimestampOptions {
    pub source: String,
    /// A name or a layout of Go.
    pub format: String,
    /// Tried in this order when the format fails.
    pub fallback_formats: Vec<String>,
    /// A zone for layouts that have none. Named formats do not look at it.
    pub location: Option<String>,
    /// What fails gets the last time of its label set and a nanosecond, else it keeps its own.
    pub fudge_failures: bool,
    /// What has the time of the one before gets a nanosecond more.
    pub fudge_duplicates: bool,
}

/// Limit: label sets whose last time is remembered, at least; the rest is forgotten first.
const STREAMS_MAX: usize = 10_000;

/// `stage.timestamp`.
#[derive(Debug)]
pub struct Timestamp {
    options: TimestampOptions,
    formats: Vec<Format>,
    zone: Zone,
    last: Recent<LabelsBuf, Last>,
}

#[derive(Debug)]
enum Format {
    Unix,
    /// A count of units of so many nanoseconds.
    Count(i64),
    /// A named layout, which does not look at the location.
    Named(Layout),
    Layout(Layout),
    /// The year is that of now.
    WithoutYear(Layout),
}

/// The last time of a label set.
#[derive(Debug, Clone, Copy)]
struct Last {
    parsed_ns: i64,
    given_ns: i64,
}

const NAMED: [(&str, &str); 10] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", "2006-01-02T15:04:05Z07:00"),
    ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
];

impl Format {
    fn new(format: &str) -> Format {
        match format {
            "Unix" => return Format::Unix,
            "UnixMs" => return Format::Count(1_000_000),
            "UnixUs" => return Format::Count(1_000),
            "UnixNs" => return Format::Count(1),
            _ => {}
        }
        if let Some((_, layout)) = NAMED.iter().find(|(name, _)| *name == format) {
            return Format::Named(Layout::new(layout));
        }
        let layout = Layout::new(format);
        match format.contains("06") {
            true => Format::Layout(layout),
            false => Format::WithoutYear(layout),
        }
    }

    fn parse(&self, text: &str, zone: &Zone, now_ns: i64) -> Option<i64> {
        match self {
            Format::Unix => unix(text),
            Format::Count(unit) => Some(text.parse::<i64>().ok()?.wrapping_mul(*unit)),
            Format::Named(layout) => Some(layout.parse(text)?.unix_ns(&Zone::utc())),
            Format::Layout(layout) => Some(layout.parse(text)?.unix_ns(zone)),
            Format::WithoutYear(layout) => {
                let mut parsed = layout.parse(text)?;
                // Compat: a year that was read after all is a failure.
                (parsed.year == 0).then_some(())?;
                let (year, month) = year_and_month(now_ns);
                parsed.year = match (parsed.month, month) {
                    (12, 1) => year - 1,
                    (1, 12) => year + 1,
                    _ => year,
                };
                Some(parsed.unix_ns(zone))
            }
        }
    }
}

/// Seconds, with a fraction behind one point.
fn unix(text: &str) -> Option<i64> {
    let nanoseconds = |seconds: i64| seconds.wrapping_mul(1_000_000_000);
    let Some((whole, fraction)) = text.split_once('.') else {
        return text.parse().ok().map(nanoseconds);
    };
    let seconds: i64 = whole.parse().ok()?;
    let value: i64 = fraction.parse().ok()?;
    let scaled = value as f64 * 10_f64.powi(9 - fraction.len() as i32);
    Some(nanoseconds(seconds).wrapping_add(scaled as i64))
}

fn year_and_month(now_ns: i64) -> (i64, i64) {
    thread_local! {
        static MONTH: Layout = Layout::new("2006 1");
    }
    let text = MONTH.with(|layout| layout.format(now_ns, &Zone::utc()));
    let (year, month) = text.split_once(' ').expect("the layout has a space");
    let number = |text: &str| text.parse().expect("the layout has numbers");
    (number(year), number(month))
}

impl Timestamp {
    /// The error is an unknown location.
    pub fn new(options: TimestampOptions) -> Result<Timestamp, String> {
        let all = std::iter::once(&options.format).chain(&options.fallback_formats);
        Ok(Timestamp {
            formats: all.map(|format| Format::new(format)).collect(),
            zone: Zone::named(options.location.as_deref().unwrap_or_default())?,
            options,
            last: Recent::new(STREAMS_MAX),
        })
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        cx.scratch.clear();
        let value = entry.extracted.get(&self.options.source);
        let read = value.is_some_and(|value| value.write(cx.scratch));
        let parse = |format: &Format| format.parse(cx.scratch, &self.zone, cx.now_ns);
        let parsed = match read {
            true => self.formats.iter().find_map(parse),
            false => None,
        };
        match parsed {
            Some(parsed_ns) => self.succeed(entry, parsed_ns),
            None if self.options.fudge_failures => {
                if let Some(last) = self.last.get_mut(entry.labels.buf()) {
                    last.given_ns = last.given_ns.wrapping_add(1);
                    entry.timestamp_ns = last.given_ns;
                }
            }
            None => {}
        }
        Flow::Pass
    }

    fn succeed(&mut self, entry: &mut Entry, parsed_ns: i64) {
        entry.timestamp_ns = parsed_ns;
        if !self.options.fudge_failures && !self.options.fudge_duplicates {
            return;
        }
        let given = |given_ns| Last {
            parsed_ns,
            given_ns,
        };
        match self.last.get_mut(entry.labels.buf()) {
            Some(last) => {
                if self.options.fudge_duplicates && last.parsed_ns == parsed_ns {
                    entry.timestamp_ns = last.given_ns.wrapping_add(1);
                }
                *last = given(entry.timestamp_ns);
            }
            None => {
                let key = entry.labels.buf().clone();
                self.last.insert(key, given(parsed_ns));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::Rig;

    const DAY_NS: i64 = 86_400_000_000_000;

    fn options(format: &str) -> TimestampOptions {
        TimestampOptions {
            source: "ts".into(),
            format: format.into(),
            fudge_failures: true,
            fudge_duplicates: true,
            ..Default::default()
        }
    }

    fn times(options: TimestampOptions, now_ns: i64, texts: &[&str]) -> Vec<i64> {
        let mut rig = Rig::of(Timestamp::new(options).expect("options"));
        rig.now_ns = now_ns;
        for text in texts {
            rig.entry(|entry| entry.extracted.set_text("ts", text));
        }
        rig.out.iter().map(|entry| entry.timestamp_ns).collect()
    }

    #[test]
    fn counts_since_1970_are_read() {
        let all = |format: &str, texts: &[&str]| times(options(format), 0, texts);
        assert_eq!(
            all("Unix", &["2", "1.5", "-1"]),
            [2_000_000_000, 1_500_000_000, -1_000_000_000]
        );
        assert_eq!(all("UnixMs", &["3"]), [3_000_000]);
        assert_eq!(all("UnixUs", &["3"]), [3_000]);
        assert_eq!(all("UnixNs", &["3"]), [3]);
    }

    #[test]
    fn failures_and_duplicates_get_a_nanosecond_more() {
        let texts = ["bad", "5", "5", "worse", "5", "7"];
        assert_eq!(times(options("UnixNs"), 0, &texts), [0, 5, 6, 7, 8, 7]);
        let keep = TimestampOptions {
            fudge_failures: false,
            fudge_duplicates: false,
            ..options("UnixNs")
        };
        assert_eq!(times(keep, 0, &texts), [0, 5, 5, 0, 5, 7]);
    }

    #[test]
    fn fallback_formats_are_tried_in_order() {
        let fallback = TimestampOptions {
            fallback_formats: vec!["RFC1123".into(), "UnixNs".into()],
            ..options("RFC3339")
        };
        let texts = ["1970-01-01T00:00:01Z", "Thu, 01 Jan 1970 00:00:02 GMT", "3"];
        assert_eq!(
            times(fallback, 0, &texts),
            [1_000_000_000, 2_000_000_000, 3]
        );
    }

    #[test]
    fn a_layout_without_a_year_is_about_now() {
        let new_year_2023 = 1_672_531_200_000_000_000;
        let all = |now_ns, text: &str| times(options("Jan 2 15:04:05"), now_ns, &[text])[0];
        let january = new_year_2023 + DAY_NS;
        assert_eq!(all(january, "Jan 1 00:00:00"), new_year_2023);
        assert_eq!(all(january, "Dec 31 00:00:00"), new_year_2023 - DAY_NS);
        let december = new_year_2023 - DAY_NS;
        assert_eq!(all(december, "Jan 1 00:00:00"), new_year_2023);
        assert_eq!(all(december, "nothing"), 0);
    }

    #[test]
    fn a_location_is_for_own_layouts_only() {
        let york = |format: &str| TimestampOptions {
            location: Some("America/New_York".into()),
            ..options(format)
        };
        let own = times(york("2006-01-02 15:04:05"), 0, &["2023-01-15 12:00:00"]);
        assert_eq!(own, [1_673_802_000_000_000_000]);
        let named = times(york("ANSIC"), 0, &["Sun Jan 15 12:00:00 2023"]);
        assert_eq!(named, [1_673_784_000_000_000_000]);
        let nowhere = TimestampOptions {
            location: Some("X/Y".into()),
            ..options("Unix")
        };
        assert!(Timestamp::new(nowhere).is_err());
    }
}
