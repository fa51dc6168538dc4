//! What moved since the positions of a shard were last written whole: a line for each file and
//! acknowledged batch, appended right behind the acknowledgement.
//!
//! `positions-shard-N-A.log` and `-B.log` take turns, so that one is complete while the other is
//! begun anew. The first line about a file in a journal says all; later ones have its number:
//!
//! ```text
//! {"number":0,"path":"/var/log/a","labels":"{}","offset":10,...,"saved_ms":7}
//! 0 25 2049 131 1024 11400714819323198485 1700000000123456789 8
//! number offset device inode head_bytes head_hash modified_ns saved_ms
//! ```
//!
//! It is not synced: the death of the process costs nothing that was written, and a power loss
//! only makes lines come again. A line that is torn or missing costs the same.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use runtime::fs::{self, File, Identity, OpenOptions};

use super::opened::Head;
use super::positions::{Key, Known, NO_FILE, Position, Saved, line_of, read_line};

/// What names of journals end with; one of them is written at a time.
const TURNS: [&str; 2] = ["-A.log", "-B.log"];

/// A file's number in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the journals that were begun.
    journal: u64,
    number: u64,
}

/// The journal of a shard.
pub struct Journal {
    /// Of the shard's files, without their ends.
    stem: PathBuf,
    file: Option<std::rc::Rc<File>>,
    /// How many were begun.
    begun: u64,
    files: u64,
    bytes: u64,
    /// The last time that was given out.
    saved_ms: i64,
}

/// Text that is to be written, and where.
pub struct Piece {
    file: std::rc::Rc<File>,
    text: Vec<u8>,
    offset: u64,
}

impl Piece {
    pub async fn write(self) -> io::Result<()> {
        self.file.write_at(self.text, self.offset).await.0
    }
}

impl Journal {
    /// `saved_ms` is the latest time that was found on disk.
    pub fn new(stem: PathBuf, saved_ms: i64) -> Journal {
        Journal {
            stem,
            file: None,
            begun: 0,
            files: 0,
            bytes: 0,
            saved_ms,
        }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The wall clock, but always later than before, so that of two positions the younger is known
    /// whatever the clock does.
    pub fn next_ms(&mut self) -> i64 {
        self.saved_ms = runtime::wall_ms().max(self.saved_ms + 1);
        self.saved_ms
    }

    /// The file that is next, empty. What it had is older than what was last written whole.
    pub async fn open_next(stem: &Path, begun: u64) -> io::Result<File> {
        let options = OpenOptions {
            truncate: true,
            ..OpenOptions::create()
        };
        fs::open(&with_end(stem, turn(begun)), &options).await
    }

    pub fn stem(&self) -> &Path {
        &self.stem
    }

    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Goes on in this file.
    pub fn begin(&mut self, file: File) {
        self.file = Some(std::rc::Rc::new(file));
        self.begun += 1;
        self.files = 0;
        self.bytes = 0;
    }

    /// Lines for positions that have moved; `place` of each is where its number is kept. Nothing
    /// before the first journal was begun.
    pub fn lines<'a>(
        &mut self,
        moved: impl Iterator<Item = (&'a Key, Position, &'a std::cell::Cell<Option<Place>>)>,
    ) -> Option<Piece> {
        let file = self.file.clone()?;
        let saved_ms = self.next_ms();
        let mut text = Vec::new();
        for (key, position, place) in moved {
            let known = place.get().filter(|place| place.journal == self.begun);
            match known {
                Some(place) => short_line(place.number, position, saved_ms, &mut text),
                None => {
                    let number = self.files;
                    self.files += 1;
                    line_of(key, position, saved_ms, Some(number), &mut text);
                    let journal = self.begun;
                    place.set(Some(Place { journal, number }));
                }
            }
        }
        let offset = self.bytes;
        self.bytes += text.len() as u64;
        Some(Piece { file, text, offset })
    }
}

fn turn(begun: u64) -> &'static str {
    TURNS[(begun % 2) as usize]
}

fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The shard's part of a journal's name, if it is one.
pub fn stem_of(name: &str) -> Option<&str> {
    TURNS.iter().find_map(|turn| name.strip_suffix(turn))
}

fn short_line(number: u64, position: Position, saved_ms: i64, out: &mut Vec<u8>) {
    let Known {
        identity,
        head,
        modified_ns,
    } = position.file.unwrap_or(NO_FILE);
    let Position { offset, .. } = position;
    let line = format!(
        "{number} {offset} {} {} {} {} {modified_ns} {saved_ms}\n",
        identity.device, identity.inode, head.len, head.hash
    );
    out.extend_from_slice(line.as_bytes());
}

/// What a journal says, in its order. What is no line of ours was torn when the process died.
pub fn read(text: &[u8]) -> impl Iterator<Item = Saved> {
    let mut keys: HashMap<u64, Key> = HashMap::new();
    text.split(|byte| *byte == b'\n').filter_map(move |line| {
        // Space that was never written to may stand before what was.
        let begin = line.iter().position(|byte| *byte != 0)?;
        let line = &line[begin..];
        if line.starts_with(b"{") {
            let (saved, number) = read_line(line)?;
            keys.insert(number?, saved.key.clone());
            return Some(saved);
        }
        let (number, position, saved_ms) = read_short(line)?;
        let key = keys.get(&number)?.clone();
        Some(Saved {
            key,
            position,
            saved_ms,
        })
    })
}

fn read_short(line: &[u8]) -> Option<(u64, Position, i64)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(' ');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (of_file, offset) = (number()?, number()?);
    let (device, inode) = (number()?, number()?);
    let (len, hash) = (u16::try_from(number()?).ok()?, number()?);
    let modified_ns = i64::try_from(number()?).ok()?;
    let saved_ms = i64::try_from(number()?).ok()?;
    let file = Known {
        identity: Identity { device, inode },
        head: Head { len, hash },
        modified_ns,
    };
    let position = Position {
        offset,
        file: (file != NO_FILE).then_some(file),
    };
    fields
        .next()
        .is_none()
        .then_some((of_file, position, saved_ms))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn key(path: &str) -> Key {
        Key {
            path: path.to_owned(),
            labels: "{}".to_owned(),
        }
    }

    fn position(offset: u64) -> Position {
        let identity = Identity {
            device: 1,
            inode: 2,
        };
        let head = Head { len: 3, hash: 4 };
        Position {
            offset,
            file: Some(Known {
                identity,
                head,
                modified_ns: 5,
            }),
        }
    }

    async fn written(moves: &[&[(&str, u64)]]) -> Vec<u8> {
        fs::create_dir_all(Path::new("/s")).await.expect("a folder");
        let file = Journal::open_next(Path::new("/s/p"), 0).await;
        let mut journal = Journal::new(PathBuf::from("/s/p"), 0);
        journal.begin(file.expect("a file"));
        let places = [Cell::new(None), Cell::new(None)];
        for moved in moves {
            let moved = moved.iter().map(|(path, offset)| {
                let place = &places[usize::from(*path == "/b")];
                (key(path), position(*offset), place)
            });
            let moved: Vec<_> = moved.collect();
            let moved = moved.iter().map(|(key, at, place)| (key, *at, *place));
            let piece = journal.lines(moved).expect("it was begun");
            piece.write().await.expect("written");
        }
        fs::read(Path::new("/s/p-A.log")).await.expect("a journal")
    }

    fn offsets(text: &[u8]) -> Vec<(String, u64)> {
        let all = read(text).map(|saved| (saved.key.path, saved.position.offset));
        all.collect()
    }

    #[test]
    fn positions_are_found_in_the_order_in_which_they_moved() {
        runtime::sim::check(1, || async {
            let text = written(&[&[("/a", 1), ("/b", 2)], &[("/b", 3)], &[("/a", 4)]]).await;
            let expected = [("/a", 1), ("/b", 2), ("/b", 3), ("/a", 4)];
            assert_eq!(
                offsets(&text),
                expected.map(|(path, at)| (path.to_owned(), at))
            );
            let last = read(&text).last().expect("a line");
            assert_eq!(last.position, position(4));
        });
    }

    #[test]
    fn a_journal_cut_anywhere_gives_what_is_whole() {
        runtime::sim::check(2, || async {
            let text = written(&[&[("/a", 1)], &[("/a", 20)], &[("/a", 300)]]).await;
            let whole = offsets(&text);
            for end in 0..text.len() {
                let cut = offsets(&text[..end]);
                // A number that was cut within its last field is still a position that was acked.
                assert!(whole.starts_with(&cut), "{end}: {cut:?}");
            }
            let mut holes = text.clone();
            let second = text.iter().position(|b| *b == b'\n').expect("a line") + 1;
            holes[second..second + 4].fill(0);
            assert_eq!(
                offsets(&holes).len(),
                2,
                "the line with the hole is left out"
            );
        });
    }
}
