//! When a record was, and how bad it is: of a text in it.

use serde_json::{Map, Value};

use super::Entry;
use super::field::Field;
use super::operator::{Config, text_of};
use crate::gotime::{Layout, Zone};

/// Reads a time.
#[derive(Debug)]
pub struct TimeParser {
    from: Field,
    layout: TimeLayout,
    zone: Zone,
}

#[derive(Debug)]
enum TimeLayout {
    Go(Layout),
    /// A number of units of so long; a part behind a dot counts too.
    Epoch {
        nanoseconds: i64,
    },
}

impl TimeParser {
    pub fn new(config: &Config<'_>) -> Result<TimeParser, String> {
        let layout = config
            .text("layout")?
            .ok_or("missing required parameter 'layout'")?;
        let kind = config.text("layout_type")?.unwrap_or("strptime");
        let layout = match kind {
            "gotime" => TimeLayout::Go(Layout::new(layout)),
            "strptime" => TimeLayout::Go(Layout::new(&go_layout(layout)?)),
            "epoch" => TimeLayout::Epoch {
                nanoseconds: match layout {
                    "s" | "s.ms" | "s.us" | "s.ns" => 1_000_000_000,
                    "ms" => 1_000_000,
                    "us" => 1_000,
                    "ns" => 1,
                    _ => return Err(format!("invalid 'layout' for 'epoch' type: '{layout}'")),
                },
            },
            kind => return Err(format!("unsupported layout_type {kind}")),
        };
        Ok(TimeParser {
            from: config
                .field("parse_from")?
                .ok_or("missing required parameter 'parse_from'")?,
            layout,
            zone: Zone::named(config.text("location")?.unwrap_or_default())?,
        })
    }

    pub fn run(&self, entry: &mut Entry, now_ns: i64) -> Result<(), String> {
        let value = self.from.get(entry).ok_or("time is not there")?;
        let text = text_of(&value).ok_or("time is no text")?;
        let unix_ns = match &self.layout {
            TimeLayout::Epoch { nanoseconds } => epoch(&text, *nanoseconds),
            TimeLayout::Go(layout) => layout.parse(&text).map(|mut parsed| {
                // Compat: a time without a year is of this one, or of the last if it were more
                // than a week ahead.
                if parsed.year == 0 {
                    let year = Layout::new("2006").format(now_ns, &self.zone);
                    parsed.year = year.parse().unwrap_or(1970);
                    if now_ns + 7 * 86_400_000_000_000 < parsed.unix_ns(&self.zone) {
                        parsed.year -= 1;
                    }
                }
                parsed.unix_ns(&self.zone)
            }),
        };
        let unix_ns = unix_ns.ok_or_else(|| format!("\"{text}\" is no time of the layout"))?;
        entry.record.time_unix_nano = unix_ns.max(0).cast_unsigned();
        Ok(())
    }
}

/// A number with up to nine digits behind its dot, exactly.
fn epoch(text: &str, nanoseconds: i64) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let mut fraction = 0;
    let mut unit = nanoseconds / 10;
    for digit in part.chars() {
        fraction += i64::from(digit.to_digit(10)?) * unit;
        unit /= 10;
    }
    whole.checked_mul(nanoseconds)?.checked_add(fraction)
}

/// A layout of strptime in Go's manner, as the reference has it.
fn go_layout(layout: &str) -> Result<String, String> {
    let mut go = String::new();
    let mut characters = layout.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            go.push(character);
            continue;
        }
        let directive = characters
            .next()
            .ok_or("expected a letter behind the last %")?;
        go.push_str(match directive {
            'Y' => "2006",
            'y' => "06",
            'm' => "01",
            'o' => "_1",
            'q' => "1",
            'b' | 'h' => "Jan",
            'B' => "January",
            'd' => "02",
            'e' => "_2",
            'g' => "2",
            'j' => "002",
            'a' => "Mon",
            'A' => "Monday",
            'H' => "15",
            'I' => "03",
            'l' => "3",
            'p' => "PM",
            'P' => "pm",
            'M' => "04",
            'S' => "05",
            'L' => "999",
            'f' => "999999",
            's' => "99999999",
            'Z' => "MST",
            'z' => "Z0700",
            'w' => "-070000",
            'i' => "-07",
            'k' => "-07:00:00",
            'D' | 'x' => "01/02/2006",
            'F' => "2006-01-02",
            'T' | 'X' => "15:04:05",
            'r' => "03:04:05 pm",
            'R' => "15:04",
            'v' => "_2-Jan-2006",
            'c' => "Mon Jan 02 15:04:05 2006",
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            other => return Err(format!("unsupported directive '%{other}' of a layout")),
        });
    }
    Ok(go)
}

/// Reads a severity.
#[derive(Debug)]
pub struct SeverityParser {
    from: Field,
    /// Lower case.
    mapping: Vec<(String, i32)>,
    overwrite_text: bool,
}

/// Names of the severities that have a number each four.
const NAMES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

impl SeverityParser {
    pub fn new(config: &Config<'_>) -> Result<SeverityParser, String> {
        let mut mapping = match config.text("preset")?.unwrap_or("default") {
            "none" => Vec::new(),
            _ => presets(),
        };
        if let Some(Value::Object(given)) = config.get("mapping") {
            add_mapping(given, &mut mapping)?;
        }
        Ok(SeverityParser {
            from: config
                .field("parse_from")?
                .ok_or("missing required parameter 'parse_from'")?,
            mapping,
            overwrite_text: config.flag("overwrite_text")?,
        })
    }

    pub fn run(&self, entry: &mut Entry) -> Result<(), String> {
        let value = self.from.get(entry).ok_or("severity is not there")?;
        let text = text_of(&value).ok_or("severity is no text")?;
        let lower = text.to_ascii_lowercase();
        // Those of the settings were added last and count first.
        let found = self.mapping.iter().rev().find(|(known, _)| *known == lower);
        let number = found.map_or(0, |(_, number)| *number);
        entry.record.severity_number = number;
        let name = (1..=24).contains(&number).then(|| {
            let name = NAMES[(number as usize - 1) / 4].to_ascii_uppercase();
            match (number - 1) % 4 {
                0 => name,
                more => format!("{name}{}", more + 1),
            }
        });
        entry.record.severity_text = match name.filter(|_| self.overwrite_text) {
            Some(name) => name.into(),
            None => text.into(),
        };
        Ok(())
    }
}

fn presets() -> Vec<(String, i32)> {
    let mut mapping = Vec::new();
    for number in 1..=24_i32 {
        let name = NAMES[(number as usize - 1) / 4];
        let name = match (number - 1) % 4 {
            0 => name.to_owned(),
            more => format!("{name}{}", more + 1),
        };
        mapping.push((name, number));
        mapping.push((number.to_string(), number));
    }
    mapping.extend([
        ("information".to_owned(), 9),
        ("informational".to_owned(), 9),
        ("notice".to_owned(), 10),
        ("warning".to_owned(), 13),
        ("err".to_owned(), 17),
        ("crit".to_owned(), 18),
        ("critical".to_owned(), 18),
        ("alert".to_owned(), 19),
        ("panic".to_owned(), 21),
        ("emerg".to_owned(), 21),
    ]);
    mapping
}

/// Texts, numbers, ranges and classes of HTTP's codes, by the name of their severity.
fn add_mapping(given: &Map<String, Value>, out: &mut Vec<(String, i32)>) -> Result<(), String> {
    for (name, values) in given {
        let lower = name.to_ascii_lowercase();
        let known = presets().into_iter().find(|(known, _)| *known == lower);
        let (_, number) = known.ok_or_else(|| format!("invalid severity: '{name}'"))?;
        let values = match values {
            Value::Array(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        for value in values {
            let class = value.as_str().and_then(|text| text.strip_suffix("xx"));
            let class = class.and_then(|class| class.parse::<i64>().ok());
            let range = match value {
                Value::Object(range) => {
                    let end = |key| range.get(key).and_then(Value::as_i64);
                    Some((
                        end("min").ok_or("range without min")?,
                        end("max").ok_or("no max")?,
                    ))
                }
                _ => class.map(|class| (class * 100, class * 100 + 99)),
            };
            match (range, value) {
                // Limit: numbers of a range that are written out.
                (Some((first, last)), _) if last.saturating_sub(first) <= 1000 => {
                    out.extend((first..=last).map(|it| (it.to_string(), number)));
                }
                (Some(_), _) => return Err("a range of more than 1000 severities".to_owned()),
                (None, Value::String(text)) => out.push((text.to_ascii_lowercase(), number)),
                (None, value) => out.push((value.to_string(), number)),
            }
        }
    }
    Ok(())
}
