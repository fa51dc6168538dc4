//! Summaries, their quantiles left as bytes.

use super::timestamp;
use crate::protobuf::{DecodeError, Fields};

const SUMMARY: &str = "summary";

/// A summary whose quantiles are not decoded.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    pub count: u64,
    pub sum: f64,
    pub start_ms: Option<i64>,
    bytes: &'a [u8],
}

impl<'a> Summary<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Summary<'a>, DecodeError> {
        let mut summary = Summary {
            count: 0,
            sum: 0.0,
            start_ms: None,
            bytes,
        };
        let mut fields = Fields::new(SUMMARY, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => summary.count = value.varint(SUMMARY)?,
                2 => summary.sum = value.double(SUMMARY)?,
                4 => summary.start_ms = Some(timestamp(value)?),
                _ => {}
            }
        }
        Ok(summary)
    }

    /// Appends each quantile and its value.
    pub fn quantiles(&self, out: &mut Vec<(f64, f64)>) -> Result<(), DecodeError> {
        let mut fields = Fields::new(SUMMARY, self.bytes);
        while let Some((number, value)) = fields.next()? {
            if number != 3 {
                continue;
            }
            let (mut quantile, mut at) = (0.0, 0.0);
            let mut fields = Fields::new("quantile", value.bytes(SUMMARY)?);
            while let Some((number, value)) = fields.next()? {
                match number {
                    1 => quantile = value.double("quantile")?,
                    2 => at = value.double("quantile")?,
                    _ => {}
                }
            }
            out.push((quantile, at));
        }
        Ok(())
    }
}
