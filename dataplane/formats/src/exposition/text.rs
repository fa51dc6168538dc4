//! The lines of the Prometheus text format.

use memchr::memchr;

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
                None => {
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
        // "#HELP" without a blank is an ordinary comment, and there are no units in this format.
        let keyword = comment::keyword(&body[word..], b" \t")
            .filter(|keyword| *keyword != comment::Keyword::Unit && word > hash + 1);
        let Some(keyword) = keyword else {
            self.at = self.after(line_end(body, word));
            return Ok(None);
        };
        let name_at = skip_blanks(body, word + comment::KEYWORD_BYTES);
        let (name, end) = comment_name(body, name_at)?;
        let text_end = line_end(body, end);
        self.at = self.after(text_end);
        let mut text = &body[end..text_end];
        // Compat: exactly one character is taken for the separator, so that "# TYPE a  gauge" is
        // refused.
        if text.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            text = &[];
        } else {
            text = &text[1..];
        }
        self.metadata(keyword, name, text, end).map(Some)
    }

    /// The start of the next line; the last one may lack its newline.
    fn after(&self, line_end: usize) -> usize {
        (line_end + 1).min(self.body.len())
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
        self.at = self.after(next);
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

/// The place of the newline that ends a line, or of the end of the body, which counts as one.
fn line_end(body: &[u8], at: usize) -> usize {
    memchr(b'\n', &body[at..]).map_or(body.len(), |newline| at + newline)
}
