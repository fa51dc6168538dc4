//! Text in quotes as Go's `%q` writes it, which the component API and `string.format` show.

/// In double quotes. What does not print is escaped; other characters stay as they are.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            _ => escape(c, &mut out),
        }
    }
    out.push('"');
    out
}

/// A character in single quotes.
pub fn quote_char(c: char) -> String {
    let mut out = String::from('\'');
    match c {
        '\'' => out.push_str("\\'"),
        _ => escape(c, &mut out),
    }
    out.push('\'');
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        _ if prints(c) => out.push(c),
        '\0'..='\u{ffff}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether Rust, too, prints the character as it is; of blanks only the ASCII one counts, as in Go.
fn prints(c: char) -> bool {
    c == ' ' || (!c.is_whitespace() && (c.is_ascii() || c.escape_debug().len() == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_print_is_escaped_as_go_escapes_it() {
        assert_eq!(quote("é \"x\" 'y' \\"), r#""é \"x\" 'y' \\""#);
        assert_eq!(quote("\n\t\u{7}\u{1b}\u{7f}"), r#""\n\t\a\x1b\x7f""#);
        assert_eq!(
            quote("\u{a0}\u{200b}\u{e0001}"),
            r#""\u00a0\u200b\U000e0001""#
        );
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }
}
