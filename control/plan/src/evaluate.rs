//! One node's text to values: its scope, its body, its decoded arguments.

use std::any::Any;
use std::sync::Arc;

use eval::{Scope, decode_diagnostics, evaluate_body};
use schema::{Body, Descriptor, Object, Value};
use syntax::Diagnostic;

use crate::graph::{Module, ModuleIndex, NodeIndex};
use crate::live::Live;

/// What the names in a node's text stand for: the exports of the nodes that it refers to, and the
/// arguments of the module that it is in.
pub(crate) fn scope(live: &Live, at: NodeIndex, module: ModuleIndex) -> Scope {
    let mut scope = Scope::new();
    scope.set("constants", live.constants.clone());
    let input = live.graph.modules[module].input;
    for reference in &live.graph.nodes[at].references {
        let exports = &live.states[reference.target].exports;
        if Some(reference.target) == input {
            set_arguments(&mut scope, exports);
        } else {
            scope.set(
                &live.graph.nodes[reference.target].local_id,
                exports.clone(),
            );
        }
    }
    scope
}

fn set_arguments(scope: &mut Scope, arguments: &Value) {
    let Value::Object(arguments) = arguments else {
        return;
    };
    for (name, value) in arguments.iter() {
        scope.set(
            &format!("argument.{name}"),
            Value::object([("value", value.clone())]),
        );
    }
}

/// A block of a known kind: its body and its arguments.
pub(crate) fn arguments(
    live: &Live,
    at: NodeIndex,
    descriptor: &Descriptor,
) -> Result<(Body, Arc<dyn Any + Send + Sync>), Vec<Diagnostic>> {
    let body = body(live, at)?;
    let mut errors = Vec::new();
    match (descriptor.decode)(&body, &mut errors) {
        Some(arguments) if errors.is_empty() => Ok((body, arguments)),
        _ => Err(decode_diagnostics(live.graph.nodes[at].path(), errors).collect()),
    }
}

/// The body of a block, of whatever names.
fn body(live: &Live, at: NodeIndex) -> Result<Body, Vec<Diagnostic>> {
    let node = &live.graph.nodes[at];
    let scope = scope(live, at, node.module);
    let mut errors = Vec::new();
    let body = evaluate_body(
        node.text.block().body(),
        node.text.span(),
        &scope,
        &mut errors,
    );
    body.ok_or(errors)
}

/// What a custom component is given: the body as written, and the value of every argument that its
/// module declares.
pub(crate) fn custom_arguments(
    live: &Live,
    at: NodeIndex,
    module: ModuleIndex,
) -> Result<(Body, Value), Vec<Diagnostic>> {
    let body = body(live, at)?;
    let node = &live.graph.nodes[at];
    let module = &live.graph.modules[module];
    let mut errors = Vec::new();
    refuse_unknown(node.path(), &body, module, &mut errors);
    let mut values = Object::default();
    for argument in &module.arguments {
        let Some(settings) = ArgumentSettings::read(argument.text.block(), &mut errors) else {
            continue;
        };
        match body.value(&argument.name) {
            Some(value) => values.insert(argument.name.as_str(), value.clone()),
            None if settings.optional => values.insert(argument.name.as_str(), settings.default),
            None => {
                // Compat: at the declaration, while `validate` reports it at the use (case
                // `modules/error_missing_argument`).
                let message = format!("missing required argument \"{}\"", argument.name);
                let error = Diagnostic::error(argument.text.span(), message).path(node.path());
                errors.push(error.related(node.text.span(), "of this component"));
            }
        }
    }
    if errors.is_empty() {
        Ok((body, Value::Object(Arc::new(values))))
    } else {
        Err(errors)
    }
}

/// Reports what a custom component does not take.
pub(crate) fn refuse_unknown(
    path: &str,
    body: &Body,
    module: &Module,
    errors: &mut Vec<Diagnostic>,
) {
    for attribute in &body.attributes {
        let names = module
            .arguments
            .iter()
            .map(|argument| argument.name.as_str());
        if names.clone().any(|name| name == attribute.name) {
            continue;
        }
        let message = format!("unrecognized attribute name \"{}\"", attribute.name);
        let error = Diagnostic::error(text_span(attribute.span), message).path(path);
        errors.push(error.nearest(stdx::nearest(&attribute.name, names).map(str::to_owned)));
    }
    for block in &body.blocks {
        let message = format!(
            "block \"{}\" is not allowed in a custom component",
            block.name
        );
        errors.push(Diagnostic::error(text_span(block.span), message).path(path));
    }
}

fn text_span(span: schema::Span) -> syntax::Span {
    syntax::Span::new(span.file, span.start, span.end)
}

/// What an `argument` block says about itself.
pub(crate) struct ArgumentSettings {
    pub optional: bool,
    pub default: Value,
}

#[derive(schema::Arguments)]
struct ArgumentBlock {
    /// May be left out.
    optional: bool,
    /// Its value when left out.
    default: Value,
    /// For people.
    #[arg(name = "comment")]
    _comment: String,
}

impl ArgumentSettings {
    /// None after an error.
    pub fn read(
        block: syntax::Block<'_>,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<ArgumentSettings> {
        let body = evaluate_body(block.body(), block.name_span(), &Scope::new(), errors)?;
        let mut mistakes = Vec::new();
        let decoded = <ArgumentBlock as schema::Arguments>::decode(&body, &mut mistakes);
        errors.extend(decode_diagnostics(&block.id_path(), mistakes));
        let ArgumentBlock {
            optional, default, ..
        } = decoded?;
        Some(ArgumentSettings { optional, default })
    }
}

/// The values of a module's `export` blocks.
pub(crate) fn custom_exports(
    live: &Live,
    at: NodeIndex,
    module: ModuleIndex,
) -> Result<Value, Vec<Diagnostic>> {
    let scope = scope(live, at, module);
    let mut errors = Vec::new();
    let mut values = Object::default();
    for export in &live.graph.modules[module].exports {
        let block = export.text.block();
        let Some(body) = evaluate_body(block.body(), export.text.span(), &scope, &mut errors)
        else {
            continue;
        };
        let known = body
            .attributes
            .iter()
            .all(|attribute| attribute.name == "value");
        match body.value("value") {
            Some(value) if known && body.blocks.is_empty() => {
                values.insert(export.name.as_str(), value.clone());
            }
            _ => errors.push(Diagnostic::error(
                export.text.span(),
                format!(
                    "export \"{}\" must have the attribute \"value\" and no other",
                    export.name
                ),
            )),
        }
    }
    if errors.is_empty() {
        Ok(Value::Object(Arc::new(values)))
    } else {
        Err(errors)
    }
}
