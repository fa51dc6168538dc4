//! Objects by id: commits, tags, folders (git's trees) and files (its blobs).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use sha1::{Digest, Sha1};

use super::GitError;
use super::limits::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX};

/// The SHA-1 of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// From 40 hexadecimal digits.
    pub fn parse(digits: &[u8]) -> Option<Id> {
        let digits: &[u8; 40] = digits.try_into().ok()?;
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
            let (high, low) = (pair[0] as char, pair[1] as char);
            *byte = (high.to_digit(16)? * 16 + low.to_digit(16)?) as u8;
        }
        Some(Id(id))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Id> {
        Some(Id(bytes.try_into().ok()?))
    }

    pub(super) fn of(kind: Kind, content: &[u8]) -> Id {
        let mut hash = Sha1::new();
        hash.update(format!("{} {}\0", kind.name(), content.len()));
        hash.update(content);
        Id(hash.finalize().into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Folder,
    File,
    Tag,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Folder => "tree",
            Kind::File => "blob",
            Kind::Tag => "tag",
        }
    }
}

/// Contents of files by path, `folder/name`. Links and other repositories are left out.
pub type Files = BTreeMap<String, Rc<[u8]>>;

/// What a pack held.
#[derive(Default)]
pub struct Objects {
    by_id: HashMap<Id, (Kind, Rc<[u8]>)>,
}

impl Objects {
    pub(super) fn insert(&mut self, kind: Kind, content: Rc<[u8]>) {
        self.by_id.insert(Id::of(kind, &content), (kind, content));
    }

    pub(super) fn get(&self, id: Id) -> Option<&(Kind, Rc<[u8]>)> {
        self.by_id.get(&id)
    }

    /// The ids of all that there is.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.by_id.keys().copied()
    }

    /// The files of a commit or of the commit that a tag is of.
    pub fn files(&self, id: Id) -> Result<Files, GitError> {
        let (kind, content) = self.want(id)?;
        let mut files = Files::new();
        match kind {
            // A tag of a tag has been peeled by the server.
            Kind::Tag => return self.files(referred(content, "object")?),
            Kind::Commit => {
                let mut bytes = 0;
                let root = referred(content, "tree")?;
                self.folder(root, "", 0, &mut files, &mut bytes)?;
            }
            Kind::Folder | Kind::File => {
                return Err(GitError::new(format!("{id} is no commit")));
            }
        }
        Ok(files)
    }

    fn want(&self, id: Id) -> Result<&(Kind, Rc<[u8]>), GitError> {
        let missing = || GitError::new(format!("the server left out the object {id}"));
        self.get(id).ok_or_else(missing)
    }

    fn folder(
        &self,
        id: Id,
        path: &str,
        depth: usize,
        files: &mut Files,
        bytes: &mut usize,
    ) -> Result<(), GitError> {
        let (Kind::Folder, content) = self.want(id)? else {
            return Err(GitError::new(format!("{path:?} is no folder")));
        };
        if depth == FOLDER_DEPTH_MAX {
            return Err(GitError::new(format!("{path:?} is nested too deep")));
        }
        for entry in (Entries { rest: content }) {
            let Entry { mode, name, id } = entry?;
            let path = format!("{path}{name}");
            match mode {
                "40000" => self.folder(id, &format!("{path}/"), depth + 1, files, bytes)?,
                "100644" | "100755" | "100664" => {
                    let (Kind::File, content) = self.want(id)? else {
                        return Err(GitError::new(format!("{path:?} is no file")));
                    };
                    *bytes += content.len();
                    if files.len() == FILES_MAX || *bytes > FILE_BYTES_MAX {
                        return Err(GitError::new("the commit has too many or too large files"));
                    }
                    files.insert(path, content.clone());
                }
                // Links and commits of other repositories.
                _ => {}
            }
        }
        Ok(())
    }
}

/// The id behind a word at the start of a commit or tag.
fn referred(content: &[u8], word: &str) -> Result<Id, GitError> {
    let line = content.split(|byte| *byte == b'\n').next();
    let id = line
        .and_then(|line| line.strip_prefix(word.as_bytes()))
        .and_then(|line| line.strip_prefix(b" "))
        .and_then(Id::parse);
    id.ok_or_else(|| GitError::new(format!("an object does not begin with its {word}")))
}

struct Entry<'a> {
    mode: &'a str,
    name: &'a str,
    id: Id,
}

/// The entries of a folder: `mode name NUL id`.
struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = entry(self.rest);
        self.rest = match &entry {
            Some((_, rest)) => rest,
            None => &[],
        };
        let entry = entry.map(|(entry, _)| entry);
        Some(entry.ok_or_else(|| GitError::new("a folder has an entry that cannot be")))
    }
}

/// Names that could lead out of the folder that files are written to are refused.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let (mode, name) = head.split_once(' ')?;
    let plain = !name.is_empty()
        && !matches!(name, "." | "..")
        && !name.contains(['/', '\\', ':'])
        && !name.eq_ignore_ascii_case(".git");
    let id = Id::from_bytes(bytes.get(end + 1..end + 21)?)?;
    let entry = Entry { mode, name, id };
    plain.then(|| (entry, &bytes[end + 21..]))
}
