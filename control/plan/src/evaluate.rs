//! One node's text to values: its scope, its body, its decoded arguments.

use std::any::Any;
use std::sync::Arc;

use eval::{Scope, decode_diagnostics, evaluate_body, evaluate_body_without};
use schema::{Body, Descriptor, Object, Value};
use syntax::Diagnostic;

use crate::graph::{Module, ModuleIndex, NodeIndex, Role};
use crate::knowledge;
use crate::limits::FOREACH_ITEMS_MAX;
use crate::live::Live;

/// What the names in a node's text stand for: the exports of the nodes that it refers to, and the
/// arguments of the module that it is in.
pub(crate) fn scope(live: &Live, at: NodeIndex, module: ModuleIndex) -> Scope {
    let mut scope = Scope::new();
    scope.set("constants", live.constants.clone());
    let path = &live.graph.modules[module].path;
    scope.set("module_path", Value::string(path.clone()));
    for reference in &live.graph.nodes[at].references {
        let target = &live.graph.nodes[reference.target];
        let exports = &live.states[reference.target].exports;
        match target.role {
            Role::Input(_) => set_arguments(&mut scope, exports),
            Role::Item { .. } => scope.set(&target.local_id, exports.clone()),
            Role::Import(_) | Role::Foreach | Role::Pending | Role::Sample(_) => {}
            Role::Kind(_) | Role::Exports(_) => scope.set(&target.local_id, exports.clone()),
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

/// A `foreach` block but for its template: its body and its elements.
pub(crate) fn foreach_items(live: &Live, at: NodeIndex) -> Result<(Body, Value), Vec<Diagnostic>> {
    let node = &live.graph.nodes[at];
    let (block, scope) = (node.text.block(), scope(live, at, node.module));
    let mut errors = Vec::new();
    let (text, span) = (block.body(), node.text.span());
    let Some(body) = evaluate_body_without("template", text, span, &scope, &mut errors) else {
        return Err(errors);
    };
    let mut mistakes = Vec::new();
    let decoded = <ForeachBlock as schema::Arguments>::decode(&body, &mut mistakes);
    let (Some(foreach), true) = (decoded, mistakes.is_empty()) else {
        return Err(decode_diagnostics(node.path(), mistakes).collect());
    };
    let elements = match &foreach.collection {
        // Compat: as everywhere in Alloy, null is an empty list.
        Value::Null => Default::default(),
        collection => match collection.elements() {
            Some(elements) => elements,
            None => {
                let message = format!(
                    "\"collection\" should be array, got {}",
                    collection.type_name()
                );
                return Err(vec![Diagnostic::error(span, message).path(node.path())]);
            }
        },
    };
    if elements.len() > FOREACH_ITEMS_MAX {
        let message = format!("\"collection\" has more than {FOREACH_ITEMS_MAX} elements");
        return Err(vec![Diagnostic::error(span, message).path(node.path())]);
    }
    let items = knowledge::items(&elements, &foreach.var, &foreach.id, foreach.hash_string_id);
    Ok((body, items))
}

/// What a `foreach` block says besides its template.
#[derive(schema::Arguments)]
pub(crate) struct ForeachBlock {
    /// For each of its elements there is what the template makes.
    #[arg(required)]
    collection: Value,
    /// The name of the element in the template.
    #[arg(required)]
    var: String,
    /// The field of the elements by which they are known from one evaluation to the next.
    #[arg(default = "")]
    id: String,
    /// Whether texts that elements are known by are hashed, which keeps apart what only differs in
    /// characters that no id can have.
    #[arg(default = false)]
    hash_string_id: bool,
    /// Whether what is inside counts on `/metrics`.
    #[arg(default = false, name = "enable_metrics")]
    _enable_metrics: bool,
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
pub(crate) struct ArgumentBlock {
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

/// What an `export` block says.
#[derive(schema::Arguments)]
pub(crate) struct ExportBlock {
    /// What others see.
    #[arg(required)]
    value: Value,
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
        let (block, span) = (export.text.block(), export.text.span());
        let Some(body) = evaluate_body(block.body(), span, &scope, &mut errors) else {
            continue;
        };
        let mut mistakes = Vec::new();
        let decoded = <ExportBlock as schema::Arguments>::decode(&body, &mut mistakes);
        errors.extend(decode_diagnostics(&block.id_path(), mistakes));
        if let Some(ExportBlock { value }) = decoded {
            values.insert(export.name.as_str(), value);
        }
    }
    if errors.is_empty() {
        Ok(Value::Object(Arc::new(values)))
    } else {
        Err(errors)
    }
}
