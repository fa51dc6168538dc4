//! Rust text taken apart into code, comments and strings, so that a rule about one is not misled by
//! the others.

/// Copies of a text with everything but one kind of content blanked out; lines stay in place.
pub struct Scrubbed {
    /// Without comments and without the content of strings.
    pub code: String,
    /// Only comments.
    pub comments: String,
}

pub fn scrub(text: &str) -> Scrubbed {
    let mut scrubbed = Scrubbed {
        code: String::new(),
        comments: String::new(),
    };
    let mut rest = text;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            scrubbed.comment(&rest[..length]);
            length
        } else if rest.starts_with("/*") {
            let length = block_comment_length(rest);
            scrubbed.comment(&rest[..length]);
            length
        } else if let Some(length) = string_length(rest, before) {
            scrubbed.string(&rest[..length]);
            length
        } else {
            scrubbed.code(&rest[..letter.len_utf8()]);
            letter.len_utf8()
        };
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    scrubbed
}

impl Scrubbed {
    fn code(&mut self, text: &str) {
        self.code.push_str(text);
        self.comments.push_str(&blanked(text));
    }

    fn comment(&mut self, text: &str) {
        self.code.push_str(&blanked(text));
        self.comments.push_str(text);
    }

    fn string(&mut self, text: &str) {
        self.code.push_str(&blanked(text));
        self.comments.push_str(&blanked(text));
    }
}

/// Where the block that opens at `open` ends: one past its closing brace.
pub fn block_end(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn blanked(text: &str) -> String {
    text.chars()
        .map(|letter| if letter == '\n' { '\n' } else { ' ' })
        .collect()
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string or character literal that starts here, if one does.
fn string_length(text: &str, before: char) -> Option<usize> {
    if text.starts_with('\'') {
        return character_length(text);
    }
    let prefixed = before.is_alphanumeric() || before == '_';
    let prefix = text
        .find(|letter| !"brc".contains(letter))
        .unwrap_or(text.len());
    if prefix > 2 || (prefix > 0 && prefixed) {
        return None;
    }
    let body = &text[prefix..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    if !body[hashes..].starts_with('"') {
        return None;
    }
    let content = prefix + hashes + 1;
    if text[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let length = text[content..]
            .find(&end)
            .map(|length| content + length + end.len());
        return Some(length.unwrap_or(text.len()));
    }
    (hashes == 0).then(|| content + quoted_length(&text[content..], b'"'))
}

/// A character, not a lifetime.
fn character_length(text: &str) -> Option<usize> {
    let inside = &text[1..];
    let first = inside.chars().next()?;
    if first == '\\' {
        return Some(1 + quoted_length(inside, b'\''));
    }
    inside[first.len_utf8()..]
        .starts_with('\'')
        .then_some(first.len_utf8() + 2)
}

/// Up to and including the closing quote.
fn quoted_length(text: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == quote {
            return at + 1;
        }
    }
    text.len()
}

#[test]
fn code_comments_and_strings_are_told_apart() {
    let check = |text: &str, code: &str, comments: &str| {
        let scrubbed = scrub(text);
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&scrubbed.code), code, "the code of {text}");
        assert_eq!(
            squeezed(&scrubbed.comments),
            comments,
            "the comments of {text}"
        );
        assert_eq!(scrubbed.code.lines().count(), text.lines().count());
    };
    check("a // b \"c\"\nd", "a d", "// b \"c\"");
    check("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */");
    check(
        "f(\"// no \\\" { \", b'{', '\\'', r#\"a\"b\"#, br\"c\")",
        "f( , b , , , )",
        "",
    );
    check(
        "fn f<'a>(x: &'a str) -> char { '}' }",
        "fn f<'a>(x: &'a str) -> char { }",
        "",
    );
    check("let r = bar\"\";", "let r = bar ;", "");
    check("\"one\ntwo\" three", "three", "");
}
