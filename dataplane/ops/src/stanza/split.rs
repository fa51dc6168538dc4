//! Where records of a stream end: at line feeds, or where patterns say so.

use std::ops::Range;

use crate::regex::GoRegex;

/// How a stream is split.
#[derive(Clone)]
pub struct Splitter {
    at: At,
    omit_pattern: bool,
    bytes_max: usize,
}

#[derive(Clone)]
enum At {
    LineFeed,
    Start(GoRegex),
    End(GoRegex),
    /// Behind as many bytes as the number in front says.
    Count,
    /// Nowhere: what is there is one record.
    Never,
}

/// The first record: where it is, and how many bytes it takes with what separates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub record: Range<usize>,
    pub used: usize,
}

impl Splitter {
    /// At line feeds.
    #[must_use]
    pub fn lines(bytes_max: usize) -> Splitter {
        Splitter::at(At::LineFeed, false, bytes_max)
    }

    /// By the length in front of each record, which stays with it.
    #[must_use]
    pub fn counted(bytes_max: usize) -> Splitter {
        Splitter::at(At::Count, false, bytes_max)
    }

    /// A packet is a record.
    #[must_use]
    pub fn whole(bytes_max: usize) -> Splitter {
        Splitter::at(At::Never, false, bytes_max)
    }

    /// Where a record begins.
    pub fn start(pattern: &str, omit: bool, bytes_max: usize) -> Result<Splitter, String> {
        let regex = GoRegex::new(&format!("(?m){pattern}"))?;
        Ok(Splitter::at(At::Start(regex), omit, bytes_max))
    }

    /// Where a record ends.
    pub fn end(pattern: &str, omit: bool, bytes_max: usize) -> Result<Splitter, String> {
        let regex = GoRegex::new(&format!("(?m){pattern}"))?;
        Ok(Splitter::at(At::End(regex), omit, bytes_max))
    }

    fn at(at: At, omit_pattern: bool, bytes_max: usize) -> Splitter {
        Splitter {
            at,
            omit_pattern,
            // Limit: at most 64 MiB, however much is allowed; what is longer is cut there.
            bytes_max: bytes_max.clamp(1, 64 << 20),
        }
    }

    /// The longest record; longer ones are cut.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The first record of what is there; none when more has to come. With `ended`, nothing will.
    #[must_use]
    pub fn next(&self, bytes: &[u8], ended: bool) -> Option<Found> {
        let found = self.complete(bytes).or_else(|| {
            (ended && !bytes.is_empty()).then_some(Found {
                record: 0..bytes.len(),
                used: bytes.len(),
            })
        });
        let too_long = found
            .as_ref()
            .is_some_and(|found| self.bytes_max < found.record.end);
        if too_long || (found.is_none() && self.bytes_max <= bytes.len()) {
            let end = self.bytes_max;
            return Some(Found {
                record: 0..end,
                used: end,
            });
        }
        found
    }

    fn complete(&self, bytes: &[u8]) -> Option<Found> {
        match &self.at {
            At::Never => None,
            At::Count => {
                let space = memchr::memchr(b' ', bytes)?;
                let len: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
                let used = len.checked_add(space + 1)?;
                (used <= bytes.len()).then_some(Found {
                    record: 0..used,
                    used,
                })
            }
            At::LineFeed => {
                let end = memchr::memchr(b'\n', bytes)?;
                let carriage = end > 0 && bytes[end - 1] == b'\r';
                Some(Found {
                    record: 0..end - usize::from(carriage),
                    used: end + 1,
                })
            }
            At::Start(regex) => {
                let mut matches = regex.find_all(text(bytes));
                let first = matches.next()?;
                if first.start > 0 {
                    return Some(Found {
                        record: 0..first.start,
                        used: first.start,
                    });
                }
                let second = matches.find(|next| next.start > 0)?;
                let start = if self.omit_pattern { first.end } else { 0 };
                Some(Found {
                    record: start..second.start,
                    used: second.start,
                })
            }
            At::End(regex) => {
                let found = regex.find_all(text(bytes)).find(|found| found.end > 0)?;
                let end = if self.omit_pattern {
                    found.start
                } else {
                    found.end
                };
                Some(Found {
                    record: 0..end,
                    used: found.end,
                })
            }
        }
    }
}

/// As much as is valid UTF-8: patterns are of characters.
fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            std::str::from_utf8(valid).expect("valid up to there")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(splitter: &Splitter, text: &str) -> Vec<String> {
        let mut rest = text.as_bytes();
        let mut records = Vec::new();
        while let Some(found) = splitter.next(rest, true) {
            let record = String::from_utf8_lossy(&rest[found.record]).into_owned();
            records.push(record);
            rest = &rest[found.used..];
        }
        records
    }

    #[test]
    fn lines_lose_their_ends() {
        let lines = Splitter::lines(100);
        assert_eq!(all(&lines, "a\r\n\nb"), ["a", "", "b"]);
        assert_eq!(lines.next(b"a", false), None);
    }

    #[test]
    fn patterns_say_where_records_begin_and_end() {
        let start = Splitter::start("^\\d", false, 100).unwrap();
        assert_eq!(all(&start, "1 a\n b\n2 c"), ["1 a\n b\n", "2 c"]);
        let omitted = Splitter::start("^\\d ", true, 100).unwrap();
        assert_eq!(all(&omitted, "1 a\n2 c\n3 d"), ["a\n", "c\n", "3 d"]);
        let end = Splitter::end(";", true, 100).unwrap();
        assert_eq!(all(&end, "a;b;c"), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(all(&Splitter::lines(2), "abcde\nf"), ["ab", "cd", "e", "f"]);
    }
}
