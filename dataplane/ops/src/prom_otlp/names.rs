//! Names of metrics: words of letters and digits, with the unit and what kind of metric it is
//! behind.

use batch::otlp::{Metric, MetricData};

/// The name of a metric in Prometheus; `suffixes` adds unit and kind.
#[must_use]
pub fn metric_name(metric: &Metric<'_>, suffixes: bool) -> String {
    let name = metric.name.to_str();
    if !suffixes {
        let words = name.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        return beginning_legally(words.filter(|word| !word.is_empty()).collect::<Vec<_>>());
    }
    let mut words: Vec<&str> = words(&name).collect();
    let unit = metric.unit.to_str();
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main, Some(per)),
        None => (&*unit, None),
    };
    let main = clean(main, main_unit);
    if !main.is_empty() && !words.contains(&&*main) {
        words.push(&main);
    }
    let per = per.map(|per| clean(per, per_unit)).unwrap_or_default();
    if !per.is_empty() && !words.contains(&&*per) {
        words.extend(["per", &*per]);
    }
    let kind = match &metric.data {
        MetricData::Sum(sum) if sum.is_monotonic => Some("total"),
        // Sources use the unit 1 for counts of things: only a gauge is taken for a ratio.
        MetricData::Gauge(_) if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(kind) = kind {
        words.retain(|word| *word != kind);
        words.push(kind);
    }
    beginning_legally(words)
}

fn beginning_legally(words: Vec<&str>) -> String {
    let name = words.join("_");
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty())
}

/// A unit as words; one with an annotation in braces says nothing.
fn clean(unit: &str, known: fn(&str) -> Option<&'static str>) -> String {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return String::new();
    }
    let unit = known(unit).unwrap_or(unit);
    words(unit).collect::<Vec<_>>().join("_")
}

/// Units of UCUM by the words that Prometheus has for them.
fn main_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        _ => return None,
    })
}

fn per_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => return None,
    })
}
