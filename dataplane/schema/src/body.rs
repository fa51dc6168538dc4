//! A block's content after evaluation: values in place of expressions, spans kept for messages.

use crate::value::Value;

/// A range of bytes of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

/// Evaluated, not yet typed. Equality ignores spans, so that moving a block in its file is no
/// change.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<Block>,
    /// Where something missing is reported.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    pub value: Value,
    /// Of the name.
    pub span: Span,
    /// Of the value, with those of the elements where the value is a literal list or object.
    pub value_span: ValueSpan,
}

#[derive(Clone, Debug)]
pub struct Block {
    /// With dots where it has several parts: `stage.json`.
    pub name: String,
    pub label: Option<String>,
    pub body: Body,
    /// Of the name.
    pub span: Span,
}

/// Where a value stands in the text, so that a wrong element is reported at its own place.
#[derive(Clone, Debug, Default)]
pub struct ValueSpan {
    pub span: Span,
    /// In the order of the value's elements, or of the object's keys as sorted. Empty unless the
    /// value was written as a literal.
    pub inner: Vec<ValueSpan>,
}

impl Attribute {
    /// One that stands in no text.
    pub fn new(name: impl Into<String>, value: Value) -> Attribute {
        Attribute {
            name: name.into(),
            value,
            span: Span::default(),
            value_span: ValueSpan::default(),
        }
    }
}

impl Block {
    /// One that stands in no text.
    pub fn new(name: impl Into<String>, body: Body) -> Block {
        Block {
            name: name.into(),
            label: None,
            body,
            span: Span::default(),
        }
    }
}

impl Body {
    /// Attributes that stand in no text.
    pub fn of<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Value)>) -> Body {
        let attributes = attributes.into_iter();
        Body {
            attributes: attributes
                .map(|(name, value)| Attribute::new(name, value))
                .collect(),
            ..Body::default()
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub fn value(&self, name: &str) -> Option<&Value> {
        self.attribute(name).map(|attribute| &attribute.value)
    }

    pub fn blocks<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| block.name == name)
    }
}

impl ValueSpan {
    pub fn at(span: Span) -> ValueSpan {
        ValueSpan {
            span,
            inner: Vec::new(),
        }
    }

    /// The span of the element that `path` leads to, or of the last one known on the way.
    pub fn find(&self, path: &[usize]) -> Span {
        match path
            .split_first()
            .and_then(|(first, rest)| Some((self.inner.get(*first)?, rest)))
        {
            Some((inner, rest)) => inner.find(rest),
            None => self.span,
        }
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        self.attributes == other.attributes && self.blocks == other.blocks
    }
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Attribute) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        self.name == other.name && self.label == other.label && self.body == other.body
    }
}
