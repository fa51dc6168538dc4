//! The lines of the Prometheus text format.

use memchr::{memchr, memchr2};

use super::comment;
use super::number::parse_milliseconds;
use super::parser::{Entry, Line, Parser};
use super::series::{Dialect, Expected, scan_series};
use super::token::{comment_name, number, skip_blanks, token_end};

impl<'a> Parser<'a> {
    pub(super) fn next_text(&mut self) -> Result<Option<Entry<'a>>, Expected> {
        let body = self.body;
        loop {
            let start = self.at;
            let first = skip_blanks(body, start);
            match body.get(first) {
                // Compat: Prometheus takes a zero byte between lines for the end.
                None | Some(0) => {
                    self.at = body.len();
                    return Ok(None);
                }
                Some(b'\n') => self.at = first + 1,
                Some(b'#') => {
                    if let Some(entry) = self.comment_text(first)? {
                        return Ok(Some(entry));
                    }
                }
                Some(_) => return self.sample_text(start).map(Some),
            }
        }
    }

    fn comment_text(&mut self, hash: usize) -> Result<Option<Entry<'a>>, Expected> {
        let body = self.body;
        let word = skip_blanks(body, hash + 1);
        if word == hash + 1 {
            // Compat: in a comment without a blank a zero byte is the end of everything.
            let end = memchr2(b'\n', 0, &body[word..]).map_or(body.len(), |at| word + at);
            self.at = if body.get(end) == Some(&0) {
                body.len()
            } else {
                (end + 1).min(body.len())
            };
            return Ok(None);
        }
        let line_end = memchr(b'\n', &body[word..]).map_or(body.len(), |at| word + at);
        self.at = (line_end + 1).min(body.len());
        let keyword = comment::keyword(&body[word..line_end], b" \t");
        let Some(keyword) = keyword.filter(|keyword| *keyword != comment::Keyword::Unit) else {
            return Ok(None);
        };
        let name_at = skip_blanks(body, word + comment::KEYWORD_BYTES);
        let (name, end) = comment_name(body, name_at)?;
        let text = match body.get(end..line_end) {
            Some(text) if text.iter().any(|byte| !matches!(byte, b' ' | b'\t')) => &text[1..],
            Some(_) => &[],
            None => {
                return Err(Expected {
                    at: name_at,
                    what: "a metric name on one line",
                });
            }
        };
        self.metadata(keyword, name, text, end).map(Some)
    }

    fn sample_text(&mut self, start: usize) -> Result<Entry<'a>, Expected> {
        let body = self.body;
        let end = scan_series(body, start, Dialect::Text, &mut |_| {})?;
        let at = skip_blanks(body, end);
        let value_end = token_end(body, at, |byte| {
            matches!(byte, b'{' | b' ' | b'\t' | b'\n' | 0)
        });
        let value = number(&body[at..value_end], at)?;
        let mut next = skip_blanks(body, value_end);
        let mut timestamp_ms = None;
        if body.get(next).is_some_and(u8::is_ascii_digit) {
            let digits_end = token_end(body, next, |byte| !byte.is_ascii_digit());
            let timestamp = parse_milliseconds(&body[next..digits_end]);
            timestamp_ms = Some(timestamp.ok_or(Expected {
                at: next,
                what: "a smaller timestamp",
            })?);
            next = skip_blanks(body, digits_end);
        }
        match body.get(next) {
            None | Some(b'\n') => {}
            _ if timestamp_ms.is_some() => {
                return Err(Expected {
                    at: next,
                    what: "the end of the line",
                });
            }
            _ => {
                return Err(Expected {
                    at: next,
                    what: "a timestamp or the end of the line",
                });
            }
        }
        self.at = (next + 1).min(body.len());
        let text = &body[start..end];
        Ok(Entry::Sample(Line {
            text,
            kind: self.kind,
            value,
            timestamp_ms,
            exemplar: None,
        }))
    }
}
