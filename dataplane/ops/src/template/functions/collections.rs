//! Lists, maps, defaults and types.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::template::value::Val;

use super::{Call, Outcome, Table, bounded};

pub(super) const TABLE: Table = &[
    ("default", |call| {
        call.at_least(1)?;
        let given = call.values.get(1).filter(|value| value.is_true());
        Ok(given.unwrap_or(&call.values[0]).clone())
    }),
    ("empty", |call| Ok(Val::Bool(!call.any(0)?.is_true()))),
    ("coalesce", |call| {
        let found = call.values.iter().find(|value| value.is_true());
        Ok(found.cloned().unwrap_or(Val::Nil))
    }),
    ("all", |call| {
        Ok(Val::Bool(call.values.iter().all(Val::is_true)))
    }),
    ("any", |call| {
        Ok(Val::Bool(call.values.iter().any(Val::is_true)))
    }),
    ("ternary", |call| {
        call.count(3)?;
        match call.any(2)? {
            Val::Bool(holds) => call.any(usize::from(!*holds)).cloned(),
            _ => call.wrong(2, "bool"),
        }
    }),
    ("typeOf", |call| Ok(Val::text(call.any(0)?.type_name()))),
    ("kindOf", |call| Ok(Val::text(call.any(0)?.kind_name()))),
    ("typeIs", |call| {
        Ok(Val::Bool(call.text(0)? == call.any(1)?.type_name()))
    }),
    ("kindIs", |call| {
        Ok(Val::Bool(call.text(0)? == call.any(1)?.kind_name()))
    }),
    ("typeIsLike", |call| {
        let name = call.any(1)?.type_name();
        Ok(Val::Bool(call.text(0)?.trim_start_matches('*') == name))
    }),
    ("deepEqual", |call| {
        Ok(Val::Bool(call.any(0)?.same(call.any(1)?)))
    }),
    ("deepCopy", |call| Ok(copy(call.any(0)?))),
    ("mustDeepCopy", |call| Ok(copy(call.any(0)?))),
    ("list", |call| {
        Ok(Val::list(std::mem::take(&mut call.values)))
    }),
    ("tuple", |call| {
        Ok(Val::list(std::mem::take(&mut call.values)))
    }),
    ("first", |call| {
        Ok(call.list(0)?.first().cloned().unwrap_or(Val::Nil))
    }),
    ("mustFirst", |call| {
        Ok(call.list(0)?.first().cloned().unwrap_or(Val::Nil))
    }),
    ("last", |call| {
        Ok(call.list(0)?.last().cloned().unwrap_or(Val::Nil))
    }),
    ("mustLast", |call| {
        Ok(call.list(0)?.last().cloned().unwrap_or(Val::Nil))
    }),
    ("rest", rest),
    ("mustRest", rest),
    ("initial", initial),
    ("mustInitial", initial),
    ("append", append),
    ("push", append),
    ("mustAppend", append),
    ("mustPush", append),
    ("prepend", prepend),
    ("mustPrepend", prepend),
    ("concat", |call| {
        let mut all = Vec::new();
        for index in 0..call.values.len() {
            all.extend_from_slice(call.list(index)?);
        }
        bounded(all.len())?;
        Ok(Val::list(all))
    }),
    ("reverse", reverse),
    ("mustReverse", reverse),
    ("uniq", uniq),
    ("mustUniq", uniq),
    ("without", without),
    ("mustWithout", without),
    ("compact", compact),
    ("mustCompact", compact),
    ("has", has),
    ("mustHas", has),
    ("mustSlice", slice),
    ("chunk", chunk),
    ("mustChunk", chunk),
    ("dict", dict),
    ("get", |call| {
        let map = map(call, 0)?;
        let found = map.borrow().get(call.text(1)?).cloned();
        Ok(found.unwrap_or(Val::text("")))
    }),
    ("set", |call| {
        call.count(3)?;
        let map = map(call, 0)?;
        let value = copy(call.any(2)?);
        bounded(map.borrow().len())?;
        map.borrow_mut().insert(call.text(1)?.to_owned(), value);
        Ok(Val::Map(map))
    }),
    ("unset", |call| {
        let map = map(call, 0)?;
        map.borrow_mut().remove(call.text(1)?);
        Ok(Val::Map(map))
    }),
    ("hasKey", |call| {
        let map = map(call, 0)?;
        let found = map.borrow().contains_key(call.text(1)?);
        Ok(Val::Bool(found))
    }),
    ("keys", |call| {
        let mut names = Vec::new();
        for index in 0..call.values.len() {
            names.extend(
                map(call, index)?
                    .borrow()
                    .keys()
                    .map(|name| Val::text(name)),
            );
        }
        Ok(Val::list(names))
    }),
    ("values", |call| {
        Ok(Val::list(
            map(call, 0)?.borrow().values().cloned().collect(),
        ))
    }),
    ("pluck", |call| {
        let name = call.text(0)?;
        let mut found = Vec::new();
        for index in 1..call.values.len() {
            found.extend(map(call, index)?.borrow().get(name).cloned());
        }
        Ok(Val::list(found))
    }),
    ("pick", |call| filtered(call, true)),
    ("omit", |call| filtered(call, false)),
    ("merge", |call| merge(call, false)),
    ("mustMerge", |call| merge(call, false)),
    ("mergeOverwrite", |call| merge(call, true)),
    ("mustMergeOverwrite", |call| merge(call, true)),
    ("dig", dig),
];

type Fields = Rc<std::cell::RefCell<BTreeMap<String, Val>>>;

fn map(call: &Call<'_>, index: usize) -> Result<Fields, String> {
    match call.any(index)? {
        Val::Map(fields) => Ok(fields.clone()),
        _ => call.wrong(index, "map[string]interface {}"),
    }
}

/// Maps are shared, so that a copy must copy them. Limit: a map that holds itself cannot be made,
/// since `set` puts copies in.
fn copy(value: &Val) -> Val {
    match value {
        Val::List(values) => Val::list(values.iter().map(copy).collect()),
        Val::Map(fields) => {
            let fields = fields.borrow();
            let pairs = fields
                .iter()
                .map(|(name, value)| (name.clone(), copy(value)));
            Val::map(pairs.collect())
        }
        other => other.clone(),
    }
}

fn rest(call: &mut Call<'_>) -> Outcome {
    Ok(match call.list(0)? {
        [] => Val::Nil,
        [_, rest @ ..] => Val::list(rest.to_vec()),
    })
}

fn initial(call: &mut Call<'_>) -> Outcome {
    Ok(match call.list(0)? {
        [] => Val::Nil,
        [initial @ .., _] => Val::list(initial.to_vec()),
    })
}

fn append(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let mut values = call.list(0)?.to_vec();
    values.push(call.any(1)?.clone());
    bounded(values.len())?;
    Ok(Val::list(values))
}

fn prepend(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let mut values = vec![call.any(1)?.clone()];
    values.extend_from_slice(call.list(0)?);
    bounded(values.len())?;
    Ok(Val::list(values))
}

fn reverse(call: &mut Call<'_>) -> Outcome {
    Ok(Val::list(call.list(0)?.iter().rev().cloned().collect()))
}

/// Limit: what these three compare one by one.
const COMPARED_MAX: usize = 10_000;

fn compared<'a>(call: &'a Call<'_>, index: usize) -> Result<&'a [Val], String> {
    let values = call.list(index)?;
    match values.len() <= COMPARED_MAX {
        true => Ok(values),
        false => Err(format!("a list of more than {COMPARED_MAX} elements")),
    }
}

fn uniq(call: &mut Call<'_>) -> Outcome {
    let mut seen: Vec<Val> = Vec::new();
    for value in compared(call, 0)? {
        if !seen.iter().any(|other| other.same(value)) {
            seen.push(value.clone());
        }
    }
    Ok(Val::list(seen))
}

fn without(call: &mut Call<'_>) -> Outcome {
    let gone = &call.values[1..];
    let kept = compared(call, 0)?
        .iter()
        .filter(|value| !gone.iter().any(|other| other.same(value)));
    Ok(Val::list(kept.cloned().collect()))
}

fn compact(call: &mut Call<'_>) -> Outcome {
    let kept = call.list(0)?.iter().filter(|value| value.is_true());
    Ok(Val::list(kept.cloned().collect()))
}

fn has(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    if let Val::Nil = call.any(1)? {
        return Ok(Val::Bool(false));
    }
    let needle = call.any(0)?;
    Ok(Val::Bool(
        call.list(1)?.iter().any(|value| value.same(needle)),
    ))
}

fn slice(call: &mut Call<'_>) -> Outcome {
    let values = call.list(0)?;
    let bound = |index: usize, default: usize| match index < call.values.len() {
        false => Ok(default),
        true => usize::try_from(call.int(index)?).map_err(|_| "negative index".to_owned()),
    };
    let (from, to) = (bound(1, 0)?, bound(2, values.len())?);
    let slice = values.get(from..to).ok_or("slice bounds out of range")?;
    Ok(Val::list(slice.to_vec()))
}

fn chunk(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let size = usize::try_from(call.int(0)?).ok().filter(|size| *size > 0);
    let size = size.ok_or("the size of a chunk has to be positive")?;
    let chunks = call.list(1)?.chunks(size);
    Ok(Val::list(
        chunks.map(|chunk| Val::list(chunk.to_vec())).collect(),
    ))
}

fn dict(call: &mut Call<'_>) -> Outcome {
    let mut fields = BTreeMap::new();
    for index in (0..call.values.len()).step_by(2) {
        let value = call.values.get(index + 1).cloned();
        fields.insert(call.printed(index)?, value.unwrap_or(Val::text("")));
    }
    Ok(Val::map(fields))
}

fn filtered(call: &mut Call<'_>, keep: bool) -> Outcome {
    let map = map(call, 0)?;
    let mut names = Vec::new();
    for index in 1..call.values.len() {
        names.push(call.text(index)?);
    }
    let fields = map.borrow();
    let wanted = fields
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()) == keep);
    let pairs = wanted.map(|(name, value)| (name.clone(), value.clone()));
    Ok(Val::map(pairs.collect()))
}

/// Into the first map, which is changed.
fn merge(call: &mut Call<'_>, overwrite: bool) -> Outcome {
    let target = map(call, 0)?;
    for index in 1..call.values.len() {
        let source = copy(&Val::Map(map(call, index)?));
        if let Val::Map(source) = source {
            merge_into(&target, &source, overwrite);
        }
    }
    Ok(Val::Map(target))
}

fn merge_into(target: &Fields, source: &Fields, overwrite: bool) {
    for (name, value) in source.borrow().iter() {
        let own = target.borrow().get(name).cloned();
        match (own, value) {
            (Some(Val::Map(own)), Val::Map(other)) => merge_into(&own, other, overwrite),
            (Some(own), _) if own.is_true() && !overwrite => {}
            (Some(_), value) if overwrite && !value.is_true() => {}
            (_, value) => drop(target.borrow_mut().insert(name.clone(), value.clone())),
        }
    }
}

/// `dig NAME... DEFAULT MAP`.
fn dig(call: &mut Call<'_>) -> Outcome {
    call.at_least(3)?;
    let last = call.values.len() - 1;
    let mut value = call.any(last)?.clone();
    for index in 0..last - 1 {
        let Val::Map(fields) = &value else {
            return Err(format!("can't dig in a {}", value.type_name()));
        };
        let found = fields.borrow().get(call.text(index)?).cloned();
        match found {
            Some(found) => value = found,
            None => return call.any(last - 1).cloned(),
        }
    }
    Ok(value)
}
