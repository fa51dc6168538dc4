//! Walks the lines of an exposition.

use std::borrow::Cow;

use batch::{MetricKind, Sample, ScrapeCache};
use memchr::{memchr, memchr2};

use super::number::{parse_float, parse_milliseconds, parse_seconds, short_decimal};
use super::series::Expected;
use super::{ParseError, comment};

/// Which grammar a body follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics 0.0.1 and 1.0.0.
    OpenMetrics,
}

/// One meaningful line.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    Help {
        name: Cow<'a, str>,
        help: Cow<'a, str>,
    },
    Type {
        name: Cow<'a, str>,
        kind: MetricKind,
    },
    Unit {
        name: Cow<'a, str>,
        unit: Cow<'a, str>,
    },
    Sample(Line<'a>),
}

/// A sample whose series is still text.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The series as it stands; `read_series` decodes it.
    pub text: &'a [u8],
    /// The kind that the last TYPE line announced; `read_series` needs it.
    pub kind: MetricKind,
    pub value: f64,
    pub timestamp_ms: Option<i64>,
    pub exemplar: Option<ExemplarText<'a>>,
}

/// An exemplar whose labels are still text; `read_exemplar` decodes them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExemplarText<'a> {
    /// From brace to brace.
    pub text: &'a [u8],
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

/// How known lines become samples.
#[derive(Debug, Clone, Copy)]
pub struct KnownOptions {
    /// The scrape's time, for lines without one of their own.
    pub timestamp_ms: i64,
    /// Whether a line's own timestamp counts.
    pub honor_timestamps: bool,
    /// Whether series with own timestamps get staleness markers.
    pub track_timestamps_staleness: bool,
    /// Samples later than this are dropped as out of bounds.
    pub timestamp_ms_max: i64,
}

/// What a run of known lines was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// Lines, whatever became of them.
    pub lines: usize,
    /// Lines of series that relabelling drops.
    pub dropped: usize,
    /// Lines without own timestamp whose series had come before in this scrape: not appended.
    pub repeated: usize,
    /// Lines with a timestamp beyond the latest allowed one: not appended.
    pub out_of_bounds: usize,
}

/// A cursor over a body.
pub struct Parser<'a> {
    pub(super) body: &'a [u8],
    format: Format,
    /// Where the next line starts; the body's length at the end.
    pub(super) at: usize,
    pub(super) kind: MetricKind,
    unit: &'a str,
}

impl<'a> Parser<'a> {
    #[must_use]
    pub fn new(body: &'a [u8], format: Format) -> Parser<'a> {
        Parser {
            body,
            format,
            at: 0,
            kind: MetricKind::Unknown,
            unit: "",
        }
    }

    /// The kind that the last TYPE line announced.
    #[must_use]
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// The unit that the last UNIT line announced. Compat: it holds for metrics after it that have
    /// none.
    #[must_use]
    pub fn unit(&self) -> &'a str {
        self.unit
    }

    /// The next meaningful line; none at the end. After an error there is nothing more to ask.
    #[allow(
        clippy::should_implement_trait,
        reason = "gives a result of an option, unlike an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        let entry = match self.format {
            Format::Text => self.next_text(),
            Format::OpenMetrics => self.next_open_metrics(),
        };
        entry.map_err(|expected| self.error(&expected))
    }

    /// Appends samples for as long as lines are plain and of series that the cache knows, which in
    /// steady state is from one comment to the next. Then `next` goes on.
    #[inline]
    pub fn known(
        &mut self,
        cache: &mut ScrapeCache,
        options: &KnownOptions,
        samples: &mut Vec<Sample>,
    ) -> Known {
        let mut known = Known::default();
        while let Some(len) = cache.matches(&self.body[self.at..])
            && let Some(tail) = self.plain_tail(self.at + len)
        {
            self.at = tail.next;
            let own = tail.timestamp_ms.filter(|_| options.honor_timestamps);
            let found = cache.take(own.is_none() || options.track_timestamps_staleness);
            known.lines += 1;
            let Some(series) = found.series else {
                known.dropped += 1;
                continue;
            };
            let timestamp_ms = own.unwrap_or(options.timestamp_ms);
            if found.repeated && own.is_none() {
                known.repeated += 1;
            } else if timestamp_ms > options.timestamp_ms_max {
                known.out_of_bounds += 1;
            } else {
                samples.push(Sample {
                    series,
                    timestamp_ms,
                    value: tail.value,
                });
            }
        }
        known
    }

    /// Reads what follows a series, if it is a value, at most a timestamp, and a newline. None:
    /// `next` has to look at this line, be it an exemplar, an error, or the last line without a
    /// newline.
    #[inline]
    fn plain_tail(&self, at: usize) -> Option<Tail> {
        let body = self.body;
        if body.get(at) != Some(&b' ') {
            return None;
        }
        let (value, end) = match short_decimal(body, at + 1) {
            Some(decimal) => decimal,
            None => self.other_float(at + 1)?,
        };
        match body.get(end) {
            Some(b'\n') => Some(Tail {
                value,
                timestamp_ms: None,
                next: end + 1,
            }),
            Some(b' ') => {
                let newline = end + 1 + memchr(b'\n', &body[end + 1..])?;
                let token = &body[end + 1..newline];
                let timestamp = match self.format {
                    Format::Text => parse_milliseconds(token),
                    Format::OpenMetrics => parse_seconds(token),
                };
                Some(Tail {
                    value,
                    timestamp_ms: Some(timestamp?),
                    next: newline + 1,
                })
            }
            _ => None,
        }
    }

    #[cold]
    fn other_float(&self, at: usize) -> Option<(f64, usize)> {
        let end = at + memchr2(b' ', b'\n', &self.body[at..])?;
        parse_float(&self.body[at..end]).map(|value| (value, end))
    }

    pub(super) fn metadata(
        &mut self,
        keyword: comment::Keyword,
        name: &'a [u8],
        text: &'a [u8],
        at: usize,
    ) -> Result<Entry<'a>, Expected> {
        let entry = comment::metadata(keyword, self.format, name, text);
        let entry = entry.map_err(|what| Expected { at, what })?;
        if let Entry::Type { kind, .. } = &entry {
            self.kind = *kind;
        }
        if let Entry::Unit { .. } = &entry {
            self.unit = std::str::from_utf8(text).unwrap_or_default();
        }
        Ok(entry)
    }

    #[cold]
    fn error(&self, expected: &Expected) -> ParseError {
        /// Long enough to recognise the place in a page, short enough for a log line.
        const FOUND_CHARS_MAX: usize = 40;
        let at = expected.at.min(self.body.len());
        let line = 1 + memchr::memchr_iter(b'\n', &self.body[..at]).count();
        let rest = &self.body[at..];
        let end = memchr(b'\n', rest)
            .unwrap_or(rest.len())
            .min(FOUND_CHARS_MAX * 4);
        let found = String::from_utf8_lossy(&rest[..end]);
        let found = found.chars().take(FOUND_CHARS_MAX).collect();
        ParseError {
            line,
            expected: expected.what,
            found,
        }
    }
}

struct Tail {
    value: f64,
    timestamp_ms: Option<i64>,
    next: usize,
}
