//! The lines of OpenMetrics: stricter than the Prometheus text format, with exemplars and an end
//! mark.

use memchr::memchr;

use super::comment;
use super::parser::{Entry, ExemplarText, Line, Parser};
use super::series::{Dialect, Expected, Part, scan_braces, scan_series};
use super::token::{comment_name, number, seconds, token_end};

impl<'a> Parser<'a> {
    pub(super) fn next_open_metrics(&mut self) -> Result<Option<Entry<'a>>, Expected> {
        let body = self.body;
        let start = self.at;
        match body.get(start) {
            None => Err(Expected {
                at: start,
                what: "\"# EOF\" at the end",
            }),
            Some(b'#') => self.comment_open_metrics(start),
            Some(_) => self.sample_open_metrics(start).map(Some),
        }
    }

    fn comment_open_metrics(&mut self, start: usize) -> Result<Option<Entry<'a>>, Expected> {
        let body = self.body;
        let rest = &body[start..];
        if let Some(after) = rest.strip_prefix(b"# EOF") {
            if after.is_empty() || after == b"\n" {
                self.at = body.len();
                return Ok(None);
            }
            return Err(Expected {
                at: start + 5,
                what: "nothing after \"# EOF\"",
            });
        }
        let line_end = memchr(b'\n', rest).map_or(body.len(), |at| start + at);
        let word = &body[(start + 2).min(line_end)..line_end];
        let keyword = comment::keyword(word, b" ").filter(|_| rest.starts_with(b"# "));
        let what = "\"# HELP\", \"# TYPE\", \"# UNIT\" or \"# EOF\"";
        let keyword = keyword.ok_or(Expected { at: start, what })?;
        let (name, end) = comment_name(body, start + 3 + comment::KEYWORD_BYTES)?;
        let line_end = memchr(b'\n', &body[end..]).map(|at| end + at);
        let Some(line_end) = line_end.filter(|_| body.get(end) == Some(&b' ')) else {
            return Err(Expected {
                at: end,
                what: "a blank, a text and a newline",
            });
        };
        self.at = line_end + 1;
        self.metadata(keyword, name, &body[end + 1..line_end], end + 1)
            .map(Some)
    }

    fn sample_open_metrics(&mut self, start: usize) -> Result<Entry<'a>, Expected> {
        let end = scan_series(self.body, start, Dialect::OpenMetrics, &mut |_| {})?;
        let text = &self.body[start..end];
        let (value, at) = self.open_metrics_token(end, "a blank and a value")?;
        let value = number(value, end + 1)?;
        let (timestamp_ms, mut at) = self.open_metrics_timestamp(at)?;
        let mut exemplar = None;
        if self.body[at..].starts_with(b" # {") {
            let (found, end) = self.exemplar(at + 3)?;
            exemplar = Some(found);
            at = end;
        }
        match self.body.get(at) {
            Some(b'\n') => self.at = at + 1,
            None => {
                return Err(Expected {
                    at,
                    what: "a newline and \"# EOF\" at the end",
                });
            }
            Some(_) => {
                return Err(Expected {
                    at,
                    what: "the end of the line",
                });
            }
        }
        Ok(Entry::Sample(Line {
            text,
            kind: self.kind,
            value,
            timestamp_ms,
            exemplar,
        }))
    }

    fn exemplar(&self, brace: usize) -> Result<(ExemplarText<'a>, usize), Expected> {
        let ignore = &mut |_: Part<'a>| {};
        let end = scan_braces(self.body, brace + 1, Dialect::Exemplar, true, ignore)?;
        let text = &self.body[brace..end];
        let (value, at) = self.open_metrics_token(end, "a blank and an exemplar's value")?;
        let value = number(value, end + 1)?;
        let mut timestamp_ms = None;
        let mut next = at;
        if self.body.get(at) == Some(&b' ') {
            let (token, end) = self.open_metrics_token(at, "a timestamp")?;
            timestamp_ms = Some(seconds(token, at + 1)?);
            next = end;
        }
        Ok((
            ExemplarText {
                text,
                value,
                timestamp_ms,
            },
            next,
        ))
    }

    /// The timestamp behind a value, unless an exemplar or the end of the line follows.
    fn open_metrics_timestamp(&self, at: usize) -> Result<(Option<i64>, usize), Expected> {
        if self.body.get(at) != Some(&b' ') || self.body[at..].starts_with(b" # {") {
            return Ok((None, at));
        }
        let (token, end) = self.open_metrics_token(at, "a timestamp or the end of the line")?;
        Ok((Some(seconds(token, at + 1)?), end))
    }

    /// One blank and what follows up to the next.
    fn open_metrics_token(
        &self,
        at: usize,
        what: &'static str,
    ) -> Result<(&'a [u8], usize), Expected> {
        let end = token_end(self.body, at + 1, |byte| matches!(byte, b' ' | b'\n' | 0));
        if self.body.get(at) != Some(&b' ') || end == at + 1 {
            return Err(Expected { at, what });
        }
        Ok((&self.body[at + 1..end], end))
    }
}
