//! Text to tokens, without a gap between them, and the mistakes that a token can have by itself.
//!
//! Newlines end statements as they do in Go: only where the line so far could end one. Where a
//! comment stands between the statement and its line end, the terminator comes before the comment
//! and is empty.

use crate::diagnostic::Diagnostic;
use crate::limits::DIAGNOSTICS_MAX;
use crate::source::Span;
use crate::token::TokenKind;
use crate::tree::Token;

const BYTE_ORDER_MARK: char = '\u{feff}';

pub(crate) struct Lexed {
    /// The last one is [`TokenKind::Eof`].
    pub tokens: Vec<Token>,
    pub diagnostics: Vec<Diagnostic>,
}

pub(crate) fn lex(file: u32, text: &str) -> Lexed {
    let mut lexer = Lexer {
        file,
        text,
        bytes: text.as_bytes(),
        at: 0,
        line_can_end: false,
        // Configurations have a token per three to four bytes, blanks counted.
        tokens: Vec::with_capacity(text.len() / 3 + 2),
        diagnostics: Vec::new(),
    };
    lexer.run();
    Lexed {
        tokens: lexer.tokens,
        diagnostics: lexer.diagnostics,
    }
}

/// Whether a text could stand as a name: what a block's label must be.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(starts_name)
        && letters.all(continues_name)
        && keyword(text) == TokenKind::Ident
}

struct Lexer<'t> {
    file: u32,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// A newline here would end a statement.
    line_can_end: bool,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        if self.text.starts_with(BYTE_ORDER_MARK) {
            self.push(TokenKind::Blank, 0);
            self.at = BYTE_ORDER_MARK.len_utf8();
        }
        while self.at < self.bytes.len() {
            self.token();
        }
        if self.line_can_end {
            self.push(TokenKind::Terminator, self.at);
        }
        self.push(TokenKind::Eof, self.at);
    }

    fn token(&mut self) {
        let start = self.at;
        let kind = match self.bytes[start] {
            b' ' | b'\t' | b'\r' | b'\n' => self.blank(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(),
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'"' => self.quoted(b'"', TokenKind::String),
            b'`' => self.raw(),
            b'\'' => {
                let message = "strings stand in double quotes, not in single ones";
                self.error(start, start + 1, message);
                self.quoted(b'\'', TokenKind::Illegal)
            }
            b'/' if matches!(self.byte(1), b'/' | b'*') => self.comment(),
            first if first.is_ascii() => self.operator(first),
            _ => self.beyond_ascii(),
        };
        self.push(kind, start);
        match kind {
            // An illegal character changes nothing; blanks hold no newline while a line can end.
            TokenKind::Blank => {}
            TokenKind::Illegal if self.bytes[start] != b'\'' => {}
            TokenKind::Illegal => self.line_can_end = true,
            kind => self.line_can_end = kind.ends_statement(),
        }
        if kind.is_comment() || kind == TokenKind::String {
            self.check_text(start);
        }
    }

    fn blank(&mut self) -> TokenKind {
        if self.line_can_end && self.bytes[self.at] == b'\n' {
            self.at += 1;
            return TokenKind::Terminator;
        }
        let line_can_end = self.line_can_end;
        self.skip_while(|byte| match byte {
            b' ' | b'\t' | b'\r' => true,
            b'\n' => !line_can_end,
            _ => false,
        });
        TokenKind::Blank
    }

    fn name(&mut self) -> TokenKind {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if self.byte(0) >= 0x80 {
            let rest = &self.text[self.at..];
            self.at += rest
                .find(|letter| !continues_name(letter))
                .unwrap_or(rest.len());
        }
        keyword(&self.text[start..self.at])
    }

    /// Decimal only: Alloy has no other notation and no underscores.
    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let mut kind = TokenKind::Number;
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.byte(0) == b'.' {
            kind = TokenKind::Float;
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if matches!(self.byte(0), b'e' | b'E') {
            kind = TokenKind::Float;
            self.at += 1;
            if matches!(self.byte(0), b'+' | b'-') {
                self.at += 1;
            }
            let digits = self.at;
            self.skip_while(|byte| byte.is_ascii_digit());
            if digits == self.at {
                self.error(start, self.at, "the exponent of this number has no digits");
                return kind;
            }
        }
        let finite = self.text[start..self.at].parse().is_ok_and(f64::is_finite);
        if !finite {
            self.error(start, self.at, "this number is too large for a float");
        }
        kind
    }

    fn raw(&mut self) -> TokenKind {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| byte != b'`');
        match self.at < self.bytes.len() {
            true => self.at += 1,
            false => self.error_at(start, "this raw string has no closing backtick"),
        }
        TokenKind::String
    }

    fn quoted(&mut self, quote: u8, kind: TokenKind) -> TokenKind {
        let start = self.at;
        self.at += 1;
        loop {
            self.skip_while(|byte| byte != quote && byte != b'\\' && byte != b'\n');
            match self.byte(0) {
                b'\\' => {
                    self.at += 1;
                    self.escape();
                }
                found if found == quote => {
                    self.at += 1;
                    return kind;
                }
                _ => {
                    self.error_at(start, "this string has no closing quote on its line");
                    return kind;
                }
            }
        }
    }

    /// Checks what follows a backslash. On a mistake nothing of it is consumed, so that a quote
    /// ends the string.
    fn escape(&mut self) {
        let start = self.at;
        let (skip, digits, radix, code_max) = match self.byte(0) {
            b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'"' => {
                self.at += 1;
                return;
            }
            b'0'..=b'7' => (0, 3, 8, 0xff),
            b'x' => (1, 2, 16, 0xff),
            b'u' => (1, 4, 16, char::MAX as u32),
            b'U' => (1, 8, 16, char::MAX as u32),
            _ => {
                let next = self.text[start..].chars().next().map_or(0, char::len_utf8);
                let text = &self.text[start..start + next];
                let message = format!("unknown escape \"\\{text}\"");
                self.error_with(start, start + next, message, ESCAPES);
                return;
            }
        };
        self.at += skip;
        let first = self.at;
        self.skip_while_up_to(digits, |byte| (byte as char).is_digit(radix));
        if self.at - first < digits {
            let message = format!("this escape needs {digits} digits");
            self.error_with(start, self.at.max(start + 1), message, ESCAPES);
            return;
        }
        let code = u32::from_str_radix(&self.text[first..self.at], radix).unwrap_or(u32::MAX);
        // Surrogates are no characters; a byte is never one.
        if code > code_max || (0xd800..0xe000).contains(&code) {
            self.error(start, self.at, "this escape is no Unicode character");
        }
    }

    fn comment(&mut self) -> TokenKind {
        if self.line_can_end && self.comments_reach_line_end() {
            self.push(TokenKind::Terminator, self.at);
        }
        let start = self.at;
        self.at += 2;
        if self.bytes[start + 1] == b'/' {
            self.skip_while(|byte| byte != b'\n');
            return TokenKind::LineComment;
        }
        match block_comment_end(self.text, start) {
            Some(end) => self.at = end,
            None => {
                self.at = self.bytes.len();
                self.error(start, start + 2, "this comment has no closing \"*/\"");
            }
        }
        TokenKind::BlockComment
    }

    /// Whether nothing but comments stands between here and the end of the line. Each comment is
    /// looked at once: after it no line can end before the next token.
    fn comments_reach_line_end(&self) -> bool {
        let mut at = self.at;
        loop {
            if !self.text[at..].starts_with("/*") {
                return self.text[at..].starts_with("//");
            }
            let Some(end) = block_comment_end(self.text, at) else {
                return true;
            };
            if self.bytes[at..end].contains(&b'\n') {
                return true;
            }
            at = end;
            while matches!(self.bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
                at += 1;
            }
            if matches!(self.bytes.get(at), None | Some(b'\n')) {
                return true;
            }
        }
    }

    fn operator(&mut self, first: u8) -> TokenKind {
        self.at += 1;
        match first {
            b'|' => self.doubled(b'|', TokenKind::Or),
            b'&' => self.doubled(b'&', TokenKind::And),
            b'!' => self.with_equals(TokenKind::Not, TokenKind::NotEqual),
            b'=' => self.with_equals(TokenKind::Assign, TokenKind::Equal),
            b'<' => self.with_equals(TokenKind::Less, TokenKind::LessEqual),
            b'>' => self.with_equals(TokenKind::Greater, TokenKind::GreaterEqual),
            b'+' => TokenKind::Add,
            b'-' => TokenKind::Sub,
            b'*' => TokenKind::Mul,
            b'/' => TokenKind::Div,
            b'%' => TokenKind::Mod,
            b'^' => TokenKind::Pow,
            b'{' => TokenKind::LeftCurly,
            b'}' => TokenKind::RightCurly,
            b'(' => TokenKind::LeftParen,
            b')' => TokenKind::RightParen,
            b'[' => TokenKind::LeftBracket,
            b']' => TokenKind::RightBracket,
            b',' => TokenKind::Comma,
            b'.' => TokenKind::Dot,
            _ => self.illegal(first as char),
        }
    }

    fn doubled(&mut self, twin: u8, kind: TokenKind) -> TokenKind {
        if self.byte(0) == twin {
            self.at += 1;
        } else {
            let message = format!("missing a second \"{}\"", twin as char);
            self.error(self.at, self.at, &message);
        }
        kind
    }

    fn with_equals(&mut self, alone: TokenKind, with: TokenKind) -> TokenKind {
        if self.byte(0) != b'=' {
            return alone;
        }
        self.at += 1;
        with
    }

    fn beyond_ascii(&mut self) -> TokenKind {
        let letter = self.text[self.at..]
            .chars()
            .next()
            .expect("at is before the end");
        if starts_name(letter) {
            return self.name();
        }
        self.at += letter.len_utf8();
        self.illegal(letter)
    }

    fn illegal(&mut self, letter: char) -> TokenKind {
        let start = self.at - letter.len_utf8();
        let message = format!(
            "illegal character \"{}\" (U+{:04X})",
            letter.escape_debug(),
            letter as u32
        );
        let hint = match letter {
            '#' => "a comment starts with //",
            ';' => "a statement ends at the end of its line",
            ':' => "a value is given with =",
            '\u{201c}' | '\u{201d}' => "strings stand in straight double quotes",
            _ => "",
        };
        self.error_with(start, self.at, message, hint);
        TokenKind::Illegal
    }

    /// NUL and byte order marks are illegal within strings and comments as well.
    fn check_text(&mut self, start: usize) {
        let text = &self.text[start..self.at];
        let wrong = |letter| letter == '\0' || letter == BYTE_ORDER_MARK;
        if !text.bytes().any(|byte| byte == 0 || byte == 0xef) {
            return;
        }
        for (at, letter) in text.match_indices(wrong) {
            let message = match letter {
                "\0" => "illegal character NUL",
                _ => "illegal byte order mark after the start of the file",
            };
            self.error(start + at, start + at + letter.len(), message);
        }
    }

    /// The byte so many after this one; 0 after the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        self.skip_while_up_to(usize::MAX, wanted);
    }

    fn skip_while_up_to(&mut self, count_max: usize, wanted: impl Fn(u8) -> bool) {
        let rest = self.bytes[self.at..].iter().take(count_max);
        self.at += rest.take_while(|byte| wanted(**byte)).count();
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token {
            kind,
            start: start as u32,
        });
    }

    /// Blames the rest of the line that a token without an end starts on.
    fn error_at(&mut self, start: usize, message: &str) {
        let line = self.bytes[start..self.at]
            .iter()
            .position(|byte| *byte == b'\n');
        self.error(
            start,
            line.map_or(self.at, |length| start + length),
            message,
        );
    }

    fn error(&mut self, start: usize, end: usize, message: &str) {
        self.error_with(start, end, message.to_string(), "");
    }

    fn error_with(&mut self, start: usize, end: usize, message: String, hint: &str) {
        // One past the limit, so that the end of the parse knows that there were more.
        if self.diagnostics.len() > DIAGNOSTICS_MAX {
            return;
        }
        let span = Span::new(self.file, start as u32, end as u32);
        let diagnostic = Diagnostic::error(span, message);
        self.diagnostics.push(match hint {
            "" => diagnostic,
            hint => diagnostic.hint(hint),
        });
    }
}

const ESCAPES: &str = "the escapes are \\a \\b \\f \\n \\r \\t \\v \\\\ \\\" \\101 \\x41 \\u0041 \
                       \\U00000041; write a backslash as \\\\, or use a raw string in backticks";

fn keyword(text: &str) -> TokenKind {
    match text {
        "true" | "false" => TokenKind::Bool,
        "null" => TokenKind::Null,
        _ => TokenKind::Ident,
    }
}

fn starts_name(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

fn continues_name(letter: char) -> bool {
    starts_name(letter) || letter.is_numeric()
}

fn block_comment_end(text: &str, start: usize) -> Option<usize> {
    text[start + 2..]
        .find("*/")
        .map(|length| start + 2 + length + 2)
}
