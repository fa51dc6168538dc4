//! Exemplars of buckets and counters, their labels left as bytes.

use batch::LabelsBuf;

use super::{timestamp, utf8};
use crate::protobuf::{DecodeError, Fields};

const EXEMPLAR: &str = "exemplar";

/// An exemplar whose labels are not decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    pub bytes: &'a [u8],
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

impl<'a> Exemplar<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Exemplar<'a>, DecodeError> {
        let mut exemplar = Exemplar {
            bytes,
            value: 0.0,
            timestamp_ms: None,
        };
        let mut fields = Fields::new(EXEMPLAR, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => exemplar.value = value.double(EXEMPLAR)?,
                3 => exemplar.timestamp_ms = Some(timestamp(value)?),
                _ => {}
            }
        }
        Ok(exemplar)
    }

    /// Replaces `labels`.
    pub fn read_labels(&self, labels: &mut LabelsBuf) -> Result<(), String> {
        labels.clear();
        let refuse = |error: DecodeError| error.to_string();
        let mut fields = Fields::new(EXEMPLAR, self.bytes);
        while let Some((number, value)) = fields.next().map_err(refuse)? {
            if number != 1 {
                continue;
            }
            let (mut name, mut text) = ("", "");
            let label = value.bytes(EXEMPLAR).map_err(refuse)?;
            let mut fields = Fields::new("exemplar label", label);
            while let Some((number, value)) = fields.next().map_err(refuse)? {
                let part = match number {
                    1 => &mut name,
                    2 => &mut text,
                    _ => continue,
                };
                let bytes = value.bytes(EXEMPLAR).map_err(refuse)?;
                *part = utf8(bytes, "an exemplar's label is not UTF-8").map_err(refuse)?;
            }
            labels.set(name, text);
        }
        Ok(())
    }
}
