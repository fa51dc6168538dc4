//! Reading one revision of a git repository: the newest commit of a branch, a tag or a commit by
//! its id, without its history.
//!
//! Only what an import needs of git: protocol version 2, `ls-refs` and a `fetch` of depth 1, whose
//! pack is read in memory. There is no repository on disk, nothing is merged and nothing is pushed.
//! Every byte comes from outside: sizes, counts and nesting are bounded (`limits.rs`), ids are
//! computed and not believed.

mod limits;
mod object;
mod pack;
mod packet;
mod remote;

use std::fmt;

pub use object::{Files, Id};
pub use pack::{sealed, unpack};
pub use remote::Remote;

use object::Objects;
use packet::{Packet, packets};

/// Why a repository could not be read, for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitError(String);

impl GitError {
    fn new(message: impl Into<String>) -> GitError {
        GitError(message.into())
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GitError {}

/// The id that a revision stands for now. Tags come before branches, as in Alloy.
pub async fn resolve(remote: &Remote, revision: &str) -> Result<Id, GitError> {
    let (tag, branch) = (
        format!("refs/tags/{revision}"),
        format!("refs/heads/{revision}"),
    );
    let mut request = command("ls-refs");
    packet::data(&mut request, b"peel\n");
    for name in [&tag, &branch] {
        packet::data(&mut request, format!("ref-prefix {name}\n").as_bytes());
    }
    packet::flush(&mut request);
    let answer = remote.exchange(request).await?;
    let refs = listed(&answer)?;
    let find = |wanted: &str| refs.iter().find(|(name, _)| name == wanted);
    if let Some((_, id)) = find(&tag).or_else(|| find(&branch)) {
        return Ok(*id);
    }
    Id::parse(revision.as_bytes())
        .ok_or_else(|| GitError::new(format!("there is no branch, tag or commit {revision:?}")))
}

/// All files of a commit, or of the commit of a tag.
pub async fn files(remote: &Remote, id: Id) -> Result<Files, GitError> {
    let mut request = command("fetch");
    for line in [
        "no-progress\n",
        "ofs-delta\n",
        "deepen 1\n",
        &format!("want {id}\n"),
        "done\n",
    ] {
        packet::data(&mut request, line.as_bytes());
    }
    packet::flush(&mut request);
    let answer = remote.exchange(request).await?;
    let objects: Objects = unpack(&packed(&answer)?)?;
    objects.files(id)
}

fn command(name: &str) -> Vec<u8> {
    let mut request = Vec::new();
    packet::data(&mut request, format!("command={name}\n").as_bytes());
    packet::delimiter(&mut request);
    request
}

/// The names and ids of an `ls-refs` answer; a tag with the id of what it stands for.
fn listed(answer: &[u8]) -> Result<Vec<(String, Id)>, GitError> {
    let mut refs = Vec::new();
    for packet in packets(answer)? {
        let Packet::Data(line) = packet? else { break };
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_end().split(' ');
        let id = words.next().and_then(|id| Id::parse(id.as_bytes()));
        let (Some(mut id), Some(name)) = (id, words.next()) else {
            return Err(GitError::new(format!("the server said {line:?}")));
        };
        let peeled = words.find_map(|word| word.strip_prefix("peeled:"));
        if let Some(peeled) = peeled.and_then(|peeled| Id::parse(peeled.as_bytes())) {
            id = peeled;
        }
        refs.push((name.to_owned(), id));
    }
    Ok(refs)
}

/// The pack in a `fetch` answer: what its first side band carries.
fn packed(answer: &[u8]) -> Result<Vec<u8>, GitError> {
    let mut pack = Vec::new();
    let mut inside = false;
    for packet in packets(answer)? {
        match packet? {
            Packet::Data(b"packfile\n") if !inside => inside = true,
            Packet::Data([1, data @ ..]) if inside => pack.extend_from_slice(data),
            Packet::Data([3, message @ ..]) if inside => {
                let message = String::from_utf8_lossy(message);
                return Err(GitError::new(format!(
                    "the server said {:?}",
                    message.trim()
                )));
            }
            Packet::Flush if inside => break,
            // Shallow commits before the pack, progress beside it.
            _ => {}
        }
    }
    if !inside {
        return Err(GitError::new("the server sent no pack"));
    }
    Ok(pack)
}

#[cfg(test)]
mod tests;
