//! Regular expressions: matching, and taking groups out.

use super::call::{Args, Outcome, Pattern, Prepared};
use super::{Definition, parameter, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::{Map, Value};
use crate::regex::GoRegex;

pub(super) const TABLE: &[Definition] = &[
    prepared(
        "IsMatch",
        &[
            parameter("target", Kind::TextLike),
            parameter("pattern", Kind::Text),
        ],
        |literals| Ok(Box::new(IsMatch(literals.pattern(1)?))),
    ),
    prepared(
        "ExtractPatterns",
        &[
            parameter("target", Kind::Text),
            parameter("pattern", Kind::Text),
        ],
        |literals| Ok(Box::new(ExtractPatterns(literals.pattern(1)?))),
    ),
];

#[derive(Debug)]
struct IsMatch(Pattern);

impl Prepared for IsMatch {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let regex = self.0.get(args)?;
        Ok(Value::Bool(match args.value(0) {
            Value::Text(text) => regex.is_match(text),
            _ => false,
        }))
    }
}

#[derive(Debug)]
struct ExtractPatterns(Pattern);

fn check_names(regex: &GoRegex) -> Result<(), Error> {
    match regex.names().iter().any(|name| !name.is_empty()) {
        true => Ok(()),
        false => Err(Error::new(
            "at least 1 named capture group must be supplied in the given regex",
        )),
    }
}

impl Prepared for ExtractPatterns {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let regex = self.0.get(args)?;
        check_names(&regex)?;
        let mut map = Map::new();
        if let Some(captures) = regex.captures(args.text(0)) {
            let names = regex.names().iter().enumerate();
            for (index, name) in names.filter(|(_, name)| !name.is_empty()) {
                let group = captures.get(index).map_or("", |group| group.as_str());
                map.set(name.clone(), Value::text(group.to_owned()));
            }
        }
        Ok(Value::map(map))
    }
}
