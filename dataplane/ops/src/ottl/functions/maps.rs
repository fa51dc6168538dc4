//! Editors that make a new map or list of the old one.

use std::borrow::Cow;

use super::call::{Args, Edit, Literals};
use crate::ottl::coerce::check_raw;
use crate::ottl::error::Error;
use crate::ottl::text::attribute_text;
use crate::ottl::value::{Map, Value};

/// An editor that is a plain function over the old value and the arguments.
pub(super) struct Plain(
    pub(super) fn(Value<'static>, &mut Args<'_>) -> Result<Option<Value<'static>>, Error>,
);

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

type Edited = Result<Option<Value<'static>>, Error>;

pub(super) fn append(old: Value<'static>, args: &mut Args<'_>) -> Edited {
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

pub(super) fn delete_index(old: Value<'static>, args: &mut Args<'_>) -> Edited {
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

pub(super) fn insert_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| {
        if map.get(&key).is_none() {
            map.push(key, value);
        }
    })
}

pub(super) fn update_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| {
        if let Some(old) = map.get_mut(&key) {
            *old = value;
        }
    })
}

pub(super) fn upsert_maps(old: Value<'static>, args: &mut Args<'_>) -> Edited {
    with_maps(old, args, |map, key, value| map.set(key, value))
}

pub(super) fn stringify_all(old: Value<'static>, _: &mut Args<'_>) -> Edited {
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
pub(super) struct Limit {
    limit: usize,
    priority: Vec<String>,
}

impl Limit {
    pub(super) fn prepare(literals: &Literals) -> Result<Box<dyn Edit>, String> {
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
pub(super) struct Truncate {
    limit: usize,
    whole_characters: bool,
    marker: String,
}

impl Truncate {
    pub(super) fn prepare(literals: &Literals) -> Result<Box<dyn Edit>, String> {
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
