//! Walks io.prometheus.write.v2.Request.

use batch::{Histogram, LabelsBuf, MetricKind};
use stdx::varint;

use crate::protobuf::{DecodeError, Fields, Value};
use crate::remote_write::histogram;
use crate::remote_write::visit::{Limits, SeriesMetadata, Visit, WireLabels, decode_sample, kind};

/// What a receiver makes of a request.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Add the labels `__type__` and `__unit__` from the series' metadata, in place of such labels
    /// that came along.
    pub type_and_unit_labels: bool,
}

/// Walks a request whose snappy layer is already off. Fields that are not known are skipped.
///
/// What is wrong with one series (numbers of symbols that do not exist, no data) is told as its
/// problem and does not end the walk.
pub fn visit(
    bytes: &[u8],
    limits: &Limits,
    options: &Options,
    to: &mut impl Visit,
) -> Result<(), DecodeError> {
    let mut walk = Walk {
        limits,
        options,
        symbols: symbols(bytes, limits)?,
        items: 0,
        refs: Vec::new(),
        labels: Vec::new(),
    };
    let mut series = 0;
    let mut fields = Fields::new(REQUEST, bytes);
    while let Some((number, value)) = fields.next()? {
        if number == 5 {
            if series == limits.series_max {
                return Err(too_many(REQUEST, "too many series"));
            }
            series += 1;
            walk.series(value.bytes(SERIES)?, to)?;
        }
    }
    Ok(())
}

const REQUEST: &str = "write request";
const SERIES: &str = "series";
const EXEMPLAR: &str = "exemplar";
const METADATA: &str = "metadata";

const BAD_REF: &str = "label refers to a symbol that is not there";
const BAD_METADATA_REF: &str = "metadata refers to a symbol that is not there";
const ODD_REFS: &str = "odd number of label references";
const NO_DATA: &str = "series has neither samples nor histograms";

fn too_many(field: &'static str, reason: &'static str) -> DecodeError {
    DecodeError { field, reason }
}

/// The table, which may stand anywhere in the message. Bounded like items: a symbol takes as much
/// memory.
fn symbols<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<&'a [u8]>, DecodeError> {
    let mut symbols = Vec::new();
    let mut fields = Fields::new(REQUEST, bytes);
    while let Some((number, value)) = fields.next()? {
        if number == 4 {
            if symbols.len() == limits.items_max {
                return Err(too_many(REQUEST, "too many symbols"));
            }
            symbols.push(value.bytes("symbol")?);
        }
    }
    Ok(symbols)
}

struct Walk<'a> {
    limits: &'a Limits,
    options: &'a Options,
    symbols: Vec<&'a [u8]>,
    items: usize,
    /// Of the series at hand.
    refs: Vec<u32>,
    /// Its labels as version 1 writes them.
    labels: Vec<u8>,
}

/// What one series has besides items.
struct Outline<'a> {
    metadata: Option<SeriesMetadata<'a>>,
    problem: Option<&'static str>,
}

impl<'a> Walk<'a> {
    fn series(&mut self, bytes: &'a [u8], to: &mut impl Visit) -> Result<(), DecodeError> {
        let outline = self.outline(bytes)?;
        let labels_problem = self.write_labels(outline.metadata.as_ref());
        to.series(WireLabels {
            bytes: &self.labels,
            labels_max: self.limits.labels_per_series_max,
            problem: labels_problem.or(outline.problem),
        })?;
        let mut fields = Fields::new(SERIES, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => {
                    self.count()?;
                    let (timestamp_ms, number) = decode_sample(value.bytes("sample")?)?;
                    to.sample(timestamp_ms, number);
                }
                3 => {
                    self.count()?;
                    let decoded: (i64, Histogram) = histogram::decode(value.bytes("histogram")?)?;
                    to.histogram(decoded.0, decoded.1);
                }
                4 => {
                    self.count()?;
                    self.exemplar(value.bytes(EXEMPLAR)?, to)?;
                }
                _ => {}
            }
        }
        if let Some(metadata) = outline.metadata {
            to.series_metadata(metadata);
        }
        Ok(())
    }

    /// Reads label references and metadata, which may follow the items that they are needed for.
    fn outline(&mut self, bytes: &'a [u8]) -> Result<Outline<'a>, DecodeError> {
        self.refs.clear();
        let refs_max = self.limits.labels_per_series_max.saturating_mul(2);
        let mut outline = Outline {
            metadata: None,
            problem: None,
        };
        let mut has_data = false;
        let mut fields = Fields::new(SERIES, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => read_refs(value, refs_max, &mut self.refs)?,
                2 | 3 => has_data = true,
                5 => match self.metadata(value.bytes(METADATA)?)? {
                    Some(metadata) => outline.metadata = Some(metadata),
                    None => outline.problem = Some(BAD_METADATA_REF),
                },
                _ => {}
            }
        }
        if !has_data {
            outline.problem = outline.problem.or(Some(NO_DATA));
        }
        Ok(outline)
    }

    /// None when it refers to no symbol.
    fn metadata(&self, bytes: &[u8]) -> Result<Option<SeriesMetadata<'a>>, DecodeError> {
        let (mut metric_kind, mut help, mut unit) = (MetricKind::Unknown, 0, 0);
        let mut fields = Fields::new(METADATA, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => metric_kind = kind(value.varint(METADATA)?),
                3 => help = value.varint(METADATA)?,
                4 => unit = value.varint(METADATA)?,
                _ => {}
            }
        }
        let text = |symbol: u64| {
            // Zero is also what is not given, and means no text even where there is no table.
            let symbol = usize::try_from(symbol).ok()?;
            let found = self.symbols.get(symbol).copied();
            let found = found.or((symbol == 0).then_some(&[]))?;
            Some(String::from_utf8_lossy(found))
        };
        Ok(text(help)
            .zip(text(unit))
            .map(|(help, unit)| SeriesMetadata {
                kind: metric_kind,
                help,
                unit,
            }))
    }

    /// Brings the labels into the form that version 1 has; gives what makes that impossible.
    fn write_labels(&mut self, metadata: Option<&SeriesMetadata<'_>>) -> Option<&'static str> {
        self.labels.clear();
        let (pairs, rest) = self.refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Some(ODD_REFS);
        }
        let metadata = metadata.filter(|metadata| {
            self.options.type_and_unit_labels
                && (metadata.kind != MetricKind::Unknown || !metadata.unit.is_empty())
        });
        for [name, value] in pairs {
            let name = self.symbols.get(*name as usize);
            let Some((name, value)) = name.zip(self.symbols.get(*value as usize)) else {
                return Some(BAD_REF);
            };
            if metadata.is_some() && (*name == TYPE || *name == UNIT) {
                continue;
            }
            put_label(&mut self.labels, name, value);
        }
        if let Some(metadata) = metadata {
            if metadata.kind != MetricKind::Unknown {
                put_label(&mut self.labels, TYPE, metadata.kind.name().as_bytes());
            }
            if !metadata.unit.is_empty() {
                put_label(&mut self.labels, UNIT, metadata.unit.as_bytes());
            }
        }
        None
    }

    fn exemplar(&self, bytes: &[u8], to: &mut impl Visit) -> Result<(), DecodeError> {
        let (mut timestamp_ms, mut number, mut refs) = (0, 0.0, Vec::new());
        let refs_max = self.limits.labels_per_series_max.saturating_mul(2);
        let mut fields = Fields::new(EXEMPLAR, bytes);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => read_refs(value, refs_max, &mut refs)?,
                2 => number = value.double(EXEMPLAR)?,
                3 => timestamp_ms = value.varint(EXEMPLAR)?.cast_signed(),
                _ => {}
            }
        }
        match self.exemplar_labels(&refs) {
            Ok(labels) => to.exemplar(timestamp_ms, number, labels),
            Err(problem) => to.unreadable_exemplar(problem),
        }
        Ok(())
    }

    fn exemplar_labels(&self, refs: &[u32]) -> Result<LabelsBuf, &'static str> {
        let (pairs, rest) = refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(ODD_REFS);
        }
        let text = |symbol: u32| {
            let bytes = self.symbols.get(symbol as usize).ok_or(BAD_REF)?;
            std::str::from_utf8(bytes).map_err(|_| "label is not UTF-8")
        };
        let mut labels = LabelsBuf::new();
        for [name, value] in pairs {
            labels.set(text(*name)?, text(*value)?);
        }
        Ok(labels)
    }

    fn count(&mut self) -> Result<(), DecodeError> {
        if self.items == self.limits.items_max {
            return Err(too_many(SERIES, "too many samples"));
        }
        self.items += 1;
        Ok(())
    }
}

const TYPE: &[u8] = b"__type__";
const UNIT: &[u8] = b"__unit__";

/// Appends label references, packed or not.
fn read_refs(value: Value<'_>, refs_max: usize, refs: &mut Vec<u32>) -> Result<(), DecodeError> {
    let mut add = |number: u64| {
        if refs.len() == refs_max {
            return Err(too_many(SERIES, "too many labels"));
        }
        // A number that does not fit refers to nothing, like any that is too large.
        refs.push(u32::try_from(number).unwrap_or(u32::MAX));
        Ok(())
    };
    let Value::Bytes(mut packed) = value else {
        return add(value.varint(SERIES)?);
    };
    while !packed.is_empty() {
        let (number, len) = varint::get(packed).ok_or(DecodeError {
            field: SERIES,
            reason: "bad or cut off label reference",
        })?;
        add(number)?;
        packed = &packed[len..];
    }
    Ok(())
}

/// Appends a label as version 1 writes it.
fn put_label(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let (name_len, value_len) = (name.len() as u64, value.len() as u64);
    let inner = 2 + varint::len(name_len) + varint::len(value_len) + name.len() + value.len();
    out.push(0x0a);
    varint::put(out, inner as u64);
    out.push(0x0a);
    varint::put(out, name_len);
    out.extend_from_slice(name);
    out.push(0x12);
    varint::put(out, value_len);
    out.extend_from_slice(value);
}
