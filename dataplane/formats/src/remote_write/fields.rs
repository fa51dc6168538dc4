//! Fields that both versions of the message have.

use batch::{MetricKind, WireBuf};

/// Field 2 of Sample, encoded: tag and varint.
#[derive(Default)]
pub(super) struct Time {
    timestamp_ms: i64,
    /// Padded, so that it is copied in one move.
    bytes: [u8; 32],
    len: usize,
}

const SAMPLE: u8 = 0x12;

/// Writes a sample as field 2 of its series, which is the same in both versions.
#[inline]
pub(super) fn put_sample(out: &mut WireBuf, time: &mut Time, timestamp_ms: i64, value: f64) {
    let len = time.bytes(timestamp_ms).len();
    // Compat: proto3 leaves zeros out, and Go's encoder takes -0 for one, so that it arrives as 0.
    // Held by the case metrics/text_special_values.
    if value == 0.0 {
        out.put_array([SAMPLE, len as u8]);
    } else {
        let mut head = [SAMPLE, 9 + len as u8, 0x09, 0, 0, 0, 0, 0, 0, 0, 0];
        head[3..].copy_from_slice(&value.to_le_bytes());
        out.put_array(head);
    }
    out.put_padded(&time.bytes, len);
}

impl Time {
    /// Bytes of the field, none for the time zero.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The field for a time.
    #[inline]
    pub(super) fn bytes(&mut self, timestamp_ms: i64) -> &[u8] {
        if self.timestamp_ms != timestamp_ms {
            self.set(timestamp_ms);
        }
        &self.bytes[..self.len]
    }

    #[cold]
    fn set(&mut self, timestamp_ms: i64) {
        let mut out = Vec::with_capacity(16);
        if timestamp_ms != 0 {
            out.push(0x10);
            stdx::varint::put(&mut out, timestamp_ms as u64);
        }
        self.len = out.len();
        self.bytes[..out.len()].copy_from_slice(&out);
        self.timestamp_ms = timestamp_ms;
    }
}

pub(super) fn put_text(out: &mut WireBuf, tag: u8, text: &str) {
    if !text.is_empty() {
        out.put_byte(tag);
        out.put_varint(text.len() as u64);
        out.put(text.as_bytes());
    }
}

pub(super) fn put_double(out: &mut WireBuf, tag: u8, value: f64) {
    if value != 0.0 {
        out.put_byte(tag);
        out.put_array(value.to_le_bytes());
    }
}

pub(super) fn put_integer(out: &mut WireBuf, tag: u8, value: u64) {
    if value != 0 {
        out.put_byte(tag);
        out.put_varint(value);
    }
}

pub(super) fn kind_number(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Unknown => 0,
        MetricKind::Counter => 1,
        MetricKind::Gauge => 2,
        MetricKind::Histogram => 3,
        MetricKind::GaugeHistogram => 4,
        MetricKind::Summary => 5,
        MetricKind::Info => 6,
        MetricKind::StateSet => 7,
    }
}
