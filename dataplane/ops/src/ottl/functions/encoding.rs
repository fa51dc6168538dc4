//! Base64, hexadecimal, and the encodings of characters.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::call::{Args, Outcome, Prepared};
use super::{Definition, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::text::to_hex;
use crate::ottl::value::Value;

pub(super) const TABLE: &[Definition] = &[
    plain("Base64Decode", &[parameter("target", Kind::Text)], |args| {
        from_base64("base64", args.text(0).as_bytes())
    }),
    plain(
        "Base64Encode",
        &[
            parameter("target", Kind::Text),
            optional("variant", Kind::Text),
        ],
        |args| {
            let variant = args.text_or(1, "base64");
            let engine = base64_engine(variant)
                .ok_or_else(|| Error::new(format!("unsupported base64 variant: {variant}")))?;
            Ok(Value::text(engine.encode(args.text(0))))
        },
    ),
    plain("Hex", &[parameter("target", Kind::BytesLike)], |args| {
        Ok(Value::text(to_hex(args.bytes(0))))
    }),
    prepared(
        "Decode",
        &[
            parameter("target", Kind::Any),
            parameter("encoding", Kind::Text),
        ],
        |literals| match literals.text(1) {
            Some(encoding) if characters(encoding, &[]).is_none() => {
                match base64_engine(encoding) {
                    Some(_) => Ok(Box::new(Decode)),
                    None => Err(format!("unsupported encoding '{encoding}'")),
                }
            }
            _ => Ok(Box::new(Decode)),
        },
    ),
];

/// An encoding that is a literal was checked when the statement was compiled.
#[derive(Debug)]
struct Decode;

impl Prepared for Decode {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        decode(args)
    }
}

/// Go takes any bits behind the last whole byte, and insists on padding, or on none.
fn base64_engine(variant: &str) -> Option<GeneralPurpose> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let padded = config.with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let raw = config
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    Some(match variant {
        "base64" => GeneralPurpose::new(&alphabet::STANDARD, padded),
        "base64-raw" => GeneralPurpose::new(&alphabet::STANDARD, raw),
        "base64-url" => GeneralPurpose::new(&alphabet::URL_SAFE, padded),
        "base64-raw-url" => GeneralPurpose::new(&alphabet::URL_SAFE, raw),
        _ => return None,
    })
}

fn from_base64<'c>(variant: &str, text: &[u8]) -> Outcome<'c> {
    let engine = base64_engine(variant);
    let engine = engine.ok_or_else(|| Error::new("unsupported base64 variant"))?;
    // Go passes over the ends of lines.
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    match engine.decode(text) {
        Ok(bytes) => Ok(Value::text(lossy(bytes))),
        Err(error) => Err(Error::new(format!("could not decode: {error}"))),
    }
}

/// Texts here are UTF-8: what is not is replaced.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn decode<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let bytes = match args.value(0) {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        other => {
            return Err(Error::new(format!(
                "unsupported type provided to Decode function: {}",
                other.type_name()
            )));
        }
    };
    let encoding = args.text(1);
    if base64_engine(encoding).is_some() {
        return from_base64(encoding, bytes);
    }
    characters(encoding, bytes)
        .map(Value::text)
        .ok_or_else(|| Error::new(format!("unsupported encoding '{encoding}'")))
}

/// Bytes in an encoding of characters, by its IANA name.
fn characters(encoding: &str, bytes: &[u8]) -> Option<String> {
    let wide = |pair: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units = bytes.chunks_exact(2).map(|unit| pair([unit[0], unit[1]]));
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    Some(match &*encoding.to_ascii_lowercase() {
        "" | "nop" | "utf-8" | "utf8" | "utf-8-raw" | "utf8-raw" => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        "ascii" | "us-ascii" => String::from_utf8_lossy(bytes).into_owned(),
        "iso-8859-1" | "iso8859-1" | "latin1" => bytes.iter().map(|&b| char::from(b)).collect(),
        "windows-1252" | "cp1252" => bytes.iter().map(|&b| windows_1252(b)).collect(),
        // Compat: without a word on the order of bytes, the lower one is first.
        "utf-16" | "utf16" | "utf-16le" => wide(u16::from_le_bytes, bytes),
        "utf-16be" => wide(u16::from_be_bytes, bytes),
        _ => return None,
    })
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '\u{20ac}', '\u{fffd}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{fffd}', '\u{17d}',
        '\u{fffd}', '\u{fffd}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}',
        '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}',
        '\u{fffd}', '\u{17e}', '\u{178}',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}
