//! One argument under one verb.

use schema::{Number, Value};
use stdx::{quote, quote_char};

use super::directive::Directive;
use super::number::float;

/// The name of the Go type that Alloy gives a value.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(Number::Float(_)) => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) | Value::Targets(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Function(_) => "func",
        Value::Capsule(_) => "capsule",
    }
}

/// Writes the argument as the verb says, or the complaint that it cannot.
pub(super) fn argument(out: &mut String, verb: char, directive: &Directive, value: &Value) {
    match (verb, value) {
        ('T', _) => pad(out, directive, go_type(value)),
        ('v', Value::Null) => pad(out, directive, "<nil>"),
        (_, Value::Null) => out.push_str(&format!("%!{verb}(<nil>)")),
        (_, Value::Bool(value)) => match verb {
            't' | 'v' => pad(out, directive, if *value { "true" } else { "false" }),
            _ => bad_verb(out, verb, &Value::Bool(*value)),
        },
        (_, Value::Number(Number::Float(number))) => float_argument(out, verb, directive, *number),
        (_, Value::Number(number)) => whole_argument(out, verb, directive, *number),
        (_, Value::String(text)) => text_argument(out, verb, directive, text),
        (_, Value::Array(_) | Value::Targets(_)) => {
            let (open, separator, close) = match verb == 'v' && directive.sharp {
                true => ("[]interface {}{", ", ", "}"),
                false => ("[", " ", "]"),
            };
            out.push_str(open);
            for (at, element) in value.elements().unwrap_or_default().iter().enumerate() {
                if at > 0 {
                    out.push_str(separator);
                }
                inner(out, verb, directive, element);
            }
            out.push_str(close);
        }
        (_, Value::Object(object)) => {
            let (open, separator, close) = match verb == 'v' && directive.sharp {
                true => ("map[string]interface {}{", ", ", "}"),
                false => ("map[", " ", "]"),
            };
            out.push_str(open);
            for (at, (key, value)) in object.iter().enumerate() {
                if at > 0 {
                    out.push_str(separator);
                }
                text_argument(out, verb, directive, key);
                out.push(':');
                inner(out, verb, directive, value);
            }
            out.push_str(close);
        }
        (_, Value::Function(function)) => pad(out, directive, function.name),
        (_, Value::Capsule(capsule)) => pad(out, directive, &capsule.shown()),
    }
}

/// An element; null inside a list is written without complaint.
fn inner(out: &mut String, verb: char, directive: &Directive, value: &Value) {
    match value {
        Value::Null if verb == 'v' && directive.sharp => out.push_str("interface {}(nil)"),
        Value::Null if verb == 'v' => pad(out, directive, "<nil>"),
        other => argument(out, verb, directive, other),
    }
}

fn bad_verb(out: &mut String, verb: char, value: &Value) {
    out.push_str(&format!("%!{verb}({}=", go_type(value)));
    argument(out, 'v', &Directive::default(), value);
    out.push(')');
}

fn text_argument(out: &mut String, verb: char, directive: &Directive, text: &str) {
    let cut = |text: &str| match directive.precision_value {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if directive.sharp => pad(out, directive, &quote(text)),
        'v' | 's' => pad(out, directive, &cut(text)),
        'q' => {
            let text = cut(text);
            let raw = directive.sharp && !text.contains('`') && !text.chars().any(char::is_control);
            pad(
                out,
                directive,
                &if raw {
                    format!("`{text}`")
                } else {
                    quote(&text)
                },
            );
        }
        'x' | 'X' => pad(out, directive, &hex(text, verb, directive)),
        _ => bad_verb(out, verb, &Value::string(text)),
    }
}

fn hex(text: &str, verb: char, directive: &Directive) -> String {
    let count = directive
        .precision_value
        .unwrap_or(text.len())
        .min(text.len());
    let prefix = match (directive.sharp, verb) {
        (true, 'x') => "0x",
        (true, _) => "0X",
        (false, _) => "",
    };
    let mut out = String::new();
    for (at, byte) in text.bytes().take(count).enumerate() {
        if at > 0 && directive.space {
            out.push(' ');
        }
        if at == 0 || directive.space {
            out.push_str(prefix);
        }
        out.push_str(&if verb == 'x' {
            format!("{byte:02x}")
        } else {
            format!("{byte:02X}")
        });
    }
    out
}

fn whole_argument(out: &mut String, verb: char, directive: &Directive, number: Number) {
    let (negative, absolute) = match number {
        Number::Int(value) => (value < 0, value.unsigned_abs()),
        Number::Uint(value) => (false, value),
        Number::Float(_) => unreachable!("floats are printed elsewhere"),
    };
    let (prefix, digits) = match verb {
        'v' | 'd' => ("", absolute.to_string()),
        'b' => (
            if directive.sharp { "0b" } else { "" },
            format!("{absolute:b}"),
        ),
        'o' => {
            let digits = format!("{absolute:o}");
            (
                if directive.sharp && !digits.starts_with('0') {
                    "0"
                } else {
                    ""
                },
                digits,
            )
        }
        'O' => ("0o", format!("{absolute:o}")),
        'x' => (
            if directive.sharp { "0x" } else { "" },
            format!("{absolute:x}"),
        ),
        'X' => (
            if directive.sharp { "0X" } else { "" },
            format!("{absolute:X}"),
        ),
        'c' => return pad(out, directive, &character(number).to_string()),
        'q' => return pad(out, directive, &quote_char(character(number))),
        'U' => return pad(out, directive, &code_point(number, absolute, directive)),
        _ => return bad_verb(out, verb, &Value::Number(number)),
    };
    let digits = match directive.precision_value {
        // Go prints nothing for a zero without digits.
        Some(0) if absolute == 0 => return pad(out, directive, ""),
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    };
    let zeros = directive.zero && directive.precision_value.is_none();
    number_with_sign(
        out,
        directive,
        zeros,
        [sign(negative, directive), prefix, &digits],
    );
}

fn character(number: Number) -> char {
    let code = number.as_u64().and_then(|code| u32::try_from(code).ok());
    code.and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn code_point(number: Number, absolute: u64, directive: &Directive) -> String {
    let width = directive.precision_value.unwrap_or(4).max(4);
    let code = format!("U+{absolute:0width$X}");
    match directive.sharp && number.as_u64().is_some_and(|code| code <= 0x10ffff) {
        true => format!("{code} '{}'", character(number)),
        false => code,
    }
}

fn float_argument(out: &mut String, verb: char, directive: &Directive, value: f64) {
    let precision = directive.precision_value;
    let digits = match verb {
        'v' => float(value, 'g', precision, false),
        'g' | 'G' if directive.sharp => float(value, 'g', precision.or(Some(6)), true),
        'g' | 'G' => float(value, 'g', precision, false),
        'e' | 'E' => float(value, 'e', precision.or(Some(6)), directive.sharp),
        'f' | 'F' => float(value, 'f', precision.or(Some(6)), directive.sharp),
        _ => return bad_verb(out, verb, &Value::from(value)),
    };
    let digits = if verb.is_uppercase() {
        digits.to_uppercase()
    } else {
        digits
    };
    let negative = value.is_sign_negative() && !value.is_nan();
    let mut sign = sign(negative, directive);
    if value.is_infinite() && sign.is_empty() {
        sign = "+";
    }
    if !value.is_finite() {
        // Zeros in front of what is no number would make nonsense.
        return pad_with(out, directive, ' ', &format!("{sign}{digits}"));
    }
    number_with_sign(out, directive, directive.zero, [sign, "", &digits]);
}

fn sign(negative: bool, directive: &Directive) -> &'static str {
    match (negative, directive.plus, directive.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

/// Zeros stand between sign and digits, blanks around both.
fn number_with_sign(out: &mut String, directive: &Directive, zeros: bool, parts: [&str; 3]) {
    let [sign, prefix, digits] = parts;
    let taken = sign.len() + prefix.len();
    match directive.width_value {
        Some(width) if zeros && width > taken => {
            let width = width - taken;
            out.push_str(&format!("{sign}{prefix}{digits:0>width$}"));
        }
        _ => pad_with(out, directive, ' ', &format!("{sign}{prefix}{digits}")),
    }
}

fn pad(out: &mut String, directive: &Directive, text: &str) {
    pad_with(out, directive, if directive.zero { '0' } else { ' ' }, text);
}

fn pad_with(out: &mut String, directive: &Directive, filler: char, text: &str) {
    let missing = directive
        .width_value
        .unwrap_or(0)
        .saturating_sub(text.chars().count());
    let filling = std::iter::repeat_n(filler, missing);
    if directive.minus {
        out.push_str(text);
        out.extend(filling);
    } else {
        out.extend(filling);
        out.push_str(text);
    }
}
