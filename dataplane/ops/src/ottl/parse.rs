//! Text to tree: a recursive descent over the grammar of OTTL.
//!
//! A value that may turn out to be the left side of a comparison is read once and kept, so that
//! reading takes time in proportion to the text (its square for parentheses in parentheses).

use super::cursor::{Parsed, Parser};
use super::error::SyntaxError;
use super::token::{Kind, unquote};
use super::tree::{
    Argument, Call, Comparison, Condition, Form, Key, Operator, Path, Segment, Statement, Written,
};

/// Reads `editor(...) where condition`.
pub(super) fn statement(text: &str) -> Parsed<Statement> {
    let mut parser = Parser::new(text)?;
    let offset = parser.offset();
    if parser.kind() == Kind::Upper {
        let name = parser.name();
        let message = format!("editor names must start with a lowercase letter but got '{name}'");
        return Err(SyntaxError::new(offset, message));
    }
    if parser.kind() != Kind::Lower {
        return Err(parser.unexpected("a function"));
    }
    let name = parser.name();
    let editor = parser.call(offset, name)?;
    if parser.at(b'[') {
        let message = "only paths and converters may be indexed, not editors";
        return Err(SyntaxError::new(parser.offset(), message));
    }
    let condition = match parser.is_word("where") {
        true => {
            parser.advance();
            Some(parser.condition()?)
        }
        false => None,
    };
    parser.end()?;
    Ok(Statement { editor, condition })
}

/// Reads a condition alone.
pub(super) fn condition(text: &str) -> Parsed<Condition> {
    let mut parser = Parser::new(text)?;
    let condition = parser.condition()?;
    parser.end()?;
    Ok(condition)
}

/// Reads a value alone.
pub(super) fn value(text: &str) -> Parsed<Written> {
    let mut parser = Parser::new(text)?;
    let value = parser.value()?;
    if let Form::FunctionName(_) = value.form {
        return Err(parser.unexpected("the arguments of a function"));
    }
    parser.end()?;
    Ok(value)
}

impl Parser<'_> {
    fn condition(&mut self) -> Parsed<Condition> {
        let mut terms = vec![self.conjunction()?];
        while self.kind() == Kind::Or {
            self.advance();
            terms.push(self.conjunction()?);
        }
        Ok(join(terms, Condition::Or))
    }

    fn conjunction(&mut self) -> Parsed<Condition> {
        let mut terms = vec![self.negation()?];
        while self.kind() == Kind::And {
            self.advance();
            terms.push(self.negation()?);
        }
        Ok(join(terms, Condition::And))
    }

    fn negation(&mut self) -> Parsed<Condition> {
        if self.kind() != Kind::Not {
            return self.nested(Self::term);
        }
        self.advance();
        Ok(Condition::Not(Box::new(self.nested(Self::term)?)))
    }

    fn term(&mut self) -> Parsed<Condition> {
        let start = self.next;
        let left = self.value();
        if self.kind() == Kind::Comparison
            && let Ok(left) = &left
        {
            let comparison = comparison(self.raw());
            self.advance();
            let right = self.value()?;
            return Ok(Condition::Compare(
                Box::new(left.clone()),
                comparison,
                Box::new(right),
            ));
        }
        match left.map(|left| left.form) {
            Ok(Form::Bool(value)) => Ok(Condition::Constant(value)),
            Ok(Form::Call(call)) => Ok(Condition::Call(call)),
            result => {
                let failed = self.unexpected("a comparison");
                self.next = start;
                if !self.accept(b'(') {
                    return Err(match result {
                        Err(error) => error,
                        Ok(_) => failed,
                    });
                }
                let inner = self.condition()?;
                self.expect(b')')?;
                Ok(inner)
            }
        }
    }

    fn value(&mut self) -> Parsed<Written> {
        self.nested(Self::value_here)
    }

    fn value_here(&mut self) -> Parsed<Written> {
        let offset = self.offset();
        let form = match self.kind() {
            Kind::Nil => Form::Nil,
            Kind::Bool => Form::Bool(self.raw() == "true"),
            Kind::Text => Form::Text(self.quoted()?),
            Kind::Bytes => Form::Bytes(self.bytes()?),
            Kind::Punctuation(b'[') => return self.list(),
            Kind::Punctuation(b'{') => return self.map(),
            Kind::Punctuation(b'(') if self.is_lambda() => {
                let message = "lambda expressions need the feature gate \
                    ottl.functions.enableLambda, which is off";
                return Err(SyntaxError::new(offset, message));
            }
            _ => return self.sum(),
        };
        self.advance();
        Ok(Written { offset, form })
    }

    /// Whether `(a, b) =>` stands here.
    fn is_lambda(&self) -> bool {
        let mut rest = self.tokens[self.next + 1..].iter().map(|token| token.kind);
        loop {
            match rest.next() {
                Some(Kind::Lower | Kind::Blank | Kind::Punctuation(b',')) => {}
                Some(Kind::Punctuation(b')')) => return rest.next() == Some(Kind::Arrow),
                _ => return false,
            }
        }
    }

    fn quoted(&self) -> Parsed<String> {
        unquote(self.raw())
            .ok_or_else(|| SyntaxError::new(self.offset(), format!("invalid text {}", self.raw())))
    }

    fn bytes(&self) -> Parsed<Vec<u8>> {
        let digits = &self.raw().as_bytes()[2..];
        if digits.len() % 2 == 1 {
            let message = "odd number of hexadecimal digits";
            return Err(SyntaxError::new(self.offset(), message));
        }
        Ok(super::text::from_hex(digits).expect("the lexer took hexadecimal digits only"))
    }

    fn list(&mut self) -> Parsed<Written> {
        let offset = self.offset();
        self.expect(b'[')?;
        let mut items = Vec::new();
        if !self.at(b']') {
            items.push(self.value()?);
            while self.accept(b',') {
                items.push(self.value()?);
            }
        }
        self.expect(b']')?;
        let form = Form::List(items);
        Ok(Written { offset, form })
    }

    fn map(&mut self) -> Parsed<Written> {
        let offset = self.offset();
        self.expect(b'{')?;
        let mut items: Vec<(String, Written)> = Vec::new();
        while self.kind() == Kind::Text {
            let key = self.quoted()?;
            self.advance();
            self.expect(b':')?;
            let value = self.value()?;
            items.retain(|(other, _)| *other != key);
            items.push((key, value));
            self.accept(b',');
        }
        self.expect(b'}')?;
        let form = Form::Map(items);
        Ok(Written { offset, form })
    }

    fn sum(&mut self) -> Parsed<Written> {
        let mut left = self.product()?;
        loop {
            let operator = match self.kind() {
                Kind::Plus => Operator::Add,
                Kind::Minus => Operator::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.product()?;
            left = math(left, operator, right);
        }
    }

    fn product(&mut self) -> Parsed<Written> {
        let mut left = self.operand()?;
        loop {
            let operator = match self.kind() {
                Kind::Star => Operator::Multiply,
                Kind::Slash => Operator::Divide,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.operand()?;
            left = math(left, operator, right);
        }
    }

    fn operand(&mut self) -> Parsed<Written> {
        let offset = self.offset();
        let sign = self.kind();
        if matches!(sign, Kind::Plus | Kind::Minus) {
            self.advance();
        }
        let inner = match self.accept(b'(') {
            true => {
                let inner = self.nested(Self::sum)?;
                self.expect(b')')?;
                Written {
                    offset,
                    form: Form::Group(Box::new(inner)),
                }
            }
            false => self.literal()?,
        };
        let form = match sign {
            Kind::Minus => Form::Negate(Box::new(inner)),
            Kind::Plus => Form::Group(Box::new(inner)),
            _ => return Ok(inner),
        };
        Ok(Written { offset, form })
    }

    /// A number, path, enum or call: what mathematics is made of.
    fn literal(&mut self) -> Parsed<Written> {
        let offset = self.offset();
        let form = match self.kind() {
            Kind::Int => {
                let value = self.raw().parse().map_err(|_| {
                    let message = format!("{} is out of the range of integers", self.raw());
                    SyntaxError::new(offset, message)
                })?;
                self.advance();
                Form::Int(value)
            }
            Kind::Float => {
                let value = self
                    .raw()
                    .parse()
                    .ok()
                    .filter(|value: &f64| value.is_finite());
                let value = value.ok_or_else(|| self.unexpected("a number"))?;
                self.advance();
                Form::Float(value)
            }
            Kind::Upper => self.converter(offset)?,
            Kind::Lower => Form::Path(self.path()?),
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Written { offset, form })
    }

    fn converter(&mut self, offset: usize) -> Parsed<Form> {
        let single = !matches!(self.tokens[self.next + 1].kind, Kind::Upper | Kind::Lower);
        let name = self.name();
        if self.at(b'(') {
            let mut call = self.nested(|parser| parser.call(offset, name))?;
            call.keys = self.keys()?;
            return Ok(Form::Call(call));
        }
        Ok(match single {
            true => Form::Symbol(name),
            false => Form::FunctionName(name),
        })
    }

    fn path(&mut self) -> Parsed<Path> {
        let mut segments = Vec::new();
        loop {
            if self.kind() != Kind::Lower {
                return Err(self.unexpected("the name of a field"));
            }
            let offset = self.offset();
            let name = self.raw().to_owned();
            self.advance();
            if self.at(b'(') || self.kind() == Kind::Upper {
                let name = name + &self.name();
                let message =
                    format!("converter names must start with an uppercase letter but got '{name}'");
                return Err(SyntaxError::new(offset, message));
            }
            let keys = self.keys()?;
            segments.push(Segment { name, keys });
            if !self.accept(b'.') {
                return Ok(Path { segments });
            }
        }
    }

    fn keys(&mut self) -> Parsed<Vec<Key>> {
        let mut keys = Vec::new();
        while self.accept(b'[') {
            let key = match self.kind() {
                Kind::Text => {
                    let text = self.quoted()?;
                    self.advance();
                    Key::Text(text)
                }
                _ => match self.nested(Self::sum)? {
                    Written {
                        form: Form::Int(index),
                        ..
                    } => Key::Int(index),
                    computed => Key::Computed(computed),
                },
            };
            self.expect(b']')?;
            keys.push(key);
        }
        Ok(keys)
    }

    fn call(&mut self, offset: usize, name: String) -> Parsed<Call> {
        self.expect(b'(')?;
        let mut arguments = Vec::new();
        if !self.at(b')') {
            arguments.push(self.argument()?);
            while self.accept(b',') {
                arguments.push(self.argument()?);
            }
        }
        self.expect(b')')?;
        Ok(Call {
            offset,
            name,
            arguments,
            keys: Vec::new(),
        })
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let start = self.next;
        if self.kind() == Kind::Lower {
            let name = self.name();
            if self.kind() == Kind::Equal {
                self.advance();
                let value = self.value()?;
                return Ok(Argument {
                    name: Some(name),
                    value,
                });
            }
            self.next = start;
        }
        let value = self.value()?;
        Ok(Argument { name: None, value })
    }
}

fn join(mut terms: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match terms.len() {
        1 => terms.remove(0),
        _ => many(terms),
    }
}

fn math(left: Written, operator: Operator, right: Written) -> Written {
    Written {
        offset: left.offset,
        form: Form::Math(Box::new(left), operator, Box::new(right)),
    }
}

fn comparison(raw: &str) -> Comparison {
    match raw {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        _ => Comparison::GreaterEqual,
    }
}
