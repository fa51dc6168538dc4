//! A zip archive in memory: deflated entries, a directory at the end. Limit: entries and archive
//! below 4 GiB, which the contents of a bundle are by far.

use std::io::Write as _;

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;

/// Version 2.0: the first with deflate.
const VERSION: u16 = 20;
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// 1980-01-01, the first day that the format knows: when a file was made says the bundle itself.
const DATE: u16 = (1 << 5) | 1;

#[derive(Default)]
pub(super) struct Zip {
    archive: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    pub fn add(&mut self, name: &str, content: &[u8]) {
        let mut crc = Crc::new();
        crc.update(content);
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = deflate.write_all(content).and_then(|()| deflate.finish());
        let packed = packed.expect("writing to memory does not fail");
        let start = self.archive.len() as u32;
        let mut shared = Vec::new();
        for number in [VERSION, FLAGS, DEFLATED, 0, DATE] {
            shared.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), packed.len() as u32, content.len() as u32] {
            shared.extend(number.to_le_bytes());
        }
        shared.extend((name.len() as u16).to_le_bytes());
        // No extra field.
        shared.extend([0, 0]);
        self.archive.extend(b"PK\x03\x04");
        self.archive.extend(&shared);
        self.archive.extend(name.as_bytes());
        self.archive.extend(packed);
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&shared);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    pub fn finish(self) -> Vec<u8> {
        let Zip {
            mut archive,
            directory,
            count,
        } = self;
        let start = archive.len() as u32;
        archive.extend(&directory);
        archive.extend(b"PK\x05\x06\0\0\0\0");
        archive.extend(count.to_le_bytes());
        archive.extend(count.to_le_bytes());
        archive.extend((directory.len() as u32).to_le_bytes());
        archive.extend(start.to_le_bytes());
        archive.extend([0, 0]);
        archive
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn an_entry_stands_where_the_directory_says() {
        let mut zip = Zip::default();
        zip.add("a.txt", b"first");
        zip.add("b/c.txt", &[b'x'; 1000]);
        let bytes = zip.finish();
        let end = &bytes[bytes.len() - 22..];
        let number = |at: usize| u32::from_le_bytes(end[at..at + 4].try_into().expect("4 bytes"));
        let (size, start) = (number(12) as usize, number(16) as usize);
        assert_eq!(start + size + 22, bytes.len());
        let directory = &bytes[start..start + size];
        assert!(directory.ends_with(b"b/c.txt"));
        let at = directory.len() - 7 - 4;
        let entry = u32::from_le_bytes(directory[at..at + 4].try_into().expect("4 bytes")) as usize;
        assert!(bytes[entry..].starts_with(b"PK\x03\x04"));
        let packed = &bytes[entry + 30 + 7..start];
        let mut content = Vec::new();
        let read = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut content);
        read.expect("it was deflated");
        assert_eq!(content, [b'x'; 1000]);
    }
}
