//! The syntax of paths and filters.

use regex::Regex;
use serde_json::Value as Json;

use super::filter::{Call, Filter, Op};
use super::{Path, Step};

/// Limit: brackets inside each other. A person writes two or three.
const DEPTH_MAX: usize = 50;

pub(crate) fn parse(path: &str) -> Result<Path, String> {
    if path.is_empty() {
        return Ok(Path { steps: None });
    }
    let mut parser = Parser {
        text: path,
        at: 0,
        depth: 0,
    };
    let steps = parser.path();
    let steps = steps.and_then(|steps| match parser.rest() {
        "" => Ok(Some(steps)),
        _ => Err("unexpected text".to_owned()),
    });
    steps
        .map(|steps| Path { steps })
        .map_err(|message| format!("{message} at character {} of {path:?}", parser.at + 1))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.take(text) {
            Ok(())
        } else {
            Err(format!("expected {text:?}"))
        }
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn path(&mut self) -> Result<Vec<Step>, String> {
        if self.take("$") || self.take("@") {
            return self.steps();
        }
        let mut steps = Vec::new();
        if self.take("*") {
            steps.push(Step::Wildcard);
        } else if self.peek().is_some_and(|c| c != '.' && c != '[') {
            steps.push(Step::Child(self.name()?));
        }
        steps.extend(self.steps()?);
        Ok(steps)
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Descent);
                if self.take("*") {
                    steps.push(Step::Wildcard);
                } else if self.peek() != Some('[') {
                    steps.push(Step::Child(self.name()?));
                }
            } else if self.take(".") {
                // Compat: `.[` means the same as `[`.
                match self.peek() {
                    Some('*') => {
                        self.at += 1;
                        steps.push(Step::Wildcard);
                    }
                    Some('[') => {}
                    _ => steps.push(Step::Child(self.name()?)),
                }
            } else if self.take("[") {
                steps.push(self.brackets()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.word() {
            "" => Err("expected a name".to_owned()),
            name => Ok(name.to_owned()),
        }
    }

    /// After the opening bracket.
    fn brackets(&mut self) -> Result<Step, String> {
        self.blanks();
        if self.take("?") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err("too many brackets inside each other".to_owned());
            }
            let filter = self.or()?;
            self.depth -= 1;
            self.close("]")?;
            return Ok(Step::Filter(filter));
        }
        let mut steps = vec![self.bracket_step()?];
        self.blanks();
        while self.take(",") {
            self.blanks();
            steps.push(self.bracket_step()?);
            self.blanks();
        }
        self.expect("]")?;
        Ok(if steps.len() == 1 {
            steps.remove(0)
        } else {
            Step::Union(steps)
        })
    }

    fn bracket_step(&mut self) -> Result<Step, String> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Step::Wildcard)
            }
            Some('\'' | '"') => Ok(Step::Child(self.quoted()?)),
            _ => self.index_or_slice(),
        }
    }

    fn index_or_slice(&mut self) -> Result<Step, String> {
        let start = self.whole()?;
        if !self.take(":") {
            return start
                .map(Step::Index)
                .ok_or_else(|| "expected an index or a name".to_owned());
        }
        let end = self.whole()?;
        let step = if self.take(":") { self.whole()? } else { None };
        Ok(Step::Slice {
            start,
            end,
            step: step.unwrap_or(1),
        })
    }

    fn whole(&mut self) -> Result<Option<i64>, String> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let end = sign + rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if end == 0 {
            return Ok(None);
        }
        let number = rest[..end]
            .parse()
            .map_err(|_| "expected a whole number".to_owned())?;
        self.at += end;
        Ok(Some(number))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let mut chars = rest.char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other) => text.push(other),
                    None => break,
                },
                _ if Some(c) == quote => {
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err("a text does not end".to_owned())
    }

    fn close(&mut self, bracket: &str) -> Result<(), String> {
        self.blanks();
        self.expect(bracket)
    }

    fn or(&mut self) -> Result<Filter, String> {
        let mut left = self.and()?;
        while self.operator(&[("||", Op::Or)]).is_some() {
            left = joined(Op::Or, left, self.and()?);
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut left = self.comparison()?;
        while self.operator(&[("&&", Op::And)]).is_some() {
            left = joined(Op::And, left, self.comparison()?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Filter, String> {
        const OPERATORS: [(&str, Op); 12] = [
            ("==", Op::Equal),
            ("!=", Op::NotEqual),
            ("<=", Op::LessEqual),
            (">=", Op::GreaterEqual),
            ("<", Op::Less),
            (">", Op::Greater),
            ("=~", Op::Matches),
            ("~=", Op::Matches),
            ("in ", Op::In),
            ("empty ", Op::Empty),
            ("has ", Op::Has),
            ("exists ", Op::Has),
        ];
        let left = self.sum()?;
        match self.operator(&OPERATORS) {
            Some(Op::Matches) => Ok(joined(Op::Matches, left, self.pattern()?)),
            Some(op) => Ok(joined(op, left, self.sum()?)),
            None => Ok(left),
        }
    }

    fn sum(&mut self) -> Result<Filter, String> {
        let mut left = self.product()?;
        while let Some(op) = self.operator(&[("+", Op::Add), ("-", Op::Sub)]) {
            left = joined(op, left, self.product()?);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Filter, String> {
        let mut left = self.operand()?;
        while let Some(op) = self.operator(&[("*", Op::Mul), ("/", Op::Div)]) {
            left = joined(op, left, self.operand()?);
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[(&str, Op)]) -> Option<Op> {
        self.blanks();
        let found = operators
            .iter()
            .find(|(text, _)| self.rest().starts_with(text));
        let (text, op) = found?;
        self.at += text.len();
        Some(*op)
    }

    fn operand(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("too many brackets inside each other".to_owned());
        }
        self.blanks();
        let operand = match self.peek() {
            Some('!') => {
                self.at += 1;
                Filter::Not(Box::new(self.operand()?))
            }
            Some('(') => {
                self.at += 1;
                let inner = self.or()?;
                self.close(")")?;
                inner
            }
            Some('[') => self.list()?,
            Some('@' | '$') => {
                let from_root = self.take("$") || !self.take("@");
                Filter::Path {
                    from_root,
                    steps: self.steps()?,
                }
            }
            Some('\'' | '"') => Filter::Literal(Json::from(self.quoted()?)),
            Some('/') => self.pattern()?,
            Some(c) if c == '-' || c.is_ascii_digit() => self.number()?,
            _ => self.named()?,
        };
        self.depth -= 1;
        Ok(operand)
    }

    fn list(&mut self) -> Result<Filter, String> {
        self.expect("[")?;
        let mut items = Vec::new();
        self.blanks();
        while !self.take("]") {
            items.push(self.sum()?);
            self.blanks();
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
            self.blanks();
        }
        Ok(Filter::List(items))
    }

    fn number(&mut self) -> Result<Filter, String> {
        let rest = self.rest();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E');
        let sign = usize::from(rest.starts_with('-'));
        let end = rest[sign..]
            .find(|c| !part(c))
            .map_or(rest.len(), |end| end + sign);
        let number: Json =
            serde_json::from_str(&rest[..end]).map_err(|_| "expected a number".to_owned())?;
        self.at += end;
        Ok(Filter::Literal(number))
    }

    fn named(&mut self) -> Result<Filter, String> {
        let function = match self.word() {
            "true" => return Ok(Filter::Literal(Json::Bool(true))),
            "false" => return Ok(Filter::Literal(Json::Bool(false))),
            "null" => return Ok(Filter::Literal(Json::Null)),
            "length" => Call::Length,
            "count" => Call::Count,
            "match" => Call::Match,
            "search" => Call::Search,
            _ => return Err("expected a value".to_owned()),
        };
        self.expect("(")?;
        let mut arguments = vec![self.or()?];
        self.blanks();
        while self.take(",") {
            arguments.push(self.or()?);
            self.blanks();
        }
        self.expect(")")?;
        Ok(Filter::Call {
            function,
            arguments,
        })
    }

    /// `/regex/`, or a text that is one.
    fn pattern(&mut self) -> Result<Filter, String> {
        self.blanks();
        let pattern = match self.peek() {
            Some('\'' | '"') => self.quoted()?,
            _ => {
                self.expect("/")?;
                let rest = self.rest();
                let end = rest.find('/').ok_or("a regular expression does not end")?;
                self.at += end + 1;
                rest[..end].to_owned()
            }
        };
        Regex::new(&pattern)
            .map(Filter::Pattern)
            .map_err(|error| format!("bad regular expression: {error}"))
    }
}

fn joined(op: Op, left: Filter, right: Filter) -> Filter {
    Filter::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
    }
}
