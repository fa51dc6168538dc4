//! What templates can call.

mod builtin;
mod collections;
mod dates;
mod encoding;
mod json;
mod math;
mod paths;
mod patterns;
mod semver;
mod strings;
mod words;

use super::print;
use super::run::Environment;
use super::value::Val;

/// A call with its arguments; a piped value is the last of them.
pub(super) struct Call<'a> {
    pub values: Vec<Val>,
    pub environment: &'a mut Environment,
}

pub(super) type Function = fn(&mut Call<'_>) -> Outcome;
type Outcome = Result<Val, String>;
type Table = &'static [(&'static str, Function)];

/// Of equal names the first counts: Alloy's own come before those of sprig, and these before Go's.
const TABLES: [Table; 11] = [
    words::ALLOY,
    strings::TABLE,
    words::TABLE,
    math::TABLE,
    collections::TABLE,
    encoding::TABLE,
    json::TABLE,
    dates::TABLE,
    paths::TABLE,
    patterns::TABLE,
    semver::TABLE,
];

/// Functions of sprig that are left out, each with a reason in the module's documentation.
const LEFT_OUT: [&str; 18] = [
    "bcrypt",
    "buildCustomCert",
    "decryptAES",
    "derivePassword",
    "encryptAES",
    "env",
    "expandenv",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "getHostByName",
    "htpasswd",
    "osEnv",
    "call",
];

pub(super) fn find(name: &str) -> Option<(&'static str, Function)> {
    let mut all = TABLES.iter().chain([&builtin::TABLE]).copied().flatten();
    all.find(|(own, _)| *own == name).copied()
}

/// What to say about a name that `find` does not know.
pub(super) fn unknown(name: &str) -> String {
    match LEFT_OUT.contains(&name) {
        true => format!("function {name:?} is not supported: it needs more than its arguments"),
        false => format!("function {name:?} not defined"),
    }
}

/// Limit: bytes or elements that one function may make.
const SIZE_MAX: usize = 1 << 20;

impl Call<'_> {
    /// So many arguments, no more and no less.
    fn count(&self, count: usize) -> Result<(), String> {
        match self.values.len() {
            given if given == count => Ok(()),
            given => Err(format!("wrong number of args: want {count}, got {given}")),
        }
    }

    fn at_least(&self, count: usize) -> Result<(), String> {
        match self.values.len() {
            given if given >= count => Ok(()),
            given => Err(format!(
                "wrong number of args: want at least {count}, got {given}"
            )),
        }
    }

    fn any(&self, index: usize) -> Result<&Val, String> {
        let count = self.values.len();
        let missing = || format!("wrong number of args: want more than {index}, got {count}");
        self.values.get(index).ok_or_else(missing)
    }

    fn wrong<T>(&self, index: usize, expected: &str) -> Result<T, String> {
        let found = self.any(index)?.type_name();
        Err(format!(
            "wrong type for value; expected {expected}; got {found}"
        ))
    }

    fn text(&self, index: usize) -> Result<&str, String> {
        match self.any(index)? {
            Val::Text(text) => Ok(text),
            _ => self.wrong(index, "string"),
        }
    }

    /// A whole number, or a float that is one.
    fn int(&self, index: usize) -> Result<i64, String> {
        match self.any(index)? {
            Val::Float(value) if value.fract() == 0.0 => Ok(*value as i64),
            value => match value.whole() {
                Some(value) => Ok(value),
                None => self.wrong(index, "int"),
            },
        }
    }

    fn list(&self, index: usize) -> Result<&[Val], String> {
        match self.any(index)? {
            Val::List(values) => Ok(values),
            _ => self.wrong(index, "slice"),
        }
    }

    /// Anything as a text.
    fn printed(&self, index: usize) -> Result<String, String> {
        self.any(index).map(print::plain)
    }

    /// A list's elements as texts, anything else as one; nil ones are left out.
    fn strings(&self, index: usize) -> Result<Vec<String>, String> {
        Ok(match self.any(index)? {
            Val::List(values) => {
                let there = values.iter().filter(|value| !matches!(value, Val::Nil));
                there.map(print::plain).collect()
            }
            Val::Nil => Vec::new(),
            other => vec![print::plain(other)],
        })
    }
}

fn bounded(size: usize) -> Result<usize, String> {
    match size <= SIZE_MAX {
        true => Ok(size),
        false => Err(format!("the result would be larger than {SIZE_MAX}")),
    }
}

fn owned(text: String) -> Outcome {
    bounded(text.len())?;
    Ok(Val::Text(text.into()))
}
