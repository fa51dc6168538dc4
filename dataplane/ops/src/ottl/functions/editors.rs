//! The editors of every context.

use std::borrow::Cow;

use super::call::{Args, Edit, ItemEdit, Literals, Pattern};
use super::maps::{self, Limit, Plain, Truncate};
use super::{Body, Definition, MetricEdit, Parameter, Set, optional, parameter};
use super::{flatten, replace};
use crate::ottl::coerce::Kind;
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::program::{Argument, Expression, Reference};
use crate::ottl::value::{List, Value};

/// A compiled call of an editor.
#[derive(Debug)]
pub(in crate::ottl) enum Editor {
    Set {
        target: Reference,
        value: Expression,
    },
    Edit {
        edit: Box<dyn Edit>,
        kind: Kind,
        target: Reference,
        arguments: Vec<Argument>,
    },
    Retain {
        retain: Retain,
        pattern: Option<Pattern>,
        target: Reference,
        arguments: Vec<Argument>,
    },
    Item(Box<dyn ItemEdit>),
    Metric(MetricEdit, Vec<Argument>),
}

impl Editor {
    pub(in crate::ottl) fn run(&self, context: &mut dyn Context) -> Result<(), Error> {
        match self {
            Editor::Set { target, value } => set(target, value, context),
            Editor::Edit {
                edit,
                kind,
                target,
                arguments,
            } => {
                let old = kind.coerce(target.get(context)?)?.into_owned();
                let new = edit.edit(old, &mut Args::evaluate(arguments, context)?)?;
                match new {
                    Some(new) => target.set(context, &new),
                    None => Ok(()),
                }
            }
            Editor::Retain {
                retain,
                pattern,
                target,
                arguments,
            } => {
                let condition = retain.condition(pattern.as_ref(), arguments, context)?;
                retain_entries(target, context, &mut |key| condition.keeps(key))
            }
            Editor::Item(edit) => edit.run(context),
            Editor::Metric(edit, arguments) => {
                let mut args = Args::evaluate(arguments, context)?;
                let values: Vec<_> = (0..arguments.len())
                    .map(|index| args.take(index).into_owned())
                    .collect();
                context.edit_metric(edit, &values)
            }
        }
    }
}

fn set(target: &Reference, value: &Expression, context: &mut dyn Context) -> Result<(), Error> {
    if let Expression::Literal(value) = value {
        return match value.is_nil() {
            true => Ok(()),
            false => target.set(context, value),
        };
    }
    let value = value.value(context)?;
    if value.is_nil() {
        return Ok(());
    }
    // A text that is copied from one place of the item to another is one allocation.
    let value = value.into_owned();
    target.set(context, &value)
}

fn retain_entries(
    target: &Reference,
    context: &mut dyn Context,
    keep: &mut dyn FnMut(&str) -> bool,
) -> Result<(), Error> {
    if target.keys.is_empty() {
        return context.retain_entries(target.path, keep);
    }
    let old = Kind::TargetMap.coerce(target.get(context)?)?.into_owned();
    let Value::Map(map) = old else {
        return Ok(());
    };
    let mut map = map.into_owned();
    map.retain(keep);
    target.set(context, &Value::map(map))
}

/// Which entries of a map stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ottl) enum Retain {
    AllBut,
    AllButMatching,
    Only,
    OnlyMatching,
}

/// The question that a `Retain` asks of each key, its arguments known.
enum Condition<'p> {
    AllBut(Cow<'p, str>),
    Only(Cow<'p, List>),
    Match(Cow<'p, crate::regex::GoRegex>, bool),
}

impl Condition<'_> {
    fn keeps(&self, key: &str) -> bool {
        match self {
            Condition::AllBut(removed) => key != &**removed,
            Condition::Only(kept) => kept
                .items
                .iter()
                .any(|item| matches!(item, Value::Text(text) if text == key)),
            Condition::Match(regex, kept) => regex.is_match(key) == *kept,
        }
    }
}

impl Retain {
    pub(in crate::ottl) fn prepare(self, literals: &Literals) -> Result<Option<Pattern>, String> {
        match self {
            Retain::AllButMatching | Retain::OnlyMatching => literals.pattern(1).map(Some),
            Retain::AllBut | Retain::Only => Ok(None),
        }
    }

    fn condition<'p>(
        self,
        pattern: Option<&'p Pattern>,
        arguments: &'p [Argument],
        context: &dyn Context,
    ) -> Result<Condition<'p>, Error> {
        if let (Some(Pattern::Fixed(regex)), _) = (pattern, self) {
            return Ok(Condition::Match(
                Cow::Borrowed(regex),
                self == Retain::OnlyMatching,
            ));
        }
        // A literal lives in the statement; what is read of the item is copied, as the item is
        // about to change.
        match (self, &arguments[1].expression) {
            (Retain::AllBut, Some(Expression::Literal(Value::Text(text)))) => {
                Ok(Condition::AllBut(Cow::Borrowed(text)))
            }
            (Retain::Only, Some(Expression::Literal(Value::List(list)))) => {
                Ok(Condition::Only(Cow::Borrowed(list)))
            }
            _ => {
                let mut args = Args::evaluate(arguments, context)?;
                Ok(match pattern {
                    Some(pattern) => {
                        let regex = pattern.get(&args)?.into_owned();
                        Condition::Match(Cow::Owned(regex), self == Retain::OnlyMatching)
                    }
                    None if self == Retain::Only => Condition::Only(Cow::Owned(args.take_list(1))),
                    None => Condition::AllBut(Cow::Owned(args.take_text(1).into_owned())),
                })
            }
        }
    }
}

const fn editor(name: &'static str, parameters: &'static [Parameter], body: Body) -> Definition {
    Definition {
        name,
        parameters,
        body,
        contexts: &[],
        set: Set::Transform,
    }
}

const REPLACE: &[Parameter] = &[
    parameter("target", Kind::Target),
    parameter("regex_pattern", Kind::Text),
    parameter("replacement", Kind::Text),
    optional("function", Kind::Function),
    optional("replacement_format", Kind::Text),
];

pub(super) const TABLE: &[Definition] = &[
    editor(
        "set",
        &[
            parameter("target", Kind::Target),
            parameter("value", Kind::Any),
        ],
        Body::Set,
    ),
    editor(
        "append",
        &[
            parameter("target", Kind::Target),
            optional("value", Kind::Any),
            optional("values", Kind::AnyList),
        ],
        Body::Edit(|literals| match literals.given[1] || literals.given[2] {
            true => Ok(Box::new(Plain(maps::append))),
            false => Err(
                "at least one of the optional arguments ('value' or 'values') must be provided"
                    .to_owned(),
            ),
        }),
    ),
    editor(
        "delete_index",
        &[
            parameter("target", Kind::TargetList),
            parameter("start_index", Kind::Int),
            optional("end_index", Kind::Int),
        ],
        Body::Edit(|_| Ok(Box::new(Plain(maps::delete_index)))),
    ),
    editor(
        "delete_key",
        &[
            parameter("target", Kind::TargetMap),
            parameter("key", Kind::Text),
        ],
        Body::Retain(Retain::AllBut),
    ),
    editor(
        "delete_matching_keys",
        &[
            parameter("target", Kind::TargetMap),
            parameter("pattern", Kind::Text),
        ],
        Body::Retain(Retain::AllButMatching),
    ),
    editor(
        "keep_keys",
        &[
            parameter("target", Kind::TargetMap),
            parameter("keys", Kind::TextList),
        ],
        Body::Retain(Retain::Only),
    ),
    editor(
        "keep_matching_keys",
        &[
            parameter("target", Kind::TargetMap),
            parameter("pattern", Kind::Text),
        ],
        Body::Retain(Retain::OnlyMatching),
    ),
    editor(
        "flatten",
        &[
            parameter("target", Kind::TargetMap),
            optional("prefix", Kind::LiteralText),
            optional("depth", Kind::LiteralInt),
            optional("resolve_conflicts", Kind::LiteralBool),
        ],
        Body::Edit(flatten::prepare),
    ),
    editor(
        "limit",
        &[
            parameter("target", Kind::TargetMap),
            parameter("limit", Kind::LiteralInt),
            parameter("priority_keys", Kind::LiteralTextList),
        ],
        Body::Edit(Limit::prepare),
    ),
    editor(
        "merge_maps",
        &[
            parameter("target", Kind::TargetMap),
            parameter("source", Kind::Map),
            parameter("strategy", Kind::LiteralText),
        ],
        Body::Edit(|literals| match literals.text(2) {
            Some("insert") => Ok(Box::new(Plain(maps::insert_maps))),
            Some("update") => Ok(Box::new(Plain(maps::update_maps))),
            Some("upsert") => Ok(Box::new(Plain(maps::upsert_maps))),
            other => Err(format!(
                "invalid value for strategy, {}, must be 'insert', 'update' or 'upsert'",
                other.unwrap_or_default()
            )),
        }),
    ),
    editor("replace_pattern", REPLACE, Body::Edit(replace::pattern)),
    editor(
        "replace_all_patterns",
        &[
            parameter("target", Kind::TargetMap),
            parameter("mode", Kind::LiteralText),
            parameter("regex_pattern", Kind::Text),
            parameter("replacement", Kind::Text),
            optional("function", Kind::Function),
            optional("replacement_format", Kind::Text),
        ],
        Body::Edit(replace::all_patterns),
    ),
    editor(
        "replace_match",
        &[
            parameter("target", Kind::Target),
            parameter("pattern", Kind::Text),
            parameter("replacement", Kind::Text),
            optional("function", Kind::Function),
            optional("replacement_format", Kind::Text),
        ],
        Body::Edit(replace::glob),
    ),
    editor(
        "replace_all_matches",
        &[
            parameter("target", Kind::TargetMap),
            parameter("pattern", Kind::Text),
            parameter("replacement", Kind::Text),
            optional("function", Kind::Function),
            optional("replacement_format", Kind::Text),
        ],
        Body::Edit(replace::all_globs),
    ),
    editor(
        "stringify_all",
        &[parameter("target", Kind::TargetMap)],
        Body::Edit(|_| Ok(Box::new(Plain(maps::stringify_all)))),
    ),
    editor(
        "truncate_all",
        &[
            parameter("target", Kind::TargetMap),
            parameter("limit", Kind::LiteralInt),
            optional("utf8_safe", Kind::LiteralBool),
            optional("truncation_marker", Kind::LiteralText),
        ],
        Body::Edit(Truncate::prepare),
    ),
];
