//! Walks the lines of an exposition.

use std::borrow::Cow;

use batch::{MetricKind, Sample, ScrapeCache};

use super::ParseError;

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
        unit: &'a str,
    },
    Sample(Line<'a>),
}

/// A sample whose series is still text.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The series as it stands, checked only as far as finding its end needs; `read_series` decodes it.
    pub text: &'a [u8],
    /// The kind that the last TYPE line announced; `read_series` needs it.
    pub kind: MetricKind,
    pub value: f64,
    pub timestamp_ms: Option<i64>,
    pub exemplar: Option<ExemplarText<'a>>,
}

/// An exemplar whose labels are still text: `read_series` decodes them too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExemplarText<'a> {
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
}

/// A cursor over a body.
pub struct Parser<'a> {
    body: &'a [u8],
    format: Format,
}

impl<'a> Parser<'a> {
    #[must_use]
    pub fn new(body: &'a [u8], format: Format) -> Parser<'a> {
        Parser { body, format }
    }

    /// The next meaningful line; none at the end.
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        let _ = (self.body, self.format);
        Ok(None)
    }

    /// Appends samples for as long as lines are plain and of series that the cache knows, which in steady
    /// state is from one comment to the next. Then `next` goes on.
    pub fn known(
        &mut self,
        cache: &mut ScrapeCache,
        options: &KnownOptions,
        samples: &mut Vec<Sample>,
    ) -> Result<Known, ParseError> {
        let _ = (cache, options, samples);
        Ok(Known::default())
    }
}
