//! One line: measurement, tags, fields, time.

/// A line, with its escapes undone.
#[derive(Debug, PartialEq)]
pub struct Line {
    pub measurement: String,
    pub tags: Vec<(String, String)>,
    pub fields: Vec<(String, Field)>,
    pub time: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Float(f64),
    Int(i64),
    Bool(bool),
    Text(String),
}

/// The first line that is more than blanks and comments, and what comes after it. `number` is for
/// errors.
pub fn next(mut body: &[u8], number: usize) -> Result<Option<(Line, &[u8])>, String> {
    loop {
        let start = body.iter().position(|byte| !b" \t\r\n\0".contains(byte));
        let Some(start) = start else { return Ok(None) };
        body = &body[start..];
        if body[0] != b'#' {
            let mut cursor = Cursor { rest: body, number };
            let line = cursor.line()?;
            return Ok(Some((line, cursor.rest)));
        }
        let end = body.iter().position(|byte| *byte == b'\n');
        body = &body[end.unwrap_or(body.len())..];
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
    number: usize,
}

impl Cursor<'_> {
    fn line(&mut self) -> Result<Line, String> {
        let measurement = self.text(b", \n");
        if measurement.is_empty() {
            return Err(self.wrong("measurement"));
        }
        let mut tags = Vec::new();
        while self.skip(b',') {
            let key = self.text(b"=, \n");
            if key.is_empty() || !self.skip(b'=') {
                return Err(self.wrong("tag"));
            }
            let value = self.text(b", \n=");
            if value.is_empty() {
                return Err(self.wrong("tag"));
            }
            tags.push((key, value));
        }
        self.blanks();
        let mut fields = Vec::new();
        loop {
            let key = self.text(b"=, \n");
            if key.is_empty() || !self.skip(b'=') {
                return Err(self.wrong("field"));
            }
            fields.push((key, self.value()?));
            if !self.skip(b',') {
                break;
            }
        }
        self.blanks();
        let word = self.word();
        let time = match word.is_empty() {
            true => None,
            false => Some(word.parse().map_err(|_| self.wrong("timestamp"))?),
        };
        self.blanks();
        if !self.rest.is_empty() && !self.skip(b'\n') {
            return Err(self.wrong("timestamp"));
        }
        Ok(Line {
            measurement,
            tags,
            fields,
            time,
        })
    }

    fn wrong(&self, part: &str) -> String {
        format!("failed to parse {part} on line {}", self.number)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn blanks(&mut self) {
        while let [b' ' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Text until one of `ends` that no backslash precedes. A backslash before anything else stays.
    fn text(&mut self, ends: &[u8]) -> String {
        let mut text = Vec::new();
        loop {
            match self.rest {
                [b'\\', escaped @ (b',' | b'=' | b' '), rest @ ..] => {
                    text.push(*escaped);
                    self.rest = rest;
                }
                [byte, rest @ ..] if !ends.contains(byte) => {
                    text.push(*byte);
                    self.rest = rest;
                }
                _ => break,
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Bytes until a blank, a comma or the end of the line.
    fn word(&mut self) -> &str {
        let end = self.rest.iter().position(|byte| b", \r\n".contains(byte));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        std::str::from_utf8(word).unwrap_or("?")
    }

    fn value(&mut self) -> Result<Field, String> {
        if self.skip(b'"') {
            return self.quoted();
        }
        let wrong = self.wrong("field");
        let word = self.word();
        let field = match word {
            "t" | "T" | "true" | "True" | "TRUE" => Some(Field::Bool(true)),
            "f" | "F" | "false" | "False" | "FALSE" => Some(Field::Bool(false)),
            _ => match word.as_bytes().last() {
                Some(b'i') => word[..word.len() - 1].parse().ok().map(Field::Int),
                Some(b'u') => {
                    let whole = word[..word.len() - 1].parse::<u64>().ok();
                    whole.map(|whole| Field::Int(whole.cast_signed()))
                }
                _ => word
                    .parse()
                    .ok()
                    .filter(|it: &f64| it.is_finite())
                    .map(Field::Float),
            },
        };
        field.ok_or(wrong)
    }

    fn quoted(&mut self) -> Result<Field, String> {
        let mut text = Vec::new();
        loop {
            match self.rest {
                [] => return Err(self.wrong("field")),
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(Field::Text(String::from_utf8_lossy(&text).into_owned()));
                }
                [b'\\', escaped @ (b'"' | b'\\'), rest @ ..] => {
                    text.push(*escaped);
                    self.rest = rest;
                }
                [byte, rest @ ..] => {
                    text.push(*byte);
                    self.rest = rest;
                }
            }
        }
    }
}
