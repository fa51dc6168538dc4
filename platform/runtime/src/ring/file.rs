//! Files on the ring: requests repeated until all bytes are moved.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::Ring;
use super::operation::{Request, run};

pub(crate) struct File {
    ring: Rc<Ring>,
    file: Arc<std::fs::File>,
}

impl File {
    pub(crate) fn new(ring: Rc<Ring>, file: Arc<std::fs::File>) -> File {
        File { ring, file }
    }

    pub(crate) fn std(&self) -> &Arc<std::fs::File> {
        &self.file
    }

    pub(crate) async fn write_at(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        self.write_all(bytes, offset, |from, offset| Request::Write {
            from,
            offset,
        })
        .await
    }

    pub(crate) async fn commit(&self, bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        if bytes.is_empty() {
            return (self.sync_data().await, bytes);
        }
        self.write_all(bytes, offset, |from, offset| Request::Commit {
            from,
            offset,
        })
        .await
    }

    pub(crate) async fn sync_data(&self) -> io::Result<()> {
        let (results, _) = run(&self.ring, &self.file, Vec::new(), Request::Sync).await;
        count(results?.first).map(drop)
    }

    pub(crate) async fn read_at(
        &self,
        mut bytes: Vec<u8>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<u8>) {
        let mut filled = 0;
        while filled < bytes.len() {
            let request = Request::Read {
                from: filled,
                offset: offset + filled as u64,
            };
            let (results, returned) = run(&self.ring, &self.file, bytes, request).await;
            bytes = returned;
            match results.and_then(|results| count(results.first)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (Err(error), bytes),
            }
        }
        (Ok(filled), bytes)
    }

    async fn write_all(
        &self,
        mut bytes: Vec<u8>,
        offset: u64,
        request: impl Fn(usize, u64) -> Request,
    ) -> (io::Result<()>, Vec<u8>) {
        let mut written = 0;
        while written < bytes.len() {
            let request = request(written, offset + written as u64);
            let (results, returned) = run(&self.ring, &self.file, bytes, request).await;
            bytes = returned;
            let results = match results {
                Ok(results) => results,
                Err(error) => return (Err(error), bytes),
            };
            match count(results.first) {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), bytes),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return (Err(error), bytes),
            }
            // A short write cancels the linked sync; the one linked to the rest covers both.
            let synced = count(results.second);
            if let (Err(error), true) = (synced, written == bytes.len()) {
                return (Err(error), bytes);
            }
        }
        (Ok(()), bytes)
    }
}

fn count(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
