//! The editors of every context.

use std::borrow::Cow;

use super::call::{Args, Edit, ItemEdit, Literals, Pattern};
use super::{Body, Definition, MetricEdit, Parameter, Set, optional, parameter};
use super::{flatten, replace};
use crate::ottl::coerce::{Kind, check_raw};
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::program::{Argument, Expression, Reference};
use crate::ottl::text::attribute_text;
use crate::ottl::value::{List, Map, Value};

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

/// An editor that is a plain function over the old value and the arguments.
struct Plain(fn(Value<'static>, &mut Args<'_>) -> Result<Option<Value<'static>>, Error>);

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plain")
    }
}

impl Edit for Plain {
    fn edit(
        &self,
        old: Value<'static>,
        args: &mut Args<'_>,
    ) -> Result<Option<Value<'static>>, Error> {
        (self.0)(old, args)
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
            true => Ok(Box::new(Plain(append))),
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
        Body::Edit(|_| Ok(Box::new(Plain(delete_index)))),
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
            Some("insert") => Ok(Box::new(Plain(insert_maps))),
            Some("update") => Ok(Box::new(Plain(update_maps))),
            Some("upsert") => Ok(Box::new(Plain(upsert_maps))),
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
        Body::Edit(|_| Ok(Box::new(Plain(stringify_all)))),
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

type Edited = Result<Option<Value<'static>>, Error>;

fn append(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    let mut items = match old {
        Value::Nil => Vec::new(),
        Value::List(list) => list.into_owned().items,
        scalar => {
            check_raw(&scalar)?;
            vec![scalar]
        }
    };
    let old = items.len();
    if args.is_given(1) {
        items.push(args.take(1).into_owned());
    }
    items.extend(args.take_list(2).items);
    items[old..].iter().try_for_each(check_raw)?;
    Ok(Some(Value::list(items)))
}

fn delete_index(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    let Value::List(list) = old else {
        return Ok(None);
    };
    let mut items = list.into_owned().items;
    let length = items.len() as i64;
    let start = args.int(1);
    let end = match args.is_given(2) {
        true => args.int(2),
        false => start.saturating_add(1),
    };
    if start == 0 && end == length {
        return Ok(Some(Value::list(Vec::new())));
    }
    if start < 0 || start >= length {
        let message = format!("startIndex {start} out of bounds for slice of length {length}");
        return Err(Error::new(message));
    }
    if end < start {
        let message = format!("endIndex {end} cannot be less than startIndex {start}");
        return Err(Error::new(message));
    }
    if end > length {
        return Err(Error::new(format!(
            "deletion range [{start}:{end}] out of bounds for slice of length {length}"
        )));
    }
    items.drain(start as usize..end as usize);
    Ok(Some(Value::list(items)))
}

fn with_maps(
    old: Value<'static>,
    args: &mut Args<'_>,
    merge: fn(&mut Map, String, Value<'static>),
) -> Edited {
    let Value::Map(map) = old else {
        return Ok(None);
    };
    let mut map = map.into_owned();
    for (key, value) in args.take_map(1) {
        merge(&mut map, key, value);
    }
    Ok(Some(Value::map(map)))
}

fn insert_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| {
        if map.get(&key).is_none() {
            map.push(key, value);
        }
    })
}

fn update_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| {
        if let Some(old) = map.get_mut(&key) {
            *old = value;
        }
    })
}

fn upsert_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| map.set(key, value))
}

fn stringify_all(old: Value<'static>, _: &mut Args<'_>) -> Edited {
    let Value::Map(map) = old else {
        return Ok(None);
    };
    let mut map = map.into_owned();
    for (_, value) in map.iter_mut() {
        if !matches!(value, Value::Text(_)) {
            *value = Value::text(attribute_text(value).into_owned());
        }
    }
    Ok(Some(Value::map(map)))
}

#[derive(Debug)]
struct Limit {
    limit: usize,
    priority: Vec<String>,
}

impl Limit {
    fn prepare(literals: &Literals) -> Result<Box<dyn Edit>, String> {
        let limit = literals.int(1).unwrap_or_default();
        let priority = literals.texts(2).unwrap_or_default();
        let Ok(limit) = usize::try_from(limit) else {
            return Err(format!(
                "invalid limit for limit function, {limit} cannot be negative"
            ));
        };
        if limit < priority.len() {
            return Err(format!(
                "invalid limit for limit function, {limit} cannot be less than number of \
                 priority attributes {}",
                priority.len()
            ));
        }
        Ok(Box::new(Limit { limit, priority }))
    }
}

impl Edit for Limit {
    fn edit(&self, old: Value<'static>, _: &mut Args<'_>) -> Edited {
        let Value::Map(map) = old else {
            return Ok(None);
        };
        let mut map = map.into_owned();
        if map.len() <= self.limit {
            return Ok(None);
        }
        let present = self.priority.iter().filter(|key| map.get(key).is_some());
        let mut count = present.count();
        map.retain(|key| {
            if self.priority.iter().any(|other| other == key) {
                return true;
            }
            let room = count < self.limit;
            count += usize::from(room);
            room
        });
        Ok(Some(Value::map(map)))
    }
}

#[derive(Debug)]
struct Truncate {
    limit: usize,
    whole_characters: bool,
    marker: String,
}

impl Truncate {
    fn prepare(literals: &Literals) -> Result<Box<dyn Edit>, String> {
        let limit = literals.int(1).unwrap_or_default();
        let Ok(limit) = usize::try_from(limit) else {
            return Err(format!(
                "invalid limit for truncate_all function, {limit} cannot be negative"
            ));
        };
        let marker = literals.text(3).unwrap_or_default().to_owned();
        if marker.len() > limit {
            return Err(format!(
                "invalid truncation marker for truncate_all function, length of marker {} \
                 cannot be greater than limit {limit}",
                marker.len()
            ));
        }
        Ok(Box::new(Truncate {
            limit,
            whole_characters: literals.flag(2).unwrap_or(true),
            marker,
        }))
    }
}

impl Edit for Truncate {
    fn edit(&self, old: Value<'static>, _: &mut Args<'_>) -> Edited {
        let Value::Map(map) = old else {
            return Ok(None);
        };
        let mut map = map.into_owned();
        for (_, value) in map.iter_mut() {
            let Value::Text(text) = value else {
                continue;
            };
            if text.len() <= self.limit {
                continue;
            }
            let at = self.limit - self.marker.len();
            let start = match self.whole_characters {
                true => Cow::Borrowed(&text[..text.floor_char_boundary(at)]),
                // Half a character is replaced, as texts here are UTF-8.
                false => String::from_utf8_lossy(&text.as_bytes()[..at]),
            };
            *value = Value::text(format!("{start}{}", self.marker));
        }
        Ok(Some(Value::map(map)))
    }
}
