//! From an evaluated body to a typed struct, with every mistake reported.

use crate::argument::Argument;
use crate::body::{Attribute, Block, Body, Span};
use crate::coerce::TypeError;
use crate::declare::{BlockSchema, BodySchema, Field};
use crate::value::{Number, Value};

/// A mistake in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeError {
    pub span: Span,
    /// Where in the body: `endpoint.basic_auth.username`.
    pub path: String,
    pub message: String,
    pub expected: Option<String>,
    pub found: Option<String>,
    /// The valid name that is most like the one found.
    pub nearest: Option<String>,
    /// Found by a check over several fields, so it may be due to one that could not be evaluated
    /// yet.
    pub from_check: bool,
}

/// The arguments of a component or block. Made by the derive.
pub trait Arguments: Sized + Send + Sync + 'static {
    fn schema() -> &'static BodySchema;

    /// Reads the fields; names that are not declared are `decode`'s to refuse.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// The struct, if there is not one error.
    fn decode(body: &Body, errors: &mut Vec<DecodeError>) -> Option<Self> {
        decode_block(body, None, body.span, errors)
    }
}

/// An enum of which each variant is a block, for lists in which the order of different blocks
/// matters. Made by the derive on an enum.
pub trait BlockVariants: Sized + Send + Sync + 'static {
    fn blocks() -> Vec<BlockSchema>;

    /// None without an error if no variant has the block's name.
    fn read(block: &Block, errors: &mut Vec<DecodeError>) -> Option<Self>;
}

fn decode_block<A: Arguments>(
    body: &Body,
    label: Option<&str>,
    span: Span,
    errors: &mut Vec<DecodeError>,
) -> Option<A> {
    let before = errors.len();
    let schema = A::schema();
    refuse_unknown(schema, body, errors);
    refuse_label(schema, label, span, errors);
    let mut reader = Reader {
        schema,
        body,
        label,
        absent: false,
        errors,
    };
    let value = A::read(&mut reader);
    value.filter(|_| errors.len() == before)
}

/// What a block's struct is when the text has no such block.
fn read_absent<A: Arguments>(name: &str, span: Span, errors: &mut Vec<DecodeError>) -> Option<A> {
    let before = errors.len();
    let body = Body {
        span,
        ..Default::default()
    };
    let value = A::read(&mut Reader {
        schema: A::schema(),
        body: &body,
        label: None,
        absent: true,
        errors,
    });
    place(&mut errors[before..], name);
    value
}

/// Decodes a block's body; errors get the block's name in their path.
#[doc(hidden)]
pub fn read_block<A: Arguments>(block: &Block, errors: &mut Vec<DecodeError>) -> Option<A> {
    let before = errors.len();
    let value = decode_block(&block.body, block.label.as_deref(), block.span, errors);
    place(&mut errors[before..], &block.name);
    value
}

/// Puts a block's name before the paths of what was found inside.
fn place(errors: &mut [DecodeError], block: &str) {
    for error in errors {
        error.path = match error.path.as_str() {
            "" => block.to_owned(),
            inner => format!("{block}.{inner}"),
        };
    }
}

fn refuse_unknown(schema: &BodySchema, body: &Body, errors: &mut Vec<DecodeError>) {
    if schema.open {
        return;
    }
    for (at, attribute) in body.attributes.iter().enumerate() {
        let mut error = DecodeError {
            span: attribute.span,
            path: attribute.name.clone(),
            ..Default::default()
        };
        if schema.field(&attribute.name).is_none() {
            error.message = match schema.block(&attribute.name) {
                Some(_) => format!(
                    "{:?} must be a block, but is used as an attribute",
                    attribute.name
                ),
                None => format!("unrecognized attribute name {:?}", attribute.name),
            };
            let names = schema.fields.iter().map(|field| field.name);
            error.nearest = stdx::nearest(&attribute.name, names).map(str::to_owned);
            errors.push(error);
        } else if body.attributes[..at]
            .iter()
            .any(|earlier| earlier.name == attribute.name)
        {
            error.message = format!("attribute {:?} may only be provided once", attribute.name);
            errors.push(error);
        }
    }
    for (at, block) in body.blocks.iter().enumerate() {
        let mut error = DecodeError {
            span: block.span,
            path: block.name.clone(),
            ..Default::default()
        };
        match schema.block(&block.name) {
            None => {
                error.message = match schema.field(&block.name) {
                    Some(_) => format!(
                        "{:?} must be an attribute, but is used as a block",
                        block.name
                    ),
                    None => format!("unrecognized block name {:?}", block.name),
                };
                let names = schema.blocks.iter().map(|block| block.name);
                error.nearest = stdx::nearest(&block.name, names).map(str::to_owned);
                errors.push(error);
            }
            Some(declared) if !declared.repeatable => {
                if body.blocks[..at]
                    .iter()
                    .any(|earlier| earlier.name == block.name)
                {
                    error.message = format!("block {:?} may only be provided once", block.name);
                    errors.push(error);
                }
            }
            Some(_) => {}
        }
    }
}

fn refuse_label(
    schema: &BodySchema,
    label: Option<&str>,
    span: Span,
    errors: &mut Vec<DecodeError>,
) {
    let message = match (schema.labelled, label) {
        (true, None) => "the block needs a label".to_owned(),
        (false, Some(label)) => format!("the block does not take a label, but has {label:?}"),
        (true, Some(_)) | (false, None) => return,
    };
    errors.push(DecodeError {
        span,
        message,
        ..Default::default()
    });
}

/// Gives a struct its fields; used by the derive.
pub struct Reader<'a> {
    /// Of the outermost struct: a flattened one may have other defaults there than by itself.
    schema: &'static BodySchema,
    body: &'a Body,
    label: Option<&'a str>,
    /// The text has no such block. Compat: what a block requires is then not missed.
    absent: bool,
    errors: &'a mut Vec<DecodeError>,
}

impl Reader<'_> {
    /// The attribute's value, its default, or zero. None after an error.
    pub fn attribute<T: Argument>(&mut self, name: &str) -> Option<T> {
        let field = self
            .schema
            .field(name)
            .expect("the derive lists each field in the schema");
        let Some(attribute) = self.body.attribute(name) else {
            if field.required && !self.absent {
                self.missing(name, format!("missing required attribute {name:?}"));
                return None;
            }
            return unset(field);
        };
        match decode_attribute(field, attribute) {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(*error);
                None
            }
        }
    }

    /// The block, or what the struct is without any attribute.
    pub fn block<A: Arguments>(&mut self, name: &str) -> Option<A> {
        if self.has(name) {
            return self.optional_block(name).flatten();
        }
        if self.declared_block(name).required && !self.absent {
            self.missing(name, format!("missing required block {name:?}"));
            return None;
        }
        read_absent(name, self.body.span, self.errors)
    }

    pub fn optional_block<A: Arguments>(&mut self, name: &str) -> Option<Option<A>> {
        match self.body.blocks(name).next() {
            Some(block) => read_block(block, self.errors).map(Some),
            None => Some(None),
        }
    }

    pub fn blocks<A: Arguments>(&mut self, name: &str) -> Option<Vec<A>> {
        if self.declared_block(name).required && !self.absent && !self.has(name) {
            self.missing(name, format!("missing required block {name:?}"));
            return None;
        }
        let before = self.errors.len();
        let mut values = Vec::new();
        for block in self.body.blocks(name) {
            values.extend(read_block::<A>(block, self.errors));
        }
        (self.errors.len() == before).then_some(values)
    }

    /// All blocks that are variants of `V`, in the order of the text.
    pub fn variants<V: BlockVariants>(&mut self) -> Option<Vec<V>> {
        let before = self.errors.len();
        let mut values = Vec::new();
        for block in &self.body.blocks {
            values.extend(V::read(block, self.errors));
        }
        (self.errors.len() == before).then_some(values)
    }

    pub fn label(&self) -> String {
        self.label.unwrap_or_default().to_owned()
    }

    /// Hands the finished struct to its check.
    pub fn check<A>(&mut self, value: A, check: fn(&A, &mut Check<'_>)) -> Option<A> {
        let before = self.errors.len();
        check(
            &value,
            &mut Check {
                body: self.body,
                errors: self.errors,
            },
        );
        (self.errors.len() == before).then_some(value)
    }

    fn has(&self, name: &str) -> bool {
        self.body.blocks(name).next().is_some()
    }

    fn declared_block(&self, name: &str) -> &'static BlockSchema {
        self.schema
            .block(name)
            .expect("the derive lists each block in the schema")
    }

    fn missing(&mut self, name: &str, message: String) {
        let path = name.to_owned();
        self.errors.push(DecodeError {
            span: self.body.span,
            path,
            message,
            ..Default::default()
        });
    }
}

/// What a field holds that the text does not mention.
fn unset<T: Argument>(field: &Field) -> Option<T> {
    match &field.default {
        Some(default) => {
            Some(T::from_value(default).expect("the derive made the default from this type"))
        }
        None => Some(T::zero().expect("a field without zero is required or an Option")),
    }
}

fn decode_attribute<T: Argument>(
    field: &Field,
    attribute: &Attribute,
) -> Result<T, Box<DecodeError>> {
    let at_value = |message: String| {
        Box::new(DecodeError {
            span: attribute.value_span.span,
            path: attribute.name.clone(),
            message,
            ..Default::default()
        })
    };
    let coerced = field.ty.coerce(&attribute.value);
    let value = coerced.map_err(|error| type_error(attribute, *error))?;
    if let Value::Null = value {
        // Compat: null gives the zero of the type, not the default.
        return T::zero().ok_or_else(|| at_value(format!("{:?} may not be null", field.name)));
    }
    if let Value::Number(number) = value {
        check_range(field, number).map_err(at_value)?;
    }
    T::from_value(&value).map_err(at_value)
}

fn check_range(field: &Field, number: Number) -> Result<(), String> {
    let value = number.as_f64();
    if let Some(min) = field.min.filter(|min| value < *min) {
        return Err(format!(
            "{:?} must be at least {min}, got {number}",
            field.name
        ));
    }
    if let Some(max) = field.max.filter(|max| value > *max) {
        return Err(format!(
            "{:?} must be at most {max}, got {number}",
            field.name
        ));
    }
    Ok(())
}

fn type_error(attribute: &Attribute, error: TypeError) -> Box<DecodeError> {
    Box::new(DecodeError {
        span: attribute.value_span.find(&error.path),
        path: format!("{}{}", attribute.name, error.place),
        message: error.message,
        expected: Some(error.expected),
        found: Some(error.found),
        nearest: error.nearest,
        from_check: false,
    })
}

/// Where a struct's own check reports what the types alone cannot say.
pub struct Check<'a> {
    body: &'a Body,
    errors: &'a mut Vec<DecodeError>,
}

impl Check<'_> {
    /// Whether the text gives the attribute or block, as opposed to a default.
    pub fn given(&self, name: &str) -> bool {
        self.body.attribute(name).is_some() || self.body.blocks(name).next().is_some()
    }

    /// At the value of the attribute, or at the whole body if it is not given.
    pub fn attribute(&mut self, name: &str, message: impl Into<String>) {
        let span = self
            .body
            .attribute(name)
            .map_or(self.body.span, |at| at.value_span.span);
        self.push(span, name, message.into());
    }

    /// At an element of an attribute that is a list.
    pub fn element(&mut self, name: &str, index: usize, message: impl Into<String>) {
        let attribute = self.body.attribute(name);
        let span = attribute.map_or(self.body.span, |at| at.value_span.find(&[index]));
        self.push(span, &format!("{name}[{index}]"), message.into());
    }

    /// At the n-th block of the name.
    pub fn block(&mut self, name: &str, index: usize, message: impl Into<String>) {
        let span = self
            .body
            .blocks(name)
            .nth(index)
            .map_or(self.body.span, |block| block.span);
        self.push(span, name, message.into());
    }

    /// At the body as a whole.
    pub fn body(&mut self, message: impl Into<String>) {
        self.push(self.body.span, "", message.into());
    }

    fn push(&mut self, span: Span, path: &str, message: String) {
        self.errors.push(DecodeError {
            span,
            path: path.to_owned(),
            message,
            from_check: true,
            ..Default::default()
        });
    }
}
