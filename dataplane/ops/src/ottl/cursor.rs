//! The tokens of a text, taken one after the other.

use super::error::SyntaxError;
use super::limits;
use super::token::{Kind, Token, tokens};

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// A text with the place that has been reached.
pub(super) struct Parser<'t> {
    text: &'t str,
    pub tokens: Vec<Token>,
    pub next: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub fn new(text: &'t str) -> Parsed<Parser<'t>> {
        if text.len() > limits::TEXT_BYTES_MAX {
            let message = format!("longer than {} bytes", limits::TEXT_BYTES_MAX);
            return Err(SyntaxError::new(limits::TEXT_BYTES_MAX, message));
        }
        Ok(Parser {
            text,
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
        })
    }

    pub fn token(&self) -> Token {
        self.tokens[self.next]
    }

    pub fn kind(&self) -> Kind {
        self.token().kind
    }

    pub fn offset(&self) -> usize {
        self.token().start
    }

    pub fn raw(&self) -> &'t str {
        let token = self.token();
        &self.text[token.start..token.end]
    }

    /// Invariant: the last token is `End`, which is never passed.
    pub fn advance(&mut self) {
        if self.kind() != Kind::End {
            self.next += 1;
        }
    }

    pub fn at(&self, punctuation: u8) -> bool {
        self.kind() == Kind::Punctuation(punctuation)
    }

    pub fn accept(&mut self, punctuation: u8) -> bool {
        let found = self.at(punctuation);
        if found {
            self.advance();
        }
        found
    }

    pub fn expect(&mut self, punctuation: u8) -> Parsed<()> {
        match self.accept(punctuation) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("{:?}", punctuation as char))),
        }
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.kind() == Kind::Lower && self.raw() == word
    }

    pub fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match self.kind() {
            Kind::End => "end of text".to_owned(),
            _ => format!("token {:?}", self.raw()),
        };
        SyntaxError::new(
            self.offset(),
            format!("unexpected {found} (expected {wanted})"),
        )
    }

    pub fn end(&self) -> Parsed<()> {
        match self.kind() {
            Kind::End => Ok(()),
            _ => Err(self.unexpected("the end")),
        }
    }

    /// Runs one level deeper.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == limits::DEPTH_MAX {
            let message = format!("nested deeper than {} levels", limits::DEPTH_MAX);
            return Err(SyntaxError::new(self.offset(), message));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// The words of a name, as far as they go: `IsMatch` is four tokens.
    pub fn name(&mut self) -> String {
        let mut name = String::new();
        while matches!(self.kind(), Kind::Upper | Kind::Lower) {
            name.push_str(self.raw());
            self.advance();
        }
        name
    }
}
