//! The machine as its files show it: where they lie, and how they are read.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;

use regex::Regex;

use super::arguments::Arguments;
use crate::families::Families;
pub use crate::file::read;

/// What a collector reads from.
pub struct Host {
    pub proc: PathBuf,
    pub sys: PathBuf,
    pub root: PathBuf,
    pub udev: PathBuf,
    pub arguments: std::sync::Arc<Arguments>,
    pub filters: Filters,
    /// Mount points whose file system did not answer in time, until it does.
    pub stuck: std::sync::Arc<Mutex<HashSet<PathBuf>>>,
}

/// Which devices and fields are wanted.
pub struct Filters {
    pub arp: Filter,
    pub disk: Filter,
    pub filesystem_types: Filter,
    pub mount_points: Filter,
    pub hwmon: Filter,
    pub netclass: Filter,
    pub netdev: Filter,
    pub netstat: Filter,
    pub power_supply: Filter,
    pub tape: Filter,
    pub vmstat: Filter,
    pub cpu_flags: Option<Regex>,
    pub cpu_bugs: Option<Regex>,
}

/// A pair of patterns, of which either may be missing.
#[derive(Default)]
pub struct Filter {
    pub include: Option<Regex>,
    pub exclude: Option<Regex>,
}

impl Filter {
    pub fn takes(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|it| it.is_match(name))
            && !self.exclude.as_ref().is_some_and(|it| it.is_match(name))
    }
}

/// Why a collector gives nothing, or not all.
#[derive(Debug)]
pub enum Failure {
    /// The machine has none of what it tells about.
    NoData,
    Broken(String),
}

/// What a collector ends with.
pub type Outcome = Result<(), Failure>;

/// A part of the page.
pub type Collect = fn(&Host, &mut Families) -> Outcome;

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure::Broken(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoData => f.write_str("there is nothing to collect"),
            Failure::Broken(message) => f.write_str(message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::NotFound => Failure::NoData,
            _ => Failure::Broken(error.to_string()),
        }
    }
}

impl Host {
    /// The text of a file of `/proc`.
    pub fn proc_text(&self, path: &str) -> Result<String, Failure> {
        read_named(&self.proc.join(path))
    }

    /// The text of a file of `/sys`.
    pub fn sys_text(&self, path: &str) -> Result<String, Failure> {
        read_named(&self.sys.join(path))
    }

    /// A file of `/proc` that holds one number.
    pub fn proc_number(&self, path: &str) -> Result<f64, Failure> {
        let text = self.proc_text(path)?;
        parse(text.trim(), path)
    }
}

/// The text of a file, or what is wrong with which file.
fn read_named(path: &Path) -> Result<String, Failure> {
    read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::NoData,
        _ => Failure::new(format!("cannot read \"{}\": {error}", path.display())),
    })
}

/// The text of a file without blanks around it; None if it cannot be read, as with properties that
/// a driver does not have.
pub fn property(folder: &Path, name: &str) -> Option<String> {
    let text = read(&folder.join(name)).ok()?;
    Some(text.trim().to_owned())
}

/// A property that is a number, decimal or with a prefix such as `0x`.
pub fn number_property(folder: &Path, name: &str) -> Option<f64> {
    let text = property(folder, name)?;
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|it| it as f64),
        None => text.parse().ok(),
    }
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Names in a folder that are a prefix and a number.
pub fn numbered(folder: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut names = names(folder)?;
    names.retain(|name| {
        let number = name.strip_prefix(prefix);
        number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    });
    Ok(names)
}

/// A number of a text, or which one is none.
pub fn parse<T: FromStr>(text: &str, place: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::new(format!("\"{text}\" in \"{place}\" is no number")))
}
