//! How much memory this process may use, and how much it does.

#[cfg(target_os = "linux")]
pub(crate) mod cgroup;
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
#[cfg(target_os = "linux")]
mod text;

/// Bytes that this process can use before the system kills or starves it: the machine's memory, or
/// the container's limit where that is lower.
pub fn memory_limit() -> u64 {
    system::memory_limit()
}

/// Bytes of memory that are resident for this process, zero where the system does not tell.
pub fn resident_bytes() -> u64 {
    system::resident_bytes().unwrap_or(0)
}

/// Bytes of memory that belong to this process alone and that the system cannot take back, which
/// pages of mapped files are not; all that is resident where the system does not tell them apart.
pub fn anonymous_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    let bytes = system::anonymous_bytes();
    #[cfg(not(target_os = "linux"))]
    let bytes = system::resident_bytes();
    bytes.unwrap_or(0)
}

/// Drops pages of the program's code that are not needed again soon from the resident set, where
/// the system can do that. To be called once the start is over.
pub fn release_text() {
    #[cfg(target_os = "linux")]
    text::release_text();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_less_than_its_limit() {
        let resident = resident_bytes();
        assert!(resident > 0);
        assert!(
            resident < memory_limit(),
            "{resident} of {}",
            memory_limit()
        );
    }

    #[test]
    fn memory_of_this_process_alone_grows_by_what_it_writes() {
        const BYTES: u64 = 64 << 20;
        let before = anonymous_bytes();
        let written = vec![1u8; BYTES as usize];
        let grown = anonymous_bytes();
        assert!(grown <= resident_bytes() + BYTES, "{grown}");
        assert!(before + BYTES / 2 < grown, "{before}, then {grown}");
        drop(std::hint::black_box(written));
    }
}
