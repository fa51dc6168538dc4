//! What all Unix systems share.

use std::fs::File;
use std::io;
use std::path::Path;

/// A folder is synced through a handle on itself.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
