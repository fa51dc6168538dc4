//! Pieces of a line that both formats have.

use super::number::{parse_float, parse_seconds};
use super::series::{Expected, name_end, quoted_end};

pub(super) fn comment_name(body: &[u8], at: usize) -> Result<(&[u8], usize), Expected> {
    if body.get(at) == Some(&b'"') {
        let end = quoted_end(body, at, true, false)?;
        return Ok((&body[at + 1..end - 1], end));
    }
    let end = name_end(body, at);
    if end == at {
        return Err(Expected {
            at,
            what: "a metric name",
        });
    }
    Ok((&body[at..end], end))
}

pub(super) fn number(token: &[u8], at: usize) -> Result<f64, Expected> {
    if token.is_empty() {
        return Err(Expected {
            at,
            what: "a value",
        });
    }
    parse_float(token).ok_or(Expected {
        at,
        what: "a number",
    })
}

pub(super) fn seconds(token: &[u8], at: usize) -> Result<i64, Expected> {
    parse_seconds(token).ok_or(Expected {
        at,
        what: "a timestamp in seconds",
    })
}

pub(super) fn token_end(body: &[u8], at: usize, ends: impl Fn(u8) -> bool) -> usize {
    let rest = &body[at.min(body.len())..];
    at + rest
        .iter()
        .position(|byte| ends(*byte))
        .unwrap_or(rest.len())
}

pub(super) fn skip_blanks(body: &[u8], mut at: usize) -> usize {
    while matches!(body.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}
