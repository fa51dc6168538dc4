//! group_by: a file for each value of an attribute, of which some are open.

use std::io;
use std::path::Path;

use runtime::fs;

use super::output::{Options, Output};
use super::{ExporterFileArguments, GroupBy};

/// The open files, the one used last at the end.
pub struct Groups {
    /// What stands before and after the attribute.
    before: String,
    after: String,
    pub attribute: String,
    open_max: usize,
    options: Options,
    /// Limit: `open_max`, a hundred unless told; found by walking, since writing a file costs more.
    open: Vec<(String, Output)>,
}

impl Groups {
    pub fn new(arguments: &ExporterFileArguments, grouping: &GroupBy) -> Groups {
        let (before, after) = arguments.path.split_once('*').unwrap_or_default();
        let mut cleaned = clean(before);
        if before.ends_with('/') && !cleaned.ends_with('/') {
            cleaned.push('/');
        }
        Groups {
            before: cleaned,
            after: after.to_owned(),
            attribute: grouping.resource_attribute.clone(),
            open_max: usize::try_from(grouping.max_open_files).unwrap_or(1).max(1),
            options: Options {
                append: arguments.append,
                rotation: None,
            },
            open: Vec::new(),
        }
    }

    /// Writes a message to the file of this segment.
    pub async fn write(&mut self, segment: &str, message: Vec<u8>) -> io::Result<()> {
        let path = self.path(segment);
        let at = self.open.iter().position(|(known, _)| *known == path);
        let mut output = match at {
            Some(at) => self.open.remove(at).1,
            None => {
                if let Some(folder) = Path::new(&path).parent() {
                    fs::create_dir_all(folder).await?;
                }
                Output::open(Path::new(&path).to_owned(), self.options.clone()).await?
            }
        };
        let written = output.write(message).await;
        if self.open.len() >= self.open_max {
            self.open.remove(0);
        }
        self.open.push((path, output));
        written
    }

    /// The path of a segment: whatever it says, below what stands before the star.
    fn path(&self, segment: &str) -> String {
        let segment = match segment {
            it if it.starts_with("./") => &it[1..],
            it if it.starts_with("../") => &it[2..],
            it => it,
        };
        let path = clean(&format!("{}{segment}{}", self.before, self.after));
        if path.starts_with(&self.before) {
            return path;
        }
        let inner = clean(&format!("/{segment}{}", self.after));
        clean(&format!("{}/{inner}", self.before))
    }
}

/// The shortest name of the same file, by the text alone, as `path.Clean` of Go has it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_below_what_stands_before_the_star() {
        let groups = Groups {
            before: "/data/in/".to_owned(),
            after: ".json".to_owned(),
            attribute: String::new(),
            open_max: 1,
            options: Options {
                append: false,
                rotation: None,
            },
            open: Vec::new(),
        };
        for (segment, expected) in [
            ("a", "/data/in/a.json"),
            ("a/b", "/data/in/a/b.json"),
            ("./a", "/data/in/a.json"),
            ("../a", "/data/in/a.json"),
            ("../../etc/x", "/data/in/etc/x.json"),
            ("a/../../../x", "/data/in/x.json"),
        ] {
            assert_eq!(groups.path(segment), expected, "{segment}");
        }
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("", "."),
            ("a//b/./c/..", "a/b"),
            ("../a", "../a"),
            ("/../a", "/a"),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
