//! Semantic versions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::template::value::Val;

use super::{Call, Outcome, Table};

pub(super) const TABLE: Table = &[("semver", semver), ("semverCompare", compare)];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    /// How many of the numbers were written.
    written: usize,
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    fn parse(text: &str) -> Result<Version, String> {
        let invalid = || format!("invalid semantic version {text:?}");
        let bare = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = bare.split_once('+').unwrap_or((bare, ""));
        let (rest, prerelease) = rest.split_once('-').unwrap_or((rest, ""));
        let mut version = Version {
            numbers: [0; 3],
            written: 0,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        };
        for part in rest.split('.') {
            let number = part.parse().map_err(|_| invalid())?;
            *version
                .numbers
                .get_mut(version.written)
                .ok_or_else(invalid)? = number;
            version.written += 1;
        }
        Ok(version)
    }

    fn order(&self, other: &Version) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => prerelease_order(&self.prerelease, &other.prerelease),
            }
        })
    }
}

fn prerelease_order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<u64>(), right.parse::<u64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => left.cmp(right),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn semver(call: &mut Call<'_>) -> Outcome {
    let version = Version::parse(call.text(0)?)?;
    let mut fields = BTreeMap::new();
    for (name, number) in ["Major", "Minor", "Patch"].iter().zip(version.numbers) {
        fields.insert((*name).to_owned(), Val::Int64(number as i64));
    }
    fields.insert("Prerelease".to_owned(), Val::text(&version.prerelease));
    fields.insert("Metadata".to_owned(), Val::text(&version.metadata));
    fields.insert("Original".to_owned(), Val::text(&version.original));
    Ok(Val::map(fields))
}

/// `semverCompare ">=1.2, <2 || ^3" VERSION`.
fn compare(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let version = Version::parse(call.text(1)?)?;
    let mut holds = false;
    for alternative in call.text(0)?.split("||") {
        let mut all = true;
        for constraint in alternative
            .split([',', ' '])
            .filter(|part| !part.is_empty())
        {
            all &= satisfies(&version, constraint)?;
        }
        holds |= all;
    }
    Ok(Val::Bool(holds))
}

fn satisfies(version: &Version, constraint: &str) -> Result<bool, String> {
    let end = constraint
        .find(|c: char| !"=<>!~^".contains(c))
        .unwrap_or(constraint.len());
    let (operator, text) = constraint.split_at(end);
    let written = text.trim_end_matches(['*', 'x', 'X', '.']);
    let wild = written.len() < text.len() || text.is_empty();
    let wanted = match written {
        "" => return Ok(true),
        written => Version::parse(written)?,
    };
    // A version that is not released yet is only compared with such ones.
    if !version.prerelease.is_empty() && wanted.prerelease.is_empty() {
        return Ok(false);
    }
    let order = version.order(&wanted);
    let same = |count: usize| version.numbers[..count] == wanted.numbers[..count];
    Ok(match operator {
        "" | "=" if wild || wanted.written < 3 => same(wanted.written),
        "" | "=" | "==" => order.is_eq(),
        "!=" if wild => !same(wanted.written),
        "!=" => order.is_ne(),
        ">" if wanted.written < 3 => order.is_gt() && !same(wanted.written),
        ">" => order.is_gt(),
        ">=" | "=>" => order.is_ge(),
        "<" => order.is_lt(),
        "<=" | "=<" if wanted.written < 3 => order.is_lt() || same(wanted.written),
        "<=" | "=<" => order.is_le(),
        "~" | "~>" => order.is_ge() && same(wanted.written.min(2)),
        "^" => {
            let first = wanted.numbers.iter().position(|number| *number > 0);
            order.is_ge() && same(first.map_or(wanted.written, |first| first + 1))
        }
        _ => return Err(format!("improper constraint: {constraint}")),
    })
}
