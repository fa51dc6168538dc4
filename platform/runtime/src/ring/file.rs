//! Files on the ring.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::Ring;

pub(crate) struct File {
    _ring: Rc<Ring>,
    file: Arc<std::fs::File>,
}

impl File {
    pub(crate) fn new(ring: Rc<Ring>, file: Arc<std::fs::File>) -> File {
        File { _ring: ring, file }
    }

    pub(crate) fn std(&self) -> &Arc<std::fs::File> {
        &self.file
    }

    pub(crate) async fn write_at(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        (os::file::write_all_at(&self.file, &bytes, offset), bytes)
    }

    pub(crate) async fn read_at(
        &self,
        mut bytes: Vec<u8>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<u8>) {
        (os::file::read_at(&self.file, &mut bytes, offset), bytes)
    }

    pub(crate) async fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(crate) async fn commit(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        (
            os::file::write_all_at(&self.file, &bytes, offset).and_then(|()| self.file.sync_data()),
            bytes,
        )
    }
}
