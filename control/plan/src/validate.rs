//! What can be said about a configuration without evaluating it: names, labels, references, cycles,
//! and the type of every attribute that is written as a constant.
//!
//! Invariant: nothing is refused here that could run. An attribute that refers to something, calls
//! a function or indexes is left out; an error that may be due to such a gap is no error.

use schema::{Attribute, Block, Body, BodySchema, DecodeError, Span, Stability};
use syntax::{Diagnostic, Expr, ExprKind, SourceMap, Stmt};

use crate::advice;
use crate::catalogue::{Catalogue, Kind};
use crate::evaluate::{ArgumentBlock, ArgumentSettings, ExportBlock, ForeachBlock, refuse_unknown};
use crate::functions;
use crate::graph::{self, Graph, Inputs, Module, Node, Role};
use crate::knowledge::Knowledge;
use crate::load::{self, Parsed, Rejected};
use crate::source::ConfigSource;

/// All that is to be said about a configuration, and the texts to show it in.
pub struct Validated {
    pub sources: SourceMap,
    /// Errors and warnings as Alloy has them.
    pub diagnostics: Vec<Diagnostic>,
    /// What is likely not meant, which Alloy does not tell.
    pub advice: Vec<Diagnostic>,
}

impl Validated {
    /// Whether `run` would refuse it.
    pub fn is_refused(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Checks a configuration.
pub fn validate(source: &ConfigSource, catalogue: &Catalogue, stability: Stability) -> Validated {
    let parsed = match load::parse(source) {
        Ok(parsed) => parsed,
        Err(Rejected {
            sources,
            diagnostics,
        }) => {
            return Validated {
                sources,
                diagnostics,
                advice: Vec::new(),
            };
        }
    };
    let Parsed { text, .. } = parsed;
    // Compat: what imports would bring and what collections hold is not looked at.
    let built = graph::build(&Inputs {
        catalogue,
        stability,
        trees: &text.trees,
        path: &text.path,
        knowledge: &Knowledge::default(),
        samples: true,
    });
    let mut errors = load::errors_of(&built, true);
    let whole = errors.is_empty();
    errors.extend(check(&built.graph, stability, |_| true));
    // What stands in a declare is found once for each of its instances.
    errors.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
    errors.dedup_by(|a, b| (a.span, &a.message) == (b.span, &b.message));
    let mut advice = advice::advise(&built.graph, &text.trees, whole);
    advice.sort_by_key(|diagnostic| diagnostic.span);
    Validated {
        sources: text.sources,
        diagnostics: errors,
        advice,
    }
}

/// The mistakes and warnings of those nodes that are wanted, as far as text alone shows them.
pub(crate) fn check(
    graph: &Graph,
    stability: Stability,
    wanted: impl Fn(&Node) -> bool,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for node in graph.nodes.iter().filter(|node| wanted(node)) {
        functions::check(graph, node, stability, &mut found);
        match node.role {
            Role::Kind(kind) => check_kind(node, kind, stability, &mut found),
            Role::Import(component) => {
                check_kind(node, Kind::Import(component), stability, &mut found);
            }
            Role::Input(module) => {
                check_input(node, &graph.modules[module], &mut found);
                check_module(&graph.modules[module], &mut found);
            }
            Role::Sample(module) => check_module(&graph.modules[module], &mut found),
            Role::Foreach => check_foreach(node, &mut found),
            Role::Exports(_) | Role::Item { .. } | Role::Pending => {}
        }
    }
    found
}

/// What a custom component is given, against what it takes.
fn check_input(node: &Node, module: &Module, found: &mut Vec<Diagnostic>) {
    let constants = Constants::of(node, found);
    refuse_unknown(node.path(), &constants.known_names(), module, found);
    for argument in &module.arguments {
        let settings = ArgumentSettings::read(argument.text.block(), &mut Vec::new());
        let needed = settings.is_some_and(|settings| !settings.optional);
        if needed && !constants.gives(&argument.name) {
            let message = format!("missing required argument \"{}\"", argument.name);
            let error = Diagnostic::error(node.text.span(), message).path(node.path());
            found.push(error.related(argument.text.span(), "declared here"));
        }
    }
}

/// The `argument` and `export` blocks of a declare.
fn check_module(module: &Module, found: &mut Vec<Diagnostic>) {
    for argument in &module.arguments {
        let (block, span) = (argument.text.block(), argument.text.span());
        decode_constants::<ArgumentBlock>(block.body(), span, &block.id_path(), found);
    }
    for export in &module.exports {
        let (block, span) = (export.text.block(), export.text.span());
        decode_constants::<ExportBlock>(block.body(), span, &block.id_path(), found);
    }
}

fn check_foreach(node: &Node, found: &mut Vec<Diagnostic>) {
    let body = node.text.block().body();
    decode_constants::<ForeachBlock>(body, node.text.span(), node.path(), found);
}

/// Decodes as far as constants go.
fn decode_constants<A: schema::Arguments>(
    body: syntax::Body<'_>,
    at: syntax::Span,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let mut unknown = Vec::new();
    let mut body = constants(body, at, &mut unknown, found);
    body.blocks.retain(|block| block.name != "template");
    let constants = Constants { body, unknown };
    let mut errors = Vec::new();
    A::decode(&constants.body, &mut errors);
    let sure = errors.into_iter().filter(|error| constants.is_sure(error));
    found.extend(eval::decode_diagnostics(path, sure.collect()));
}

fn check_kind(node: &Node, kind: Kind, stability: Stability, found: &mut Vec<Diagnostic>) {
    let constants = Constants::of(node, found);
    let descriptor = kind.descriptor();
    let mut errors = Vec::new();
    (descriptor.decode)(&constants.body, &mut errors);
    let sure = errors.into_iter().filter(|error| constants.is_sure(error));
    found.extend(eval::decode_diagnostics(node.path(), sure.collect()));
    let schema = (descriptor.arguments)();
    check_names(schema, node.text.block().body(), &node.id, stability, found);
}

/// Deprecated attributes and blocks, and attributes that are less stable than asked for.
fn check_names(
    schema: &BodySchema,
    body: syntax::Body<'_>,
    path: &str,
    stability: Stability,
    found: &mut Vec<Diagnostic>,
) {
    for attribute in body.attributes() {
        let name = attribute.name();
        let Some(field) = schema.field(name.text) else {
            // Those with a constant were refused when decoding.
            if !schema.open && !is_constant(attribute.value()) {
                let message = format!("unrecognized attribute name \"{}\"", name.text);
                let names = schema.fields.iter().map(|field| field.name);
                let nearest = stdx::nearest(name.text, names).map(str::to_owned);
                found.push(
                    Diagnostic::error(name.span, message)
                        .path(path)
                        .nearest(nearest),
                );
            }
            continue;
        };
        if let Some(level) = field.stability.filter(|level| *level < stability) {
            let message = format!(
                "\"{}\" is at stability level \"{level}\", which is below the minimum of \
                 \"{stability}\"",
                name.text
            );
            let error = Diagnostic::error(name.span, message).path(path);
            found.push(error.hint(format!("run with --stability.level={level} to use it")));
        }
        if let Some(instead) = field.deprecated {
            let message = format!("\"{}\" is deprecated: {instead}", name.text);
            found.push(Diagnostic::warning(name.span, message).path(path));
        }
    }
    for block in body.blocks() {
        let Some(declared) = schema.block(&block.name()) else {
            continue;
        };
        if let Some(instead) = declared.deprecated {
            let message = format!("\"{}\" is deprecated: {instead}", block.name());
            found.push(Diagnostic::warning(block.name_span(), message).path(path));
        }
        let inner = format!("{path}.{}", block.name());
        check_names((declared.body)(), block.body(), &inner, stability, found);
    }
}

/// A body with the attributes that are constants, and the names of the others.
struct Constants {
    body: Body,
    /// The body that it stands in, by its span, and the attribute.
    unknown: Vec<(Span, Attribute)>,
}

impl Constants {
    fn of(node: &Node, errors: &mut Vec<Diagnostic>) -> Constants {
        let mut unknown = Vec::new();
        let block = node.text.block();
        let body = constants(block.body(), node.text.span(), &mut unknown, errors);
        Constants { body, unknown }
    }

    /// Whether the error stands even if all that is unknown turns out right.
    fn is_sure(&self, error: &DecodeError) -> bool {
        if self.unknown.is_empty() {
            return true;
        }
        let name = error.path.rsplit('.').next().unwrap_or_default();
        let gap =
            |(span, attribute): &(Span, Attribute)| *span == error.span && attribute.name == name;
        !error.from_check && !self.unknown.iter().any(gap)
    }

    fn gives(&self, name: &str) -> bool {
        let outermost = self.body.span;
        let unknown = self.unknown.iter().filter(|(span, _)| *span == outermost);
        self.body.attribute(name).is_some()
            || unknown.clone().any(|(_, attribute)| attribute.name == name)
    }

    /// The body with all attributes of its outermost level; the values of some are not known.
    fn known_names(&self) -> Body {
        let mut body = self.body.clone();
        let unknown = self
            .unknown
            .iter()
            .filter(|(span, _)| *span == self.body.span);
        body.attributes
            .extend(unknown.map(|(_, attribute)| attribute.clone()));
        body
    }
}

fn constants(
    body: syntax::Body<'_>,
    at: syntax::Span,
    unknown: &mut Vec<(Span, Attribute)>,
    errors: &mut Vec<Diagnostic>,
) -> Body {
    let mut known = Body {
        span: eval::span_of(at),
        ..Body::default()
    };
    for stmt in body.statements() {
        match stmt {
            Stmt::Attribute(attribute) => {
                let expr = attribute.value();
                let mut evaluated = Attribute {
                    name: attribute.name().text.to_owned(),
                    value: schema::Value::Null,
                    span: eval::span_of(attribute.name().span),
                    value_span: eval::value_span(expr),
                };
                if !is_constant(expr) {
                    unknown.push((known.span, evaluated));
                    continue;
                }
                match eval::evaluate(expr, &eval::Scope::new()) {
                    Ok(value) => {
                        evaluated.value = value;
                        known.attributes.push(evaluated);
                    }
                    Err(error) => {
                        errors.push(*error);
                        unknown.push((known.span, evaluated));
                    }
                }
            }
            Stmt::Block(block) => {
                let body = constants(block.body(), block.head_span(), unknown, errors);
                known.blocks.push(Block {
                    name: block.name().into_owned(),
                    label: block.label().map(|label| label.text.to_owned()),
                    body,
                    span: eval::span_of(block.head_span()),
                });
            }
        }
    }
    known
}

/// Compat: indexing is not looked at by `validate` either, even of literals (case
/// `errors/index_out_of_range`).
fn is_constant(expr: Expr<'_>) -> bool {
    match expr.kind() {
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String(_) => true,
        ExprKind::Array(mut elements) => elements.all(is_constant),
        ExprKind::Object(mut fields) => fields.all(|field| is_constant(field.value())),
        ExprKind::Unary { operand, .. } => is_constant(operand),
        ExprKind::Binary { left, right, .. } => is_constant(left) && is_constant(right),
        ExprKind::Paren(inner) => is_constant(inner),
        ExprKind::Ident(_)
        | ExprKind::Access { .. }
        | ExprKind::Index { .. }
        | ExprKind::Call { .. }
        | ExprKind::Missing => false,
    }
}
