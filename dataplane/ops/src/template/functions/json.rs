//! Functions that read and write JSON.

use serde_json::Value as Json;

use crate::template::print;
use crate::template::value::Val;

use super::{Call, Outcome, Table, owned};

pub(super) const TABLE: Table = &[
    ("fromJson", |call| {
        Ok(parse(call.text(0)?).unwrap_or(Val::Nil))
    }),
    ("mustFromJson", |call| parse(call.text(0)?)),
    ("toJson", |call| to_json(call, true)),
    ("mustToJson", |call| to_json(call, true)),
    ("toRawJson", |call| to_json(call, false)),
    ("mustToRawJson", |call| to_json(call, false)),
    ("toPrettyJson", pretty),
    ("mustToPrettyJson", pretty),
];

fn parse(text: &str) -> Outcome {
    match serde_json::from_str(text) {
        Ok(value) => Ok(from_json(value)),
        Err(error) => Err(error.to_string()),
    }
}

fn from_json(value: Json) -> Val {
    match value {
        Json::Null => Val::Nil,
        Json::Bool(value) => Val::Bool(value),
        Json::Number(number) => Val::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Val::text(&text),
        Json::Array(values) => Val::list(values.into_iter().map(from_json).collect()),
        Json::Object(fields) => {
            let pair = |(name, value)| (name, from_json(value));
            Val::map(fields.into_iter().map(pair).collect())
        }
    }
}

fn as_json(value: &Val) -> Json {
    match value {
        Val::Nil | Val::Data => Json::Null,
        Val::Bool(value) => Json::Bool(*value),
        Val::Int(value) | Val::Int64(value) | Val::Duration(value) => Json::from(*value),
        Val::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            Json::from(*value as i64)
        }
        Val::Float(value) => Json::from(*value),
        Val::Text(text) => Json::from(&**text),
        Val::Time(..) => Json::from(print::plain(value)),
        Val::List(values) => Json::Array(values.iter().map(as_json).collect()),
        Val::Map(fields) => {
            let fields = fields.borrow();
            let pairs = fields
                .iter()
                .map(|(name, value)| (name.clone(), as_json(value)));
            Json::Object(pairs.collect())
        }
    }
}

/// `safe`: what means something in HTML is escaped, as Go does.
fn to_json(call: &mut Call<'_>, safe: bool) -> Outcome {
    let text = as_json(call.any(0)?).to_string();
    owned(if safe { escaped(&text) } else { text })
}

fn pretty(call: &mut Call<'_>) -> Outcome {
    let text = serde_json::to_string_pretty(&as_json(call.any(0)?));
    owned(escaped(&text.map_err(|error| error.to_string())?))
}

fn escaped(json: &str) -> String {
    let safe = json.replace('&', "\\u0026").replace('<', "\\u003c");
    safe.replace('>', "\\u003e")
}
