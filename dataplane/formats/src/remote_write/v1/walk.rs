//! Walks prometheus.WriteRequest.

use std::borrow::Cow;

use batch::{LabelsBuf, Metadata, MetricKind};

use crate::protobuf::{DecodeError, Fields};
use crate::remote_write::histogram;
use crate::remote_write::visit::{Limits, Visit, WireLabels, decode_label, decode_sample, kind};

/// Walks a request whose snappy layer is already off. Fields that are not known are skipped.
pub fn visit(bytes: &[u8], limits: &Limits, to: &mut impl Visit) -> Result<(), DecodeError> {
    let mut walk = Walk { limits, items: 0 };
    let mut series = 0;
    let mut fields = Fields::new("write request", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 if series == limits.series_max => {
                return Err(DecodeError {
                    field: "write request",
                    reason: "too many series",
                });
            }
            1 => {
                series += 1;
                walk.series(value.bytes("series")?, to)?;
            }
            3 => {
                walk.count("metadata")?;
                to.metadata(decode_metadata(value.bytes("metadata")?)?);
            }
            _ => {}
        }
    }
    Ok(())
}

struct Walk<'a> {
    limits: &'a Limits,
    items: usize,
}

impl Walk<'_> {
    fn series(&mut self, bytes: &[u8], to: &mut impl Visit) -> Result<(), DecodeError> {
        let labels_max = self.limits.labels_per_series_max;
        let (labels, items) = label_fields(bytes)?;
        to.series(WireLabels {
            bytes: &labels,
            labels_max,
            problem: None,
        })?;
        let mut fields = Fields::new("series", items);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => {
                    self.count("series")?;
                    let (timestamp_ms, number) = decode_sample(value.bytes("sample")?)?;
                    to.sample(timestamp_ms, number);
                }
                3 => {
                    self.count("series")?;
                    let exemplar = decode_exemplar(value.bytes("exemplar")?, labels_max)?;
                    to.exemplar(exemplar.0, exemplar.1, exemplar.2);
                }
                4 => {
                    self.count("series")?;
                    let (timestamp_ms, decoded) = histogram::decode(value.bytes("histogram")?)?;
                    to.histogram(timestamp_ms, decoded);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, field: &'static str) -> Result<(), DecodeError> {
        if self.items == self.limits.items_max {
            return Err(DecodeError {
                field,
                reason: "too many samples",
            });
        }
        self.items += 1;
        Ok(())
    }
}

/// The label fields of a series, and the fields from the first other one on. All senders write
/// labels first and together, and then they are a slice of the request; only scattered ones are
/// copied.
fn label_fields(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), DecodeError> {
    let mut start = short_labels(bytes);
    let mut fields = Fields::new("series", &bytes[start..]);
    let (mut first_other, mut scattered) = (None, false);
    while let Some((number, _)) = fields.next()? {
        match (number, first_other) {
            (1, Some(_)) => scattered = true,
            (1, None) => {}
            (_, None) => first_other = Some(start),
            (_, Some(_)) => {}
        }
        start = bytes.len() - fields.rest().len();
    }
    if !scattered {
        let (labels, items) = bytes.split_at(first_other.unwrap_or(bytes.len()));
        return Ok((Cow::Borrowed(labels), items));
    }
    let mut labels = Vec::with_capacity(bytes.len());
    let mut fields = Fields::new("series", bytes);
    let mut start = 0;
    while let Some((number, _)) = fields.next()? {
        let end = bytes.len() - fields.rest().len();
        if number == 1 {
            labels.extend_from_slice(&bytes[start..end]);
        }
        start = end;
    }
    Ok((Cow::Owned(labels), bytes))
}

/// How many bytes the labels at the beginning take that are shorter than 128 bytes each, which is
/// nearly all there are: a tag of one byte, a length of one byte. Cost: two loads a label.
#[inline]
fn short_labels(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some([LABEL, len]) = bytes.get(at..at + 2)
        && *len < 0x80
        && at + 2 + usize::from(*len) <= bytes.len()
    {
        at += 2 + usize::from(*len);
    }
    at
}

/// The tag of field 1, with its length before it.
const LABEL: u8 = 0x0a;

fn decode_exemplar(bytes: &[u8], labels_max: usize) -> Result<(i64, f64, LabelsBuf), DecodeError> {
    let (mut timestamp_ms, mut number, mut labels) = (0, 0.0, LabelsBuf::new());
    let mut count = 0;
    let mut fields = Fields::new("exemplar", bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 if count == labels_max => {
                return Err(DecodeError {
                    field: "exemplar",
                    reason: "too many labels",
                });
            }
            1 => {
                count += 1;
                decode_label(value.bytes("exemplar label")?, &mut labels)?;
            }
            2 => number = value.double("exemplar value")?,
            3 => timestamp_ms = value.varint("exemplar timestamp")?.cast_signed(),
            _ => {}
        }
    }
    Ok((timestamp_ms, number, labels))
}

fn decode_metadata(bytes: &[u8]) -> Result<Metadata, DecodeError> {
    let mut metadata = Metadata {
        name: String::new(),
        kind: MetricKind::Unknown,
        help: String::new(),
        unit: String::new(),
    };
    let mut fields = Fields::new("metadata", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => metadata.kind = kind(value.varint("metadata type")?),
            2 => metadata.name = value.text("metadata name")?,
            4 => metadata.help = value.text("metadata help")?,
            5 => metadata.unit = value.text("metadata unit")?,
            _ => {}
        }
    }
    Ok(metadata)
}
