//! The operands of a template's commands: fields, variables, functions, literals.

use super::functions;
use super::parse::{Operand, Parser, in_word};
use super::value::Val;

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Operand, String> {
        let first = self.rest().chars().next().unwrap_or(' ');
        match first {
            '(' => {
                self.at += 1;
                let pipe = self.pipe(true)?;
                self.blank();
                if !self.rest().starts_with(')') {
                    return Err(self.error("unclosed left paren"));
                }
                self.at += 1;
                let fields = self.fields()?;
                Ok(Operand::Inner(Box::new(pipe), fields))
            }
            '$' => {
                let name = self.variable().expect("it begins with a dollar sign");
                if !self.variables.contains(&name) {
                    return Err(self.error(&format!("undefined variable {name:?}")));
                }
                Ok(Operand::Variable(name, self.fields()?))
            }
            '.' if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let fields = self.fields()?;
                if fields.is_empty() {
                    self.at += 1;
                    return Ok(Operand::Dot);
                }
                Ok(Operand::Field(fields))
            }
            '"' | '`' => {
                let text = self.quoted()?.expect("it begins with a quote");
                Ok(Operand::Value(Val::text(&text)))
            }
            '\'' => self.character(),
            '0'..='9' | '+' | '-' | '.' => self.number(),
            _ => self.named(),
        }
    }

    fn named(&mut self) -> Result<Operand, String> {
        let word = self.word();
        if word.is_empty() {
            let found = self.rest().chars().next().unwrap_or(' ');
            return Err(self.error(&format!("unexpected {found:?} in an action")));
        }
        self.at += word.len();
        match word {
            "true" => Ok(Operand::Value(Val::Bool(true))),
            "false" => Ok(Operand::Value(Val::Bool(false))),
            "nil" => Ok(Operand::Nil),
            word => match functions::find(word) {
                Some((name, function)) => Ok(Operand::Function(name, function)),
                None => Err(self.error(&functions::unknown(word))),
            },
        }
    }

    /// `.a.b` as often as it stands there.
    fn fields(&mut self) -> Result<Vec<String>, String> {
        let mut fields = Vec::new();
        while let Some(rest) = self.rest().strip_prefix('.') {
            let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return match fields.is_empty() && self.rest().len() == rest.len() + 1 {
                    true => Ok(fields),
                    false => Err(self.error("unexpected \".\" in an operand")),
                };
            }
            fields.push(rest[..end].to_owned());
            self.at += end + 1;
        }
        Ok(fields)
    }

    fn number(&mut self) -> Result<Operand, String> {
        let signed = self.rest().strip_prefix(['+', '-']).unwrap_or(self.rest());
        let exponent = |text: &str| text.ends_with(['e', 'E']) && !text.starts_with("0x");
        let mut end = 0;
        for c in signed.chars() {
            let sign = matches!(c, '+' | '-') && exponent(&signed[..end]);
            if !in_word(c) && c != '.' && !sign {
                break;
            }
            end += c.len_utf8();
        }
        let length = self.rest().len() - signed.len() + end;
        let text = &self.rest()[..length];
        let value = number(text);
        let value = value.ok_or_else(|| self.error(&format!("bad number syntax: {text:?}")))?;
        self.at += length;
        Ok(Operand::Value(value))
    }

    fn character(&mut self) -> Result<Operand, String> {
        let rest = &self.rest()[1..];
        let skip = if rest.starts_with('\\') { 2 } else { 0 };
        let end = rest.get(skip..).and_then(|rest| rest.find('\''));
        let text = end.map(|end| &rest[..skip + end]);
        let chars: Option<Vec<char>> = text
            .and_then(|text| unquote(&text.replace("\\'", "'")))
            .map(|text| text.chars().collect());
        match (text, chars.as_deref()) {
            (Some(text), Some([c])) => {
                self.at += text.len() + 2;
                Ok(Operand::Value(Val::Int(i64::from(*c as u32))))
            }
            _ => Err(self.error("malformed character constant")),
        }
    }

    /// A text in quotes or backquotes, if there is one.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, String> {
        if let Some(raw) = self.rest().strip_prefix('`') {
            let end = raw.find('`');
            let end = end.ok_or_else(|| self.error("unterminated raw quoted string"))?;
            self.at += end + 2;
            return Ok(Some(raw[..end].replace('\r', "")));
        }
        let Some(quoted) = self.rest().strip_prefix('"') else {
            return Ok(None);
        };
        let mut escaped = false;
        for (index, c) in quoted.char_indices() {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let text = unquote(&quoted[..index]);
                    let text = text.ok_or_else(|| self.error("invalid escape in a text"))?;
                    self.at += index + 2;
                    return Ok(Some(text));
                }
                _ => {}
            }
        }
        Err(self.error("unterminated quoted string"))
    }
}

/// A number of Go: decimal, hexadecimal, octal, binary, with underscores, or a float.
fn number(text: &str) -> Option<Val> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let plain = digits.replace('_', "").to_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((plain.strip_prefix(prefix)?, radix)));
    let whole = match radix {
        Some((digits, radix)) => i64::from_str_radix(digits, radix).ok(),
        None if plain.len() > 1 && plain.starts_with('0') => i64::from_str_radix(&plain, 8).ok(),
        None => plain.parse().ok(),
    };
    if let Some(whole) = whole {
        return Some(Val::Int(if negative { -whole } else { whole }));
    }
    if !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let float: f64 = plain.parse().ok()?;
    Some(Val::Float(if negative { -float } else { float }))
}

/// What stands between double quotes, as Go reads it.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let escape = rest.chars().next()?;
        let (length, radix) = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => {
                out.push(match escape {
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 11,
                    '\\' | '"' => escape as u8,
                    _ => return None,
                });
                rest = &rest[1..];
                continue;
            }
        };
        let start = usize::from(radix == 16);
        let digits = rest.get(start..start + length)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let code = u32::from_str_radix(digits, radix).ok()?;
        match escape {
            'u' | 'U' => {
                let c = char::from_u32(code)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.push(u8::try_from(code).ok()?),
        }
        rest = &rest[start + length..];
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}
