//! HELP, TYPE and UNIT lines.

use std::borrow::Cow;

use batch::MetricKind;

use super::parser::{Entry, Format};
use super::series::unescape;

/// What a comment says about a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Help,
    Type,
    Unit,
}

pub(super) const KEYWORD_BYTES: usize = 4;

/// The keyword that a comment starts with, if a blank follows.
pub(super) fn keyword(text: &[u8], blanks: &[u8]) -> Option<Keyword> {
    let (word, rest) = text.split_first_chunk::<KEYWORD_BYTES>()?;
    rest.first().filter(|blank| blanks.contains(blank))?;
    match word {
        b"HELP" => Some(Keyword::Help),
        b"TYPE" => Some(Keyword::Type),
        b"UNIT" => Some(Keyword::Unit),
        _ => None,
    }
}

/// Makes an entry of a comment's parts; the error says what was expected of the text.
pub(super) fn metadata<'a>(
    keyword: Keyword,
    format: Format,
    name: &'a [u8],
    text: &'a [u8],
) -> Result<Entry<'a>, &'static str> {
    let family = readable(name);
    match keyword {
        Keyword::Help => {
            let text = std::str::from_utf8(text).map_err(|_| "a help text in UTF-8")?;
            let help = unescape(text, format == Format::OpenMetrics);
            Ok(Entry::Help { name: family, help })
        }
        Keyword::Type => {
            let kind = kind(text, format).ok_or("a metric type of this format")?;
            Ok(Entry::Type { name: family, kind })
        }
        Keyword::Unit => {
            let stem = name.strip_suffix(text).filter(|_| !text.is_empty());
            if text.is_empty() || stem.is_some_and(|stem| stem.ends_with(b"_")) {
                return Ok(Entry::Unit {
                    name: family,
                    unit: readable(text),
                });
            }
            Err("a unit that the metric's name ends with")
        }
    }
}

/// The lossy conversion goes byte by byte even where nothing is lost.
fn readable(text: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(text),
    }
}

fn kind(text: &[u8], format: Format) -> Option<MetricKind> {
    match (text, format) {
        (b"counter", _) => Some(MetricKind::Counter),
        (b"gauge", _) => Some(MetricKind::Gauge),
        (b"histogram", _) => Some(MetricKind::Histogram),
        (b"summary", _) => Some(MetricKind::Summary),
        (b"untyped", Format::Text) | (b"unknown", Format::OpenMetrics) => Some(MetricKind::Unknown),
        (b"gaugehistogram", Format::OpenMetrics) => Some(MetricKind::GaugeHistogram),
        (b"info", Format::OpenMetrics) => Some(MetricKind::Info),
        (b"stateset", Format::OpenMetrics) => Some(MetricKind::StateSet),
        _ => None,
    }
}
