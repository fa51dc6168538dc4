//! Base64, URL escapes and YAML.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use schema::Value;

use super::call::{Call, Result, fail};

pub(super) fn from_base64(call: &Call<'_>) -> Result {
    decode(call, &STANDARD)
}

pub(super) fn from_url_base64(call: &Call<'_>) -> Result {
    decode(call, &URL_SAFE)
}

/// Compat: the result is an array of byte values, which becomes a text where one is wanted (case
/// language/encoding_base64). Line ends inside are skipped.
fn decode(call: &Call<'_>, engine: &GeneralPurpose) -> Result {
    call.expect(1)?;
    let text = call.text(0)?;
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match engine.decode(plain) {
        Ok(bytes) => Ok(Value::array(
            bytes.into_iter().map(|byte| Value::from(u64::from(byte))),
        )),
        Err(error) => fail(format!("not base64: {error}")),
    }
}

pub(super) fn to_base64(call: &Call<'_>) -> Result {
    call.expect(1)?;
    Ok(Value::string(STANDARD.encode(call.text(0)?.as_bytes())))
}

pub(super) fn to_url_base64(call: &Call<'_>) -> Result {
    call.expect(1)?;
    Ok(Value::string(URL_SAFE.encode(call.text(0)?.as_bytes())))
}

/// Compat: as Go's `QueryEscape`: a blank is `+`, everything but letters, digits and `-_.~` is
/// escaped.
pub(super) fn url_encode(call: &Call<'_>) -> Result {
    call.expect(1)?;
    let mut encoded = String::new();
    for byte in call.text(0)?.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(Value::string(encoded))
}

pub(super) fn url_decode(call: &Call<'_>) -> Result {
    call.expect(1)?;
    let text = call.text(0)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let Some(byte) = tail.get(..2).and_then(hex_byte) else {
                    let shown = String::from_utf8_lossy(&tail[..tail.len().min(2)]);
                    return fail(format!("invalid URL escape \"%{shown}\""));
                };
                bytes.push(byte);
                rest = &tail[2..];
            }
            other => bytes.push(*other),
        }
    }
    Ok(Value::string(String::from_utf8_lossy(&bytes)))
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

pub(super) fn from_yaml(call: &Call<'_>) -> Result {
    call.expect(1)?;
    crate::yaml::parse(&call.text(0)?).or_else(fail)
}
