//! Lines of a configuration without their secrets: what stands in a string behind a name that
//! secrets have, and the password in a URL.
//!
//! Excerpts are made of files that may not parse, so this looks at one line at a time and knows
//! no declarations. Every masked byte becomes one star, so that columns stay what they are.

use std::borrow::Cow;

/// Parts of the names that secrets have, in the components and in maps of headers.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "bearer",
    "credential",
    "authorization",
    "api_key",
    "access_key",
    "key_pem",
    "connection_string",
];

/// The line with stars in the place of secrets.
pub fn masked(line: &str) -> Cow<'_, str> {
    let mut hidden = Vec::new();
    if let Some((name, _)) = line.split_once(['=', ':']) {
        let name = name.to_ascii_lowercase().replace('-', "_");
        if NAMES.iter().any(|part| name.contains(part)) {
            strings(line, name.len(), &mut hidden);
        }
    }
    passwords(line, &mut hidden);
    // Of a private key each line is one.
    if line.contains("PRIVATE KEY-----") {
        hidden.push(0..line.len());
    }
    if hidden.is_empty() {
        return Cow::Borrowed(line);
    }
    let keep = |at: usize| !hidden.iter().any(|range| range.contains(&at));
    let mut shown = String::with_capacity(line.len());
    for (at, letter) in line.char_indices() {
        match keep(at) {
            true => shown.push(letter),
            false => shown.extend(std::iter::repeat_n('*', letter.len_utf8())),
        }
    }
    Cow::Owned(shown)
}

/// What stands in strings behind `from`; one that does not end goes to the end of the line.
fn strings(line: &str, from: usize, hidden: &mut Vec<std::ops::Range<usize>>) {
    let bytes = line.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let quote = bytes[at];
        if quote != b'"' && quote != b'`' {
            at += 1;
            continue;
        }
        let start = at + 1;
        let mut end = start;
        while end < bytes.len() && bytes[end] != quote {
            end += if bytes[end] == b'\\' && quote == b'"' {
                2
            } else {
                1
            };
        }
        let end = end.min(bytes.len());
        // An argument of a function that fetches the secret is none.
        if !line[..at].ends_with(['(', '[']) || line[..at].ends_with("= [") {
            hidden.push(start..end);
        }
        at = end + 1;
    }
}

/// What stands between the colon and the at sign of `scheme://user:password@host`.
fn passwords(line: &str, hidden: &mut Vec<std::ops::Range<usize>>) {
    let mut from = 0;
    while let Some(found) = line[from..].find("://") {
        let start = from + found + 3;
        let rest = &line[start..];
        let end = rest
            .find(['/', '"', '`', ' ', '?', '#'])
            .unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@')
            && let Some(colon) = rest[..at].find(':')
        {
            hidden.push(start + colon + 1..start + at);
        }
        from = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: &str) {
        assert_eq!(masked(line), expect);
        assert_eq!(masked(line).len(), line.len(), "columns stay");
    }

    #[test]
    fn strings_behind_names_of_secrets_are_hidden() {
        check("\tpassword = \"hun\\\"ter\"", "\tpassword = \"********\"");
        check("password = \"hunter", "password = \"******");
        check(
            "bearer_token=`x` // \"note\"",
            "bearer_token=`*` // \"****\"",
        );
        check("secrets = [\"ab\", \"c\"]", "secrets = [\"**\", \"*\"]");
        check(
            "\"X-Auth-Token\" = \"\u{e9}\",",
            "\"X-Auth-Token\" = \"**\",",
        );
        check("-----BEGIN PRIVATE KEY-----", &"*".repeat(27));
    }

    #[test]
    fn other_text_stays() {
        check("username = \"tenant\"", "username = \"tenant\"");
        check(
            "password = sys.env(\"NAME\")",
            "password = sys.env(\"NAME\")",
        );
        check("colour = 1", "colour = 1");
        check("url = \"http://a:12/b@c\"", "url = \"http://a:12/b@c\"");
    }

    #[test]
    fn the_password_of_a_url_is_hidden() {
        check(
            "url = \"https://me:pass@host/x\"",
            "url = \"https://me:****@host/x\"",
        );
    }
}
