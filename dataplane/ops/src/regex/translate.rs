//! Rewrites Go's syntax into Rust's.

use std::iter::Peekable;
use std::str::Chars;

/// Go's bound on the counts of a repetition.
const REPEAT_MAX: u32 = 1000;

pub(super) struct Translated {
    pub(super) pattern: String,
    /// Names of the groups, the whole match first; groups without a name have an empty one.
    pub(super) names: Vec<String>,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        names: vec![String::new()],
        repeated: false,
    };
    while let Some(c) = translator.rest.next() {
        translator.piece(c)?;
    }
    Ok(Translated {
        pattern: translator.out,
        names: translator.names,
    })
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    names: Vec<String>,
    /// The last piece was a repetition: another one right behind it is an error in Go.
    repeated: bool,
}

impl Translator<'_> {
    fn piece(&mut self, c: char) -> Result<(), String> {
        let repeated = std::mem::take(&mut self.repeated);
        match c {
            '*' | '+' | '?' => self.repetition(&c.to_string(), repeated),
            '{' => match self.counts() {
                Some((min, max)) if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX) => {
                    Err("invalid repeat count".to_owned())
                }
                Some((min, Some(max))) => self.repetition(&format!("{{{min},{max}}}"), repeated),
                Some((min, None)) => self.repetition(&format!("{{{min},}}"), repeated),
                None => {
                    self.out.push_str("\\{");
                    Ok(())
                }
            },
            '(' => self.group(),
            '[' => self.class(),
            '\\' => self.escape(),
            '.' | '^' | '$' | '|' | ')' => {
                self.out.push(c);
                Ok(())
            }
            _ => {
                self.literal(c);
                Ok(())
            }
        }
    }

    fn repetition(&mut self, operator: &str, repeated: bool) -> Result<(), String> {
        if repeated {
            return Err(format!("invalid nested repetition operator {operator:?}"));
        }
        self.out.push_str(operator);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    /// The counts behind an opening brace, if it is a repetition; otherwise nothing is consumed.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let mut ahead = self.rest.clone();
        let min = number(&mut ahead)?;
        let max = match ahead.next()? {
            '}' => Some(min),
            ',' if ahead.next_if_eq(&'}').is_some() => None,
            ',' => {
                let max = number(&mut ahead)?;
                ahead.next_if_eq(&'}')?;
                Some(max)
            }
            _ => return None,
        };
        self.rest = ahead;
        Some((min, max))
    }

    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            self.names.push(String::new());
            self.out.push('(');
            return Ok(());
        }
        let mut ahead = self.rest.clone();
        let named = ahead.next_if_eq(&'P').is_some();
        if ahead.next_if_eq(&'<').is_some() {
            self.rest = ahead;
            return self.named_group();
        }
        if named {
            return Err("invalid named capture".to_owned());
        }
        self.flags()
    }

    /// Rust is stricter about names than Go, so that groups lose theirs and `names` keeps them.
    fn named_group(&mut self) -> Result<(), String> {
        let mut name = String::new();
        loop {
            match self.rest.next() {
                Some('>') if !name.is_empty() => break,
                Some(c) if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
                _ => return Err("invalid named capture".to_owned()),
            }
        }
        self.names.push(name);
        self.out.push('(');
        Ok(())
    }

    fn flags(&mut self) -> Result<(), String> {
        let mut flags = String::new();
        let (mut negative, mut any) = (false, false);
        loop {
            let c = self.rest.next().ok_or("missing closing )")?;
            match c {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negative => (negative, any) = (true, false),
                ':' | ')' if !negative || any => {
                    if flags.is_empty() && c == ')' {
                        return Ok(());
                    }
                    self.out.push_str("(?");
                    self.out.push_str(&flags);
                    self.out.push(c);
                    return Ok(());
                }
                _ => return Err("invalid or unsupported Perl syntax".to_owned()),
            }
            flags.push(c);
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let c = self
            .rest
            .next()
            .ok_or("trailing backslash at end of expression")?;
        match c {
            'A' => self.out.push_str("\\A"),
            'z' => self.out.push_str("\\z"),
            'b' => self.out.push_str("(?-u:\\b)"),
            // The engine has no ASCII form of this one for text; on ASCII text the two agree.
            'B' => self.out.push_str("\\B"),
            'Q' => self.quoted(),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.out.push_str(&perl_class(c)),
            'p' | 'P' => {
                let class = self.unicode_class(c)?;
                self.out.push_str(&class);
            }
            _ => {
                let c = self.escaped_char(c)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// `\Q...\E`, where the end may be left out.
    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            let mut ahead = self.rest.clone();
            if c == '\\' && ahead.next() == Some('E') {
                self.rest = ahead;
                return;
            }
            self.literal(c);
        }
    }

    /// The character that an escape stands for; `c` is the one behind the backslash.
    fn escaped_char(&mut self, c: char) -> Result<char, String> {
        let code = match c {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => self.hexadecimal()?,
            '0' => self.octal(0),
            '1'..='7' if matches!(self.rest.peek(), Some('0'..='7')) => self.octal(c as u32 - 48),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => c as u32,
            _ => return Err(format!("invalid escape sequence \"\\{c}\"")),
        };
        char::from_u32(code).ok_or_else(|| "invalid escape sequence".to_owned())
    }

    fn octal(&mut self, first: u32) -> u32 {
        let mut code = first;
        for _ in 0..2 {
            let Some(digit) = self.rest.next_if(|c| ('0'..='7').contains(c)) else {
                break;
            };
            code = code * 8 + (digit as u32 - 48);
        }
        code
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let bad = || "invalid escape sequence \"\\x\"".to_owned();
        let mut code = 0u32;
        if self.rest.next_if_eq(&'{').is_none() {
            for _ in 0..2 {
                let digit = self
                    .rest
                    .next()
                    .and_then(|c| c.to_digit(16))
                    .ok_or_else(bad)?;
                code = code * 16 + digit;
            }
            return Ok(code);
        }
        let mut digits = 0;
        loop {
            let c = self.rest.next().ok_or_else(bad)?;
            if c == '}' && digits > 0 {
                return Ok(code);
            }
            code = code * 16 + c.to_digit(16).ok_or_else(bad)?;
            digits += 1;
            if code > u32::from(char::MAX) {
                return Err(bad());
            }
        }
    }

    /// `\pN`, `\p{Name}`, `\p{^Name}`.
    fn unicode_class(&mut self, letter: char) -> Result<String, String> {
        let bad = || "invalid character class range".to_owned();
        let mut negative = letter == 'P';
        let mut name = self.rest.next().ok_or_else(bad)?.to_string();
        if name == "{" {
            name.clear();
            loop {
                match self.rest.next().ok_or_else(bad)? {
                    '}' => break,
                    '^' if name.is_empty() => negative = !negative,
                    c => name.push(c),
                }
            }
        }
        if name == "Any" {
            name = "any".to_owned();
        }
        Ok(format!("\\{}{{{name}}}", if negative { 'P' } else { 'p' }))
    }

    fn class(&mut self) -> Result<(), String> {
        const UNCLOSED: &str = "missing closing ]";
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or(UNCLOSED)?;
            if c == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if c == '[' && self.rest.peek() == Some(&':') && self.posix_class()? {
                continue;
            }
            let low = match self.class_atom(c)? {
                Atom::Class(class) => {
                    self.out.push_str(&class);
                    continue;
                }
                Atom::Char(low) => low,
            };
            self.literal(low);
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
                self.rest = ahead;
                let c = self.rest.next().ok_or(UNCLOSED)?;
                match self.class_atom(c)? {
                    Atom::Char(high) if low <= high => {
                        self.out.push('-');
                        self.literal(high);
                    }
                    _ => return Err("invalid character class range".to_owned()),
                }
            }
        }
    }

    fn class_atom(&mut self, c: char) -> Result<Atom, String> {
        if c != '\\' {
            return Ok(Atom::Char(c));
        }
        let c = self
            .rest
            .next()
            .ok_or("trailing backslash at end of expression")?;
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Ok(Atom::Class(perl_class(c))),
            'p' | 'P' => Ok(Atom::Class(self.unicode_class(c)?)),
            _ => Ok(Atom::Char(self.escaped_char(c)?)),
        }
    }

    /// `[:name:]` inside a class; the opening bracket is consumed. False: it was a plain bracket.
    fn posix_class(&mut self) -> Result<bool, String> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        let text: String = self.rest.clone().collect();
        let Some(end) = text.find(":]") else {
            return Ok(false);
        };
        let name = &text[1..end];
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("invalid character class range \"[:{name}:]\""));
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.rest.nth(end + 1);
        Ok(true)
    }

    /// A character that stands for itself, inside brackets or out.
    fn literal(&mut self, c: char) {
        self.out
            .push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

enum Atom {
    Char(char),
    Class(String),
}

/// Perl's classes, ASCII as in Go; as a bracket expression they can stand inside another.
fn perl_class(c: char) -> String {
    let set = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\x0C\r ",
        _ => "0-9A-Za-z_",
    };
    let negation = if c.is_ascii_uppercase() { "^" } else { "" };
    format!("[{negation}{set}]")
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    // Compat: Go takes a count with a leading zero for plain characters.
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use crate::regex::GoRegex;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let regex = GoRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for text in matching {
            assert!(regex.is_match(text), "{pattern} matches {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} does not match {text:?}");
        }
    }

    #[test]
    fn perl_classes_are_ascii() {
        check(r"^\d$", &["5"], &["٣", "x"]);
        check(r"^\D$", &["٣", "x"], &["5"]);
        check(r"^\w$", &["_", "z"], &["é"]);
        check(r"^\W$", &["é", "-"], &["_"]);
        check(r"^\s$", &[" ", "\t", "\x0c"], &["\x0b", "\u{a0}"]);
        check(r"^[\d_]+$", &["5_"], &["٣"]);
        check(r"^[^\d\s]$", &["x", "٣"], &["5", " "]);
        check(r"^[\D]$", &["x", "é"], &["7"]);
        check(r"\bfoo\b", &["a foo b", "éfooé"], &["afoo"]);
    }

    #[test]
    fn quoting_and_escapes_are_literal() {
        check(r"^\Qa.b*\E+$", &["a.b*", "a.b**"], &["aab*"]);
        check(r"^\Qa[", &["a["], &[]);
        check(r"^\<\>\_\-\ $", &["<>_- "], &[]);
        check(r"^\x41\x{1F600}\101\07$", &["A😀A\x07"], &[]);
        check(r"^\a\f\n\r\t\v$", &["\x07\x0c\n\r\t\x0b"], &[]);
    }

    #[test]
    fn braces_that_repeat_nothing_are_characters() {
        check(r"^a{2}b{1,}c{0,1}$", &["aab", "aabbc"], &["ab"]);
        check(r"^a{$", &["a{"], &[]);
        check(r"^a{,2}$", &["a{,2}"], &["aa"]);
        check(r"^{a}$", &["{a}"], &[]);
        check(r"^a{x}{2}$", &["a{x}}"], &["a{x}"]);
        check(r"^a{01}$", &["a{01}"], &["a"]);
    }

    #[test]
    fn brackets_hold_characters_only() {
        check(r"^[a&&b]+$", &["a&b"], &["c"]);
        check(r"^[+--b]+$", &["+,-b"], &["c"]);
        check(r"^[[a]+$", &["[a"], &["]"]);
        check(r"^[]a]+$", &["]a"], &["["]);
        check(r"^[^]a]$", &["b"], &["]", "a"]);
        check(r"^[a\]~~]+$", &["a]~"], &[]);
        check(r"^[[:alpha:][:^digit:]]$", &["a", "-"], &["1"]);
        check(r"^[\p{Greek}\pN]+$", &["α1"], &["a"]);
        check(r"^[a-c\-x]$", &["b", "-", "x"], &["d"]);
        check(r"^\p{^Lu}$", &["a"], &["A"]);
    }

    #[test]
    fn flags_work_and_strange_ones_do_not() {
        check(r"^(?i)web$", &["WEB"], &["wéb"]);
        check(r"^(?s:a.b)$", &["a\nb"], &["a\n"]);
        check(r"^(?i-s:a.b)$", &["AxB"], &["a\nb"]);
        check(r"(?m)^b$", &["a\nb"], &["ab"]);
        check(r"^(?)a$", &["a"], &[]);
        check(r"^x y#z$", &["x y#z"], &[]);
    }

    #[test]
    fn groups_keep_go_names() {
        let regex = GoRegex::new(r"(?P<1st>a)(b)(?<c_d>c)(?:d)").expect("a pattern");
        assert_eq!(regex.names(), ["", "1st", "", "c_d"]);
        let captures = regex.captures("abcd").expect("a match");
        assert_eq!(captures.get(3).map(|group| group.as_str()), Some("c"));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let patterns = [
            "a**",
            "a*+",
            "a{2}{3}",
            "*a",
            "(*a)",
            "a|*",
            "(a",
            "a)",
            "[a",
            "[b-a]",
            r"[a-\d]",
            r"\8",
            r"\1",
            r"\C",
            r"\Z",
            r"\y",
            r"\",
            "(?x)a",
            "(?u)a",
            "(?P<>a)",
            "(?P=n)",
            "(?=a)",
            "(?<!a)",
            "a{1001}",
            "a{1,1001}",
            "a{2,1}",
            "[[:foo:]]",
            r"\x{110000}",
            r"\xg",
            r"\p{Klingon}",
            "(?i",
            "(?-)a",
        ];
        for pattern in patterns {
            assert!(GoRegex::new(pattern).is_err(), "{pattern}");
        }
    }
}
