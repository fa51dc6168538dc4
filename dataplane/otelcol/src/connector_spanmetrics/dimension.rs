//! Dimensions: the attributes by which is counted apart.

use batch::otlp::{AnyValue, Attributes};
use ops::regex::GoRegex;

use super::DimensionBlock;

/// Attributes that every series has; dimensions may not have their names.
pub(super) const BUILT_IN: [&str; 4] = ["service.name", "span.kind", "status.code", "span.name"];

/// An attribute, or all whose keys fit a pattern.
pub(super) enum Dimension {
    Named {
        name: String,
        default: Option<String>,
    },
    Glob(GoRegex),
}

impl Dimension {
    pub fn new(block: &DimensionBlock) -> Result<Dimension, String> {
        match (&block.name, &block.glob) {
            (Some(_), Some(_)) => Err("only one of name and glob may be set".to_owned()),
            (_, Some(glob)) => Ok(Dimension::Glob(pattern(glob)?)),
            (name, None) => Ok(Dimension::Named {
                name: name.clone().unwrap_or_default(),
                default: block.default.clone(),
            }),
        }
    }

    /// Puts what there is; the first place that has it counts.
    pub fn put<'a>(&self, places: &[&Attributes<'a>], into: &mut Attributes<'a>) {
        match self {
            Dimension::Named { name, default } => {
                let found = places.iter().find_map(|place| place.get(name)).cloned();
                let default = || default.clone().map(AnyValue::from);
                if let Some(value) = found.or_else(default) {
                    into.set(name.clone(), value);
                }
            }
            Dimension::Glob(pattern) => {
                for attribute in places.iter().rev().flat_map(|place| place.iter()) {
                    if pattern.is_match(&attribute.key.to_str()) {
                        into.set(attribute.key.clone(), attribute.value.clone());
                    }
                }
            }
        }
    }
}

/// `*` is any text, `?` any character.
fn pattern(glob: &str) -> Result<GoRegex, String> {
    let mut pattern = "^(?s:".to_owned();
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            c if c.is_alphanumeric() || c == '_' => pattern.push(c),
            c => {
                pattern.push('\\');
                pattern.push(c);
            }
        }
    }
    pattern.push_str(")$");
    GoRegex::new(&pattern).map_err(|error| format!("invalid glob {glob:?}: {error}"))
}

/// Whether names of lists that go together are there once, and not built in.
pub(super) fn check(lists: &[&Vec<DimensionBlock>]) -> Result<(), String> {
    let mut names: Vec<&str> = BUILT_IN.to_vec();
    for block in lists.iter().copied().flatten() {
        Dimension::new(block)?;
        let Some(name) = &block.name else {
            continue;
        };
        if names.contains(&&**name) {
            return Err(format!("duplicate dimension name {name}"));
        }
        names.push(name);
    }
    Ok(())
}
