//! Fields of resources and scopes.

use super::convert::{as_int, as_text, text};
use super::item::{Library, Origin};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::value::Value;

pub(super) fn get_resource<'v>(origin: &'v Origin<'_, '_>, field: Field) -> Value<'v> {
    match field {
        Field::SchemaUrl => text(origin.schema_url),
        Field::DroppedAttributes => {
            Value::Int(i64::from(origin.resource.get().dropped_attributes_count))
        }
        _ => Value::Nil,
    }
}

pub(super) fn set_resource(
    origin: &mut Origin<'_, '_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    match field {
        Field::SchemaUrl => *origin.schema_url = as_text(value)?,
        Field::DroppedAttributes => {
            origin.resource.get_mut().dropped_attributes_count = as_int(value)? as u32;
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn get_scope<'v>(library: &'v Library<'_, '_>, field: Field) -> Value<'v> {
    let scope = library.scope.get();
    match field {
        Field::SchemaUrl => text(library.schema_url),
        Field::Name => text(&scope.name),
        Field::Version => text(&scope.version),
        Field::DroppedAttributes => Value::Int(i64::from(scope.dropped_attributes_count)),
        _ => Value::Nil,
    }
}

pub(super) fn set_scope(
    library: &mut Library<'_, '_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    if field == Field::SchemaUrl {
        *library.schema_url = as_text(value)?;
        return Ok(());
    }
    let scope = library.scope.get_mut();
    match field {
        Field::Name => scope.name = as_text(value)?,
        Field::Version => scope.version = as_text(value)?,
        Field::DroppedAttributes => scope.dropped_attributes_count = as_int(value)? as u32,
        _ => {}
    }
    Ok(())
}
