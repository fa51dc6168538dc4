//! Ids, and questions about the item.

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Body, Definition, Parameter, Set, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::path::{Field, Owner, Path};
use crate::ottl::text::{from_hex, to_hex};
use crate::ottl::trace_state;
use crate::ottl::value::Value;

const BYTES: &[Parameter] = &[parameter("target", Kind::BytesLike)];

pub(super) const TABLE: &[Definition] = &[
    prepared("TraceID", BYTES, |literals| {
        id::<16>(literals, Value::TraceId)
    }),
    prepared("SpanID", BYTES, |literals| id::<8>(literals, Value::SpanId)),
    prepared("ProfileID", BYTES, |literals| {
        id::<16>(literals, Value::ProfileId)
    }),
    plain("UUID", &[], |args| {
        Ok(Value::text(uuid(args.context.random(), 4)))
    }),
    plain("UUIDv7", &[], |args| {
        let millis = args.context.now().unix_nano() / 1_000_000;
        let time = u128::from(millis as u64) << 80;
        let rest = args.context.random() & (u128::MAX >> 48);
        Ok(Value::text(uuid(time | rest, 7)))
    }),
    question("IsRootSpan", &[], Owner::Span, Set::Standard, |args| {
        let parent = args.context.get(Path {
            owner: Owner::Span,
            field: Field::ParentSpanId,
        })?;
        Ok(Value::Bool(matches!(
            parent,
            Value::SpanId([0, 0, 0, 0, 0, 0, 0, 0])
        )))
    }),
    question(
        "HasAttrKeyOnDatapoint",
        &[parameter("key", Kind::LiteralText)],
        Owner::Metric,
        Set::Filter,
        |args| {
            let found = args.context.has_point_attribute(args.text(0), None);
            Ok(Value::Bool(found))
        },
    ),
    question(
        "HasAttrOnDatapoint",
        &[
            parameter("key", Kind::LiteralText),
            parameter("expected_val", Kind::LiteralText),
        ],
        Owner::Metric,
        Set::Filter,
        |args| {
            let text = Some(args.text(1));
            let found = args.context.has_point_attribute(args.text(0), text);
            Ok(Value::Bool(found))
        },
    ),
    question(
        "AdjustedCount",
        &[],
        Owner::Span,
        Set::SignalToMetrics,
        adjusted_count,
    ),
];

const fn question(
    name: &'static str,
    parameters: &'static [Parameter],
    context: Owner,
    set: Set,
    body: for<'c> fn(&mut Args<'c>) -> Outcome<'c>,
) -> Definition {
    Definition {
        name,
        parameters,
        body: Body::Plain(body),
        contexts: match context {
            Owner::Span => &[Owner::Span],
            _ => &[Owner::Metric],
        },
        set,
    }
}

type Wrap<const LENGTH: usize> = fn([u8; LENGTH]) -> Value<'static>;

fn id<const LENGTH: usize>(
    literals: &Literals,
    wrap: Wrap<LENGTH>,
) -> Result<Box<dyn Prepared>, String> {
    let known = match literals.value(0) {
        Some(Value::Bytes(bytes)) => Some(read_id(bytes).map_err(|error| error.to_string())?),
        _ => None,
    };
    Ok(Box::new(Id { known, wrap }))
}

/// An id of some bytes, known already if it is a literal.
struct Id<const LENGTH: usize> {
    known: Option<[u8; LENGTH]>,
    wrap: Wrap<LENGTH>,
}

impl<const LENGTH: usize> std::fmt::Debug for Id<LENGTH> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Id({:?})", self.known.map(|id| to_hex(&id)))
    }
}

impl<const LENGTH: usize> Prepared for Id<LENGTH> {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let id = match self.known {
            Some(id) => id,
            None => read_id(args.bytes(0))?,
        };
        Ok((self.wrap)(id))
    }
}

/// The bytes themselves, or their hexadecimal digits.
fn read_id<const LENGTH: usize>(bytes: &[u8]) -> Result<[u8; LENGTH], Error> {
    if let Ok(id) = bytes.try_into() {
        return Ok(id);
    }
    let hex = LENGTH * 2;
    if bytes.len() != hex {
        return Err(Error::new(format!(
            "could not decode ID: invalid length: expected {LENGTH} or {hex} bytes, got {}",
            bytes.len()
        )));
    }
    let decoded = from_hex(bytes).and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| Error::new("could not decode ID: invalid hex"))
}

/// A UUID of a version, from bits of which six say what it is.
fn uuid(bits: u128, version: u128) -> String {
    let bits = bits & !(0xf << 76) | version << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = to_hex(&bits.to_be_bytes());
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// How many spans a sampled one stands for: by the threshold `th` of the member `ot`.
fn adjusted_count<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let state = args.context.get(Path {
        owner: Owner::Span,
        field: Field::TraceState,
    })?;
    let Value::Text(state) = state else {
        return Ok(Value::Float(1.0));
    };
    let members = trace_state::members(&state).ok_or_else(|| Error::new("invalid trace state"))?;
    let vendor = members.iter().find(|(key, _)| *key == "ot");
    let threshold = vendor.and_then(|(_, value)| {
        let mut fields = value.split(';').filter_map(|field| field.split_once(':'));
        fields.find(|(key, _)| *key == "th").map(|(_, value)| value)
    });
    let Some(threshold) = threshold else {
        return Ok(Value::Float(1.0));
    };
    let invalid = || Error::new(format!("invalid threshold {threshold:?}"));
    if !(1..=14).contains(&threshold.len()) {
        return Err(invalid());
    }
    // Digits that are left out at the end are zeros of a number of 56 bits.
    let padded = format!("{threshold:0<14}");
    let rejected = u64::from_str_radix(&padded, 16).map_err(|_| invalid())?;
    let all = 1u64 << 56;
    Ok(Value::Float(all as f64 / (all - rejected) as f64))
}
