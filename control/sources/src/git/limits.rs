//! Limits of what is read of a repository. Modules are some kilobytes; these leave room for a
//! repository that holds other things too, and bound the memory of a fetch to their sum.

/// Limit: bytes of an answer of a server. At it the fetch fails.
pub const ANSWER_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Limit: objects of a pack. Each costs about 100 bytes besides its content.
pub const OBJECTS_MAX: u32 = 500_000;

/// Limit: rounds through changes whose base stands after them. Servers write bases first.
pub const ROUNDS_MAX: usize = 64;

/// Limit: bytes of all objects of a pack, inflated.
pub const INFLATED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Limit: folders in each other; reading them recurses this far.
pub const FOLDER_DEPTH_MAX: usize = 64;

/// Limit: files of a commit, those in shared folders counted each time.
pub const FILES_MAX: usize = 200_000;

/// Limit: bytes of all files of a commit, shared ones counted each time.
pub const FILE_BYTES_MAX: usize = INFLATED_BYTES_MAX;
