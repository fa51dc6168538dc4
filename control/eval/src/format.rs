//! Text of values as Go prints it.

use schema::{Number, Value};

pub(crate) fn format(template: &str, _arguments: &[Value]) -> String {
    template.to_owned()
}

pub(crate) fn json_number(number: Number) -> Result<String, String> {
    Ok(number.to_string())
}
