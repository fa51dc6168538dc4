//! Evaluation of one expression.

use std::sync::Arc;

use schema::{Function, Number, Object, Value};
use syntax::{Diagnostic, Expr, ExprKind, Exprs, Fields, Name, Span};

use crate::operators::{OperandError, Side, binary, unary};
use crate::scope::{Found, Scope};
use crate::stdlib::{self, Builtin};

/// The diagnostic is boxed, so that the common case stays small.
type Evaluated = Result<Value, Box<Diagnostic>>;

/// The value of an expression, or its first mistake.
pub fn evaluate(expr: Expr<'_>, scope: &Scope) -> Result<Value, Box<Diagnostic>> {
    match expr.kind() {
        ExprKind::Null => Ok(Value::Null),
        ExprKind::Bool(value) => Ok(Value::Bool(value)),
        ExprKind::Number(number) => Ok(Value::Number(number_of(number))),
        ExprKind::String(text) => Ok(Value::string(&*text)),
        ExprKind::Array(elements) => array(elements, scope),
        ExprKind::Object(fields) => object(fields, scope),
        ExprKind::Ident(_) | ExprKind::Access { .. } => access(expr, scope),
        ExprKind::Index { value, index } => index_of(value, index, scope),
        ExprKind::Call { callee, arguments } => call(callee, arguments, scope),
        ExprKind::Unary { op, operand } => {
            let value = evaluate(operand, scope)?;
            unary(op, &value).map_err(|error| at_operand(error, operand.span(), operand.span()))
        }
        ExprKind::Binary { op, left, right } => {
            let (a, b) = (evaluate(left, scope)?, evaluate(right, scope)?);
            binary(op, &a, &b).map_err(|error| at_operand(error, left.span(), right.span()))
        }
        ExprKind::Paren(inner) => evaluate(inner, scope),
        ExprKind::Missing => Err(mistake(expr.span(), "expected an expression")),
    }
}

fn mistake(span: Span, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(span, message))
}

/// A value of a type that has no place there.
fn unfit(span: Span, message: String, expected: &str, found: &Value) -> Box<Diagnostic> {
    let diagnostic = Diagnostic::error(span, message).expected(expected);
    Box::new(diagnostic.found(found.describe()))
}

fn number_of(number: syntax::Number) -> Number {
    match number {
        syntax::Number::Int(value) => Number::Int(value),
        syntax::Number::Uint(value) => Number::Uint(value),
        syntax::Number::Float(value) => Number::Float(value),
    }
}

fn at_operand(error: OperandError, left: Span, right: Span) -> Box<Diagnostic> {
    let span = match error.side {
        Side::Left => left,
        Side::Right => right,
    };
    let mut diagnostic = mistake(span, error.message);
    (diagnostic.expected, diagnostic.found) = (error.expected, error.found);
    diagnostic
}

fn array(elements: Exprs<'_>, scope: &Scope) -> Evaluated {
    let mut values = Vec::with_capacity(elements.len());
    for element in elements {
        values.push(evaluate(element, scope)?);
    }
    Ok(Value::Array(Arc::new(values)))
}

fn object(fields: Fields<'_>, scope: &Scope) -> Evaluated {
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        values.push((Arc::from(field.key().text), evaluate(field.value(), scope)?));
    }
    Ok(Value::Object(Arc::new(Object::from_iter(values))))
}

/// `a`, `a.b.c` and `value().b.c`: names as far as the scope knows them, fields after that.
fn access(expr: Expr<'_>, scope: &Scope) -> Evaluated {
    if let Some(names) = expr.reference() {
        return reference(&names, scope);
    }
    let ExprKind::Access { value, name } = expr.kind() else {
        unreachable!("an identifier alone is a reference")
    };
    field(&evaluate(value, scope)?, value.span(), name)
}

fn reference(names: &[Name<'_>], scope: &Scope) -> Evaluated {
    match scope.find(names.iter().map(|name| name.text)) {
        Found::Value {
            value,
            names: known,
        } => fields(value.clone(), names, known),
        Found::Branch(value) => Ok(value),
        Found::NoField(at) => Err(no_field(names[at], None)),
        Found::Unknown => match stdlib::builtin(names[0].text) {
            Some(Builtin::Function(function)) => fields(Value::Function(function), names, 1),
            Some(Builtin::Namespace(functions)) => match names.get(1) {
                Some(name) => match stdlib::in_namespace(functions, name.text) {
                    Some(function) => fields(Value::Function(function), names, 2),
                    None => {
                        let known = functions
                            .iter()
                            .map(|function| stdlib::local_name(function));
                        Err(no_field(*name, stdx::nearest(name.text, known)))
                    }
                },
                None => Ok(namespace_object(functions)),
            },
            None => Err(unknown_name(names[0], scope)),
        },
    }
}

fn namespace_object(functions: &'static [Function]) -> Value {
    Value::object(
        functions
            .iter()
            .map(|function| (stdlib::local_name(function), Value::Function(function))),
    )
}

/// Follows the names after the first `known` into the value.
fn fields(mut value: Value, names: &[Name<'_>], known: usize) -> Evaluated {
    for at in known..names.len() {
        value = field(&value, names[0].span.to(names[at - 1].span), names[at])?;
    }
    Ok(value)
}

fn field(value: &Value, at: Span, name: Name<'_>) -> Evaluated {
    match value {
        Value::Object(object) => object
            .get(name.text)
            .cloned()
            .ok_or_else(|| no_field(name, stdx::nearest(name.text, object.keys()))),
        other => {
            let (name, found) = (name.text, other.type_name());
            let message = format!("cannot access field {name:?} on value of type {found}");
            Err(unfit(at, message, "object", other))
        }
    }
}

fn no_field(name: Name<'_>, nearest: Option<&str>) -> Box<Diagnostic> {
    let mut diagnostic = mistake(name.span, format!("field {:?} does not exist", name.text));
    diagnostic.nearest = nearest.map(str::to_owned);
    diagnostic
}

fn unknown_name(name: Name<'_>, scope: &Scope) -> Box<Diagnostic> {
    let mut known: Vec<&str> = scope.names().collect();
    for name in stdlib::names() {
        known.push(name);
    }
    let message = format!("identifier {:?} does not exist", name.text);
    let mut diagnostic = mistake(name.span, message);
    diagnostic.nearest = stdx::nearest(name.text, known).map(str::to_owned);
    diagnostic
}

fn index_of(value: Expr<'_>, index: Expr<'_>, scope: &Scope) -> Evaluated {
    let (of, at) = (evaluate(value, scope)?, evaluate(index, scope)?);
    match &of {
        Value::Array(values) => {
            let place =
                position(&at, values.len()).map_err(|m| unfit(index.span(), m, "number", &at))?;
            Ok(values[place].clone())
        }
        Value::Targets(targets) => {
            let place =
                position(&at, targets.len()).map_err(|m| unfit(index.span(), m, "number", &at))?;
            Ok(Value::Object(Arc::new(targets[place].to_object())))
        }
        Value::Object(object) => match &at {
            // Compat: a key that is not there is null with brackets, an error with a dot (case
            // language/indexing).
            Value::String(key) => Ok(object.get(key).cloned().unwrap_or(Value::Null)),
            other => {
                let message = format!("should be string, got {}", other.type_name());
                Err(unfit(index.span(), message, "string", other))
            }
        },
        other => {
            let message = format!("expected object or array, got {}", other.type_name());
            Err(unfit(value.span(), message, "object or array", other))
        }
    }
}

fn position(index: &Value, len: usize) -> Result<usize, String> {
    let Value::Number(number) = index else {
        return Err(format!("should be number, got {}", index.type_name()));
    };
    // Compat: a fraction is cut off.
    let whole = number.as_f64().trunc();
    let place = if 0.0 <= whole && whole < len as f64 {
        Some(whole as usize)
    } else {
        None
    };
    place.ok_or_else(|| format!("index {number} is out of range of array with length {len}"))
}

fn call(callee: Expr<'_>, arguments: Exprs<'_>, scope: &Scope) -> Evaluated {
    let function = match evaluate(callee, scope)? {
        Value::Function(function) => function,
        other => {
            let message = format!("should be function, got {}", other.type_name());
            return Err(unfit(callee.span(), message, "function", &other));
        }
    };
    let mut spans = Vec::with_capacity(arguments.len());
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        spans.push(argument.span());
        values.push(evaluate(argument, scope)?);
    }
    (function.call)(&values).map_err(|error| {
        let span = error
            .argument
            .and_then(|at| spans.get(at).copied())
            .unwrap_or(callee.span());
        mistake(span, format!("{}: {}", function.name, error.message))
    })
}
