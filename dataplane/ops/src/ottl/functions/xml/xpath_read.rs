//! Text to a path.

use super::xpath::{Expression, Path, Step, Test, XPath};

/// Limit: expressions in expressions.
const DEPTH_MAX: usize = 50;

/// The functions, and how many arguments they take.
const FUNCTIONS: &[(&str, std::ops::RangeInclusive<usize>)] = &[
    ("not", 1..=1),
    ("true", 0..=0),
    ("false", 0..=0),
    ("boolean", 1..=1),
    ("contains", 2..=2),
    ("starts-with", 2..=2),
    ("ends-with", 2..=2),
    ("local-name", 0..=1),
    ("name", 0..=1),
    ("position", 0..=0),
    ("last", 0..=0),
    ("count", 1..=1),
    ("string", 0..=1),
    ("number", 0..=1),
    ("string-length", 0..=1),
    ("normalize-space", 0..=1),
    ("concat", 2..=16),
];

impl XPath {
    pub(super) fn new(text: &str) -> Result<XPath, String> {
        let mut parser = Parser {
            text,
            rest: text,
            depth: 0,
        };
        let mut paths = vec![parser.path()?];
        while parser.accept("|") {
            paths.push(parser.path()?);
        }
        parser.skip();
        match parser.rest.is_empty() {
            true => Ok(XPath { paths }),
            false => Err(parser.failed()),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn failed(&self) -> String {
        let at = self.text.len() - self.rest.len();
        format!("invalid xpath: {:?} at {at}", self.text)
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.accept(token) {
            true => Ok(()),
            false => Err(self.failed()),
        }
    }

    fn name(&mut self) -> Option<String> {
        self.skip();
        let known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = self.rest.find(|c| !known(c)).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || name.contains("::") {
            return None;
        }
        self.rest = &self.rest[end..];
        Some(name.to_owned())
    }

    fn path(&mut self) -> Result<Path, String> {
        self.skip();
        let mut path = Path {
            absolute: self.rest.starts_with('/'),
            steps: Vec::new(),
        };
        let mut deep = self.accept("//");
        if !deep && self.accept("/") {
            self.skip();
            if self.rest.is_empty() || self.rest.starts_with(['|', ')', ']']) {
                return Ok(path);
            }
        }
        loop {
            path.steps.push(self.step(deep)?);
            deep = self.accept("//");
            if !deep && !self.accept("/") {
                return Ok(path);
            }
        }
    }

    fn step(&mut self, deep: bool) -> Result<Step, String> {
        let test = if self.accept("..") {
            Test::Parent
        } else if self.accept(".") {
            Test::Myself
        } else if self.accept("@") || self.accept("attribute::") {
            match self.accept("*") {
                true => Test::AnyAttribute,
                false => Test::Attribute(self.name().ok_or_else(|| self.failed())?),
            }
        } else if self.accept("*") || self.accept("child::*") {
            Test::Any
        } else {
            self.accept("child::");
            let name = self.name().ok_or_else(|| self.failed())?;
            match (&*name, self.accept("(")) {
                (_, false) => Test::Name(name),
                (kind @ ("text" | "comment" | "node"), true) => {
                    self.expect(")")?;
                    match kind {
                        "text" => Test::Text,
                        "comment" => Test::Comment,
                        _ => Test::Node,
                    }
                }
                _ => return Err(self.failed()),
            }
        };
        let mut predicates = Vec::new();
        while self.accept("[") {
            predicates.push(self.expression()?);
            self.expect("]")?;
        }
        Ok(Step {
            deep,
            test,
            predicates,
        })
    }

    fn expression(&mut self) -> Result<Expression, String> {
        if self.depth == DEPTH_MAX {
            return Err(self.failed());
        }
        self.depth += 1;
        let result = self.level(0);
        self.depth -= 1;
        result
    }

    /// `or` binds loosest, then `and`, then comparisons.
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        const OPERATORS: [&[&str]; 3] = [&["or "], &["and "], &["!=", "<=", ">=", "=", "<", ">"]];
        let Some(operators) = OPERATORS.get(level) else {
            return self.operand();
        };
        let mut left = self.level(level + 1)?;
        loop {
            let found = operators.iter().find(|operator| self.accept(operator));
            let Some(operator) = found else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            left = Expression::Binary(Box::new(left), operator.trim_end(), Box::new(right));
        }
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.skip();
        if self.accept("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for quote in ["'", "\""] {
            if self.accept(quote) {
                let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.failed())?;
                self.rest = rest;
                return Ok(Expression::Text(text.to_owned()));
            }
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            let number = number.parse().map_err(|_| self.failed())?;
            self.rest = rest;
            return Ok(Expression::Number(number));
        }
        let before = self.rest;
        if let Some(name) = self.name()
            && let Some((_, count)) = FUNCTIONS.iter().find(|(other, _)| *other == name)
            && self.accept("(")
        {
            let mut arguments = Vec::new();
            while !self.accept(")") {
                if !arguments.is_empty() {
                    self.expect(",")?;
                }
                arguments.push(self.expression()?);
            }
            return match count.contains(&arguments.len()) {
                true => Ok(Expression::Call(name, arguments)),
                false => Err(self.failed()),
            };
        }
        self.rest = before;
        Ok(Expression::Path(self.path()?))
    }
}
