//! Whole bodies: every attribute evaluated, every mistake reported.

use schema::{Attribute, Block, Body, DecodeError, Span, ValueSpan};
use syntax::{Diagnostic, Expr, ExprKind, Stmt};

use crate::expression::evaluate;
use crate::scope::Scope;

/// All attributes and blocks of a body. None after an error, of which there may be several.
///
/// `at` is where something missing in the body is reported: its block's head.
pub fn evaluate_body(
    body: syntax::Body<'_>,
    at: syntax::Span,
    scope: &Scope,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Body> {
    evaluate_body_without("", body, at, scope, diagnostics)
}

/// As `evaluate_body`, but for blocks of a name, which are not looked at.
pub fn evaluate_body_without(
    left_out: &str,
    body: syntax::Body<'_>,
    at: syntax::Span,
    scope: &Scope,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Body> {
    let before = diagnostics.len();
    let mut evaluated = Body {
        span: span_of(at),
        ..Body::default()
    };
    for statement in body.statements() {
        match statement {
            Stmt::Block(block) if block.name() == left_out => {}
            Stmt::Attribute(attribute) => {
                let value = match evaluate(attribute.value(), scope) {
                    Ok(value) => value,
                    Err(diagnostic) => {
                        diagnostics.push(*diagnostic);
                        continue;
                    }
                };
                let name = attribute.name();
                evaluated.attributes.push(Attribute {
                    name: name.text.to_owned(),
                    value_span: value_span(attribute.value()),
                    value,
                    span: span_of(name.span),
                });
            }
            Stmt::Block(block) => {
                let inner = evaluate_body(block.body(), block.head_span(), scope, diagnostics);
                evaluated.blocks.extend(inner.map(|body| Block {
                    name: block.name().into_owned(),
                    label: block.label().map(|label| label.text.to_owned()),
                    body,
                    span: span_of(block.head_span()),
                }));
            }
        }
    }
    (diagnostics.len() == before).then_some(evaluated)
}

/// A span of `syntax` as one of `schema`.
pub fn span_of(span: syntax::Span) -> Span {
    Span {
        file: span.file,
        start: span.start,
        end: span.end,
    }
}

/// The mistakes of decoding as diagnostics; `path` is the block's, `prometheus.scrape.a`.
pub fn decode_diagnostics(
    path: &str,
    errors: Vec<DecodeError>,
) -> impl Iterator<Item = Diagnostic> {
    errors.into_iter().map(move |error| {
        let span = syntax::Span::new(error.span.file, error.span.start, error.span.end);
        let mut diagnostic = Diagnostic::error(span, error.message).nearest(error.nearest);
        diagnostic.path = Some(if error.path.is_empty() {
            path.to_owned()
        } else {
            format!("{path}.{}", error.path)
        });
        diagnostic.expected = error.expected;
        diagnostic.found = error.found;
        diagnostic
    })
}

/// Spans of elements where the value is written as a literal list or object.
pub fn value_span(expr: Expr<'_>) -> ValueSpan {
    let inner = match expr.kind() {
        ExprKind::Array(elements) => elements.map(value_span).collect(),
        ExprKind::Object(fields) => {
            // In the order of the object's keys, of which the last of equal ones counts.
            let mut fields: Vec<_> = fields
                .map(|field| (field.key().text, field.value()))
                .collect();
            fields.sort_by_key(|(key, _)| *key);
            fields.reverse();
            fields.dedup_by_key(|(key, _)| *key);
            fields.reverse();
            fields
                .into_iter()
                .map(|(_, value)| value_span(value))
                .collect()
        }
        ExprKind::Paren(inner) => return value_span(inner),
        _ => Vec::new(),
    };
    ValueSpan {
        span: span_of(expr.span()),
        inner,
    }
}
