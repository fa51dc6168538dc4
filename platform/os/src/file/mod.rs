//! Files as a log needs them: positional reads and writes, space allocated for real, folders
//! synced, and read-only mappings. All calls block; `runtime` moves them off the shard or onto a
//! ring.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(target_os = "freebsd")]
#[path = "freebsd.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;
#[cfg(target_os = "windows")]
#[path = "windows.rs"]
mod system;
#[cfg(unix)]
mod unix;

mod mapping;

pub use mapping::Mapping;

/// Reads into `bytes` from `offset` until it is full or the file ends; gives the bytes read.
pub fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match positional::read(file, &mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes all of `bytes` at `offset`.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match positional::write(file, &bytes[written..], offset + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the file at least `len` bytes long with blocks behind all of them, so that a full disk is
/// an error here and neither a failing write nor a fault in a mapping later.
pub fn allocate(file: &File, len: u64) -> io::Result<()> {
    system::allocate(file, len)
}

/// Makes a folder's entries (files created, renamed, removed) survive a power loss. Windows has no
/// such call: its file systems journal names.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    system::sync_dir(path)
}

#[cfg(unix)]
mod positional {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(bytes, offset)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }
}

#[cfg(windows)]
mod positional {
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::FileExt;

    pub(super) fn read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek_read(bytes, offset)
    }

    pub(super) fn write(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.seek_write(bytes, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, File) {
        let folder = tempfile::tempdir().unwrap();
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.path().join("file"))
            .unwrap();
        (folder, file)
    }

    #[test]
    fn positional_reads_stop_at_the_end_of_the_file() {
        let (_folder, file) = scratch();
        write_all_at(&file, b"hello", 10).unwrap();
        let mut bytes = [1u8; 20];
        assert_eq!(read_at(&file, &mut bytes, 0).unwrap(), 15);
        assert_eq!(&bytes[..15], b"\0\0\0\0\0\0\0\0\0\0hello");
        assert_eq!(read_at(&file, &mut bytes, 15).unwrap(), 0);
    }

    #[test]
    fn allocation_gives_real_blocks_and_keeps_content() {
        let (_folder, file) = scratch();
        write_all_at(&file, b"kept", 0).unwrap();
        allocate(&file, 1 << 20).unwrap();
        allocate(&file, 4096).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(
            metadata.len(),
            1 << 20,
            "a smaller allocation does not shrink the file"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            assert!(
                metadata.blocks() * 512 >= 1 << 20,
                "{} blocks",
                metadata.blocks()
            );
        }
        let mut bytes = [0u8; 4];
        read_at(&file, &mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"kept");
    }

    #[test]
    fn more_space_than_the_disk_has_is_an_error() {
        let (_folder, file) = scratch();
        // 2^60 bytes: more than any disk these tests run on.
        let error = allocate(&file, 1 << 60).unwrap_err();
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge
        );
        assert!(full, "{error:?}");
    }

    #[test]
    fn a_mapping_sees_later_writes_and_keeps_its_length() {
        let (_folder, file) = scratch();
        allocate(&file, 8192).unwrap();
        let mapping = Mapping::new(&file, 8192).unwrap();
        write_all_at(&file, b"late", 4096).unwrap();
        assert_eq!(mapping.len(), 8192);
        assert_eq!(&mapping.as_slice()[4096..4100], b"late");
    }

    #[test]
    fn a_mapping_beyond_the_end_of_the_file_is_refused() {
        let (_folder, file) = scratch();
        allocate(&file, 4096).unwrap();
        assert!(
            Mapping::new(&file, 4097).is_err(),
            "touching it would be a fault"
        );
    }

    #[test]
    fn an_empty_file_maps_to_nothing() {
        let (_folder, file) = scratch();
        assert!(Mapping::new(&file, 0).unwrap().as_slice().is_empty());
    }

    #[test]
    fn folders_sync_and_missing_ones_are_errors() {
        let (folder, _file) = scratch();
        sync_dir(folder.path()).unwrap();
        if cfg!(unix) {
            assert!(sync_dir(&folder.path().join("missing")).is_err());
        }
    }
}
