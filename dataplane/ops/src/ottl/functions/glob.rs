//! Globs that match a whole text: `*`, `**`, `?`, `[a-z]`, `[!a]`, `{one,two}`, `\`.
//!
//! They become a regular expression, so that matching takes linear time.

use crate::regex::GoRegex;

/// A pattern that matches whole texts.
pub(super) fn compile(glob: &str) -> Result<GoRegex, String> {
    let mut out = String::from("^(?s:");
    let mut chars = glob.chars().peekable();
    let mut braces = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '[' => class(&mut chars, &mut out)?,
            '{' => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                out.push(')');
            }
            ',' if braces > 0 => out.push('|'),
            '\\' => literal(chars.next().ok_or("nothing behind a backslash")?, &mut out),
            c => literal(c, &mut out),
        }
    }
    if braces > 0 {
        return Err("a brace is not closed".to_owned());
    }
    out.push_str(")$");
    GoRegex::new(&out)
}

fn literal(c: char, out: &mut String) {
    if r"\.+*?()|[]{}^$".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

fn class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let mut any = false;
    loop {
        match chars.next() {
            None => return Err("a bracket is not closed".to_owned()),
            Some(']') if any => break,
            Some('-') => out.push('-'),
            Some(c) => {
                if !c.is_alphanumeric() {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        any = true;
    }
    out.push(']');
    Ok(())
}
