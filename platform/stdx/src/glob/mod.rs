//! Patterns of paths, as Go's doublestar has them: `*` and `?` within a name, `[a-z]` and `[!a-z]`,
//! `{a,b}` with anything inside, `**` as a whole name for any number of folders, `\` in front of a
//! character that means itself.
//!
//! A pattern is parsed once: braces are written out into alternatives, each a list of names.
//! Matching is pure; [`Glob::expand`] lists folders.

mod expand;
mod name;

use name::Name;

/// Limit: alternatives that braces may be written out to. Ten braces of two make 1,024; more are
/// refused, since each alternative is looked for by itself.
const ALTERNATIVES_MAX: usize = 1024;

/// A parsed pattern.
#[derive(Clone, Debug)]
pub struct Glob {
    alternatives: Vec<Vec<Part>>,
    fold_case: bool,
}

/// What stands between two slashes.
#[derive(Clone, Debug)]
enum Part {
    /// `**`: any number of folders, none included.
    Folders,
    /// A name that stands for itself, `""` before a leading slash.
    Literal(String),
    Name(Name),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobError {
    /// a bracket, brace or escape has no end
    Open(char),
    /// braces stand for more alternatives than are taken
    TooMany,
}

impl std::fmt::Display for GlobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GlobError::Open(character) => {
                write!(f, "syntax error in pattern: {character:?} has no end")
            }
            GlobError::TooMany => write!(
                f,
                "the braces of the pattern stand for more than {ALTERNATIVES_MAX} alternatives"
            ),
        }
    }
}

impl std::error::Error for GlobError {}

impl Glob {
    /// Parses a pattern. On Windows backslashes separate names and case does not count.
    pub fn new(pattern: &str) -> Result<Glob, GlobError> {
        match cfg!(windows) {
            true => Glob::parse(&pattern.replace('\\', "/"), true),
            false => Glob::parse(pattern, false),
        }
    }

    fn parse(pattern: &str, fold_case: bool) -> Result<Glob, GlobError> {
        let pattern: Vec<char> = pattern.chars().collect();
        let mut texts = Vec::new();
        write_out(Vec::new(), &pattern, &mut texts)?;
        let alternatives = texts
            .iter()
            .map(|text| parts(text))
            .collect::<Result<_, _>>()?;
        Ok(Glob {
            alternatives,
            fold_case,
        })
    }

    /// Whether a path is one that the pattern stands for.
    pub fn matches(&self, path: &str) -> bool {
        let path = match cfg!(windows) {
            true => path.replace('\\', "/"),
            false => path.to_owned(),
        };
        let names: Vec<&str> = path.split('/').collect();
        let fold_case = self.fold_case;
        self.alternatives
            .iter()
            .any(|parts| matches(parts, &names, fold_case))
    }
}

/// Go back to the last `**` when a name does not fit, as with `*` in a name: linear in the number
/// of names for each `**`.
fn matches(parts: &[Part], names: &[&str], fold_case: bool) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        if on == names.len() && parts[at..].iter().all(|part| matches!(part, Part::Folders)) {
            return true;
        }
        match parts.get(at) {
            Some(Part::Folders) => {
                back = Some((at, on));
                at += 1;
                continue;
            }
            Some(part) if on < names.len() && part.matches(names[on], fold_case) => {
                at += 1;
                on += 1;
                continue;
            }
            _ => {}
        }
        match &mut back {
            Some((folders, from)) if *from < names.len() => {
                *from += 1;
                (at, on) = (*folders + 1, *from);
            }
            _ => return false,
        }
    }
}

impl Part {
    fn matches(&self, name: &str, fold_case: bool) -> bool {
        match self {
            Part::Folders => true,
            Part::Literal(text) if fold_case => text.to_lowercase() == name.to_lowercase(),
            Part::Literal(text) => text == name,
            Part::Name(pattern) => pattern.matches(name, fold_case),
        }
    }
}

/// Each way to choose from the braces of `rest`, behind `head`.
fn write_out(head: Vec<char>, rest: &[char], out: &mut Vec<Vec<char>>) -> Result<(), GlobError> {
    let mut head = head;
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            '\\' => {
                let escaped = rest.get(at + 1).ok_or(GlobError::Open('\\'))?;
                head.extend(['\\', *escaped]);
                at += 2;
            }
            '[' => {
                let end = class_end(rest, at)?;
                head.extend(&rest[at..=end]);
                at = end + 1;
            }
            '{' => {
                let (choices, end) = choices(rest, at)?;
                for choice in choices {
                    let text: Vec<char> = choice.iter().chain(&rest[end + 1..]).copied().collect();
                    write_out(head.clone(), &text, out)?;
                }
                return Ok(());
            }
            character => {
                head.push(character);
                at += 1;
            }
        }
    }
    if out.len() == ALTERNATIVES_MAX {
        return Err(GlobError::TooMany);
    }
    out.push(head);
    Ok(())
}

/// Where the class that opens at `at` closes. A bracket right at its beginning belongs to it.
fn class_end(text: &[char], at: usize) -> Result<usize, GlobError> {
    let mut end = at + 1;
    if matches!(text.get(end), Some('^' | '!')) {
        end += 1;
    }
    let first = end;
    loop {
        match text.get(end) {
            Some(']') if first < end => return Ok(end),
            Some('\\') => end += 2,
            Some(_) => end += 1,
            None => return Err(GlobError::Open('[')),
        }
    }
}

/// The choices of the brace that opens at `at`, and where it closes.
fn choices(text: &[char], at: usize) -> Result<(Vec<&[char]>, usize), GlobError> {
    let mut choices = Vec::new();
    let mut depth = 0;
    let mut begin = at + 1;
    let mut end = at + 1;
    loop {
        match text.get(end) {
            None => return Err(GlobError::Open('{')),
            Some('\\') => end += 1,
            Some('[') => end = class_end(text, end)?,
            Some('{') => depth += 1,
            Some('}') if depth == 0 => {
                choices.push(&text[begin..end]);
                return Ok((choices, end));
            }
            Some('}') => depth -= 1,
            Some(',') if depth == 0 => {
                choices.push(&text[begin..end]);
                begin = end + 1;
            }
            Some(_) => {}
        }
        end += 1;
    }
}

fn parts(text: &[char]) -> Result<Vec<Part>, GlobError> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in text.split(|character| *character == '/') {
        let part = match piece {
            ['*', '*'] => Part::Folders,
            piece => match Name::parse(piece)? {
                name if name.is_literal() => Part::Literal(name.literal()),
                name => Part::Name(name),
            },
        };
        let again = matches!(part, Part::Folders) && matches!(parts.last(), Some(Part::Folders));
        // A doubled slash is one, save for the one that a path begins with.
        let empty = matches!(&part, Part::Literal(text) if text.is_empty());
        if !again && (!empty || parts.is_empty()) {
            parts.push(part);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
