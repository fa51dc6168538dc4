//! The sizes of the format and the bounds of a lane.

use std::time::Duration;

/// Bytes before a record's payload.
pub const RECORD_HEADER_BYTES: usize = 40;

/// Records start at multiples of this, so that a search for the next one looks at each eighth byte.
pub const RECORD_ALIGNMENT: usize = 8;

/// Bytes before a segment's first record: one sector, so that a torn or bad sector there costs no
/// record.
pub const SEGMENT_HEADER_BYTES: u64 = 512;

/// Limit: the smallest segment, one page. Only tests want one.
pub const SEGMENT_BYTES_MIN: u64 = 4096;

/// Limit: the largest segment. Offsets are stored in 32 bits.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Limit: the longest payload. A segment also bounds it.
pub const PAYLOAD_BYTES_MAX: u64 = 64 << 20;

/// Limit: destinations of a lane. Each costs a place in the cursor file and a reader.
pub const DESTINATIONS_MAX: usize = 64;

/// Limit: the longest name of a destination.
pub const DESTINATION_NAME_BYTES_MAX: usize = 255;

/// Bytes of the cursor file before the entries of a slot.
pub const CURSOR_SLOT_HEADER_BYTES: usize = 48;

/// Bytes of an entry of the cursor file beside its name.
pub const CURSOR_ENTRY_BYTES: usize = 26;

/// Size of each of the two slots of the cursor file.
pub const CURSOR_SLOT_BYTES: usize = 32 << 10;

/// Limit: folders above a lane's that are synced when it is opened: the shard's, the node's, the
/// storage folder and the one that holds it.
pub const FOLDERS_SYNCED_MAX: usize = 4;

/// How long an ack may be known to memory only. After the process dies that much is sent again; at
/// 200 small writes a second it costs a core about a thousandth.
pub const CURSOR_NOTE_INTERVAL: Duration = Duration::from_millis(5);

/// How long an ack may be known to the page cache only. After a power loss that much is sent again.
pub const CURSOR_SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// Limit: saves of the cursors that may fail before files are removed all the same. A crash then
/// counts what was acked meanwhile as lost; without end the disk would fill.
pub const CURSOR_SAVES_FAILED_MAX: u32 = 16;

/// Limit: the same where it is space that is missing: that is what removing files gives.
pub const CURSOR_SAVES_WITHOUT_SPACE_MAX: u32 = 3;

/// How often a lane looks after its files when nothing wakes it: age, reserve, spare.
pub const KEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Limit: files kept for reuse. One is what a steady flow needs: it empties and fills one at a
/// time.
pub const SPARES_MAX: usize = 1;

/// Limit: segments that stay mapped for readers: the one that is written and the one before it, so
/// that a reader close to the end does not meet the disk when a segment is full.
pub const MAPPED_SEGMENTS_MAX: usize = 2;

/// What is read at once of a segment that is not mapped. Large enough for the disk, small enough to
/// keep for each reader.
pub const WINDOW_BYTES: usize = 256 << 10;

/// The unit in which a disk loses bytes; a read that fails is tried again in steps of it.
pub const BLOCK_BYTES: u64 = 4096;

/// Limit: attempts to read a block while a lane is opened: 0.05 + 0.1 + 0.2 seconds.
pub const READ_ATTEMPTS_AT_START_MAX: u32 = 5;

/// Limit: attempts to read a block before it counts as lost: 0.05 + 0.1 + ... + 3.2 + 5 + 5 + 5 =
/// 21 seconds. A disk that is away for longer is a matter for people.
pub const READ_ATTEMPTS_MAX: u32 = 12;

/// The wait before an attempt to read a block or open a file is repeated; doubles each time.
pub const READ_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Limit: the longest such wait.
pub const READ_RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// Limit: segments tried for one commit. A second one is the answer to a failed sync; when that
/// fails as well it is the disk and not the file.
pub const COMMIT_ATTEMPTS_MAX: u32 = 2;

/// How long a lane refuses without asking the disk again after it was full or failed.
pub const REFUSE_INTERVAL: Duration = Duration::from_millis(250);

/// Limit: what a lane keeps in quarantine. More is counted only.
pub const QUARANTINE_BYTES_MAX: u64 = 16 << 20;

/// Limit: longest piece in quarantine. A piece is for people to look at; the rest of a long run of
/// bad bytes tells them no more.
pub const QUARANTINE_PIECE_BYTES_MAX: u64 = 1 << 20;

/// Limit: corrupt places remembered so that each counts once. Beyond that some count again.
pub const QUARANTINE_SEEN_MAX: usize = 4096;

/// Limit: failed commits remembered for those who ask late. An older ticket that was not committed
/// before is answered as failed, which is safe.
pub const DISCARDS_MAX: usize = 256;

const _: () = {
    // Records stay aligned: the header of a segment and of a record are multiples of the alignment.
    assert!(SEGMENT_HEADER_BYTES.is_multiple_of(RECORD_ALIGNMENT as u64));
    assert!(RECORD_HEADER_BYTES.is_multiple_of(RECORD_ALIGNMENT));
    // A segment has room for its header and a record.
    assert!(SEGMENT_HEADER_BYTES + (RECORD_HEADER_BYTES as u64) < SEGMENT_BYTES_MIN);
    assert!(SEGMENT_BYTES_MIN <= SEGMENT_BYTES_MAX);
    // Offsets fit into 32 bits, payload lengths too.
    assert!(SEGMENT_BYTES_MAX <= u32::MAX as u64);
    assert!(PAYLOAD_BYTES_MAX < SEGMENT_BYTES_MAX);
    // All cursors with the longest names: 48 + 64 * (26 + 255) = 18,032 bytes.
    assert!(
        CURSOR_SLOT_HEADER_BYTES
            + DESTINATIONS_MAX * (CURSOR_ENTRY_BYTES + DESTINATION_NAME_BYTES_MAX)
            <= CURSOR_SLOT_BYTES
    );
    // The two slots never share a block, so that a torn write hits one of them.
    assert!((CURSOR_SLOT_BYTES as u64).is_multiple_of(BLOCK_BYTES));
    assert!((WINDOW_BYTES as u64).is_multiple_of(BLOCK_BYTES));
    assert!(QUARANTINE_PIECE_BYTES_MAX <= QUARANTINE_BYTES_MAX);
};
