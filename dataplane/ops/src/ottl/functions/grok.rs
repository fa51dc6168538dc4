//! `ExtractGrokPatterns`: regular expressions put together from named ones.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::{Args, Literals, Outcome, Prepared};
use super::grok_patterns;
use super::{Definition, optional, parameter, prepared};
use crate::ottl::coerce::{Kind, parse_float};
use crate::ottl::error::Error;
use crate::ottl::limits;
use crate::ottl::value::{Map, Value};
use crate::regex::GoRegex;

pub(super) const TABLE: &[Definition] = &[prepared(
    "ExtractGrokPatterns",
    &[
        parameter("target", Kind::Text),
        parameter("pattern", Kind::Text),
        optional("named_captures_only", Kind::LiteralBool),
        optional("pattern_definitions", Kind::LiteralTextList),
    ],
    Grok::prepare,
)];

/// Stands for a dot in the names of groups, where Go allows none.
const DOT: &str = "___";

#[derive(Debug)]
struct Grok {
    named_only: bool,
    own: HashMap<String, String>,
    compiled: Option<Arc<Compiled>>,
}

/// A pattern, and the types that its groups are to have.
#[derive(Debug)]
struct Compiled {
    regex: GoRegex,
    types: HashMap<String, String>,
}

impl Grok {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let mut own = HashMap::new();
        for (index, definition) in literals.texts(3).unwrap_or_default().iter().enumerate() {
            let Some((name, pattern)) = definition.split_once('=') else {
                return Err(format!(
                    "pattern {definition:?} supplied to ExtractGrokPatterns at index {index} has \
                     incorrect format, expecting PATTERNNAME=pattern definition"
                ));
            };
            if name.contains(':') {
                return Err(format!("pattern ID {name:?} should not contain ':'"));
            }
            own.insert(name.to_owned(), pattern.to_owned());
        }
        let mut grok = Grok {
            named_only: literals.flag(2).unwrap_or_default(),
            own,
            compiled: None,
        };
        if let Some(pattern) = literals.text(1) {
            let compiled = grok.compile(pattern).map_err(|error| {
                format!(
                    "the pattern supplied to ExtractGrokPatterns '{pattern}' is not a valid \
                     pattern: {error}"
                )
            })?;
            grok.check(&compiled).map_err(|error| error.to_string())?;
            grok.compiled = Some(Arc::new(compiled));
        }
        Ok(Box::new(grok))
    }

    fn check(&self, compiled: &Compiled) -> Result<(), Error> {
        let named = compiled.regex.names().iter().any(|name| !name.is_empty());
        match self.named_only && !named {
            false => Ok(()),
            true => Err(Error::new(
                "at least 1 named capture group must be supplied in the given regex",
            )),
        }
    }

    fn compile(&self, pattern: &str) -> Result<Compiled, String> {
        let mut types = HashMap::new();
        let mut out = String::new();
        self.expand(pattern, &mut types, &mut out, 0)?;
        let regex = GoRegex::new(&out)?;
        Ok(Compiled { regex, types })
    }

    /// Appends a pattern with its references replaced, as deep as they go.
    fn expand(
        &self,
        pattern: &str,
        types: &mut HashMap<String, String>,
        out: &mut String,
        depth: usize,
    ) -> Result<(), String> {
        if depth > limits::DEPTH_MAX {
            return Err("patterns that refer to each other".to_owned());
        }
        let mut rest = pattern;
        while let Some(start) = rest.find("%{") {
            let inner = &rest[start + 2..];
            let Some(reference) = inner.split('}').next().and_then(Reference::new) else {
                out.push_str(&rest[..start + 2]);
                rest = inner;
                continue;
            };
            out.push_str(&rest[..start]);
            rest = &inner[reference.length + 1..];
            let known = self.own.get(reference.name).map(String::as_str);
            let known = known.or_else(|| grok_patterns::find(reference.name));
            let known = known.ok_or_else(|| {
                format!(
                    "pattern definition {:?} unknown: parsing failed",
                    reference.name
                )
            })?;
            match reference.group(self.named_only) {
                None => out.push('('),
                Some(group) => {
                    if let Some(kind) = reference.kind {
                        types.insert(group.clone(), kind.to_owned());
                    }
                    out.push_str(&format!("(?P<{group}>"));
                }
            }
            self.expand(known, types, out, depth + 1)?;
            out.push(')');
            if out.len() > limits::PATTERN_BYTES_MAX {
                return Err("the expanded pattern is too long".to_owned());
            }
        }
        out.push_str(rest);
        Ok(())
    }
}

/// `NAME`, `NAME:field` or `NAME:field:type`.
struct Reference<'p> {
    name: &'p str,
    field: Option<&'p str>,
    kind: Option<&'p str>,
    length: usize,
}

impl<'p> Reference<'p> {
    fn new(text: &'p str) -> Option<Reference<'p>> {
        let word = |text: &str, more: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || more.contains(c);
            !text.is_empty() && text.chars().all(known)
        };
        let mut parts = text.split(':');
        let reference = Reference {
            name: parts.next()?,
            field: parts.next(),
            kind: parts.next(),
            length: text.len(),
        };
        let valid = word(reference.name, "")
            && reference.field.is_none_or(|field| word(field, ".+"))
            && reference.kind.is_none_or(|kind| word(kind, ""))
            && parts.next().is_none();
        valid.then_some(reference)
    }

    fn group(&self, named_only: bool) -> Option<String> {
        match self.field {
            Some(field) => Some(field.replace('.', DOT)),
            None if named_only => None,
            None => Some(self.name.to_owned()),
        }
    }
}

impl Prepared for Grok {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let compiled = match &self.compiled {
            Some(compiled) => compiled.clone(),
            None => {
                let compiled = self.compile(args.text(1)).map_err(Error::new)?;
                self.check(&compiled)?;
                Arc::new(compiled)
            }
        };
        let mut map = Map::new();
        if let Some(captures) = compiled.regex.captures(args.text(0)) {
            let names = compiled.regex.names().iter().enumerate();
            for (index, name) in names.filter(|(_, name)| !name.is_empty()) {
                let text = captures.get(index).map_or("", |group| group.as_str());
                if !text.is_empty() {
                    let kind = compiled.types.get(name).map(String::as_str);
                    map.set(name.replace(DOT, "."), typed(text, kind)?);
                }
            }
        }
        Ok(Value::map(map))
    }
}

fn typed(text: &str, kind: Option<&str>) -> Result<Value<'static>, Error> {
    let invalid = || Error::new(format!("{text:?} is no {}", kind.unwrap_or_default()));
    Ok(match kind {
        None | Some("string") => Value::text(text.to_owned()),
        Some("double" | "float") => Value::Float(parse_float(text)?),
        Some("int" | "long") => Value::Int(text.parse().map_err(|_| invalid())?),
        Some("bool" | "boolean") => Kind::BoolLike.coerce(Value::text(text))?.into_owned(),
        Some(kind) => return Err(Error::new(format!("invalid type {kind:?} of a pattern"))),
    })
}
