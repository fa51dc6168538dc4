//! Leaves the pages of our code that only the start needed: parsers, command line, set-up.

use std::fs;

/// Drops every page of the program's text from this process. What runs again comes back from the
/// page cache with a minor fault.
pub(crate) fn release_text() {
    let (Ok(maps), Ok(program)) = (
        fs::read_to_string("/proc/self/maps"),
        fs::read_link("/proc/self/exe"),
    ) else {
        // Without /proc nothing is lost but a few resident megabytes.
        return;
    };
    let Some(program) = program.to_str() else {
        return;
    };
    for (start, end) in maps.lines().filter_map(|line| text_mapping(line, program)) {
        // SAFETY: the range is a mapping of this process that maps a file, executable and not
        // writable, so that none of its pages differs from the file: the kernel brings each back as
        // it was.
        // Why unsafe: no crate wraps madvise for a range that it did not map; it saves 6 MiB.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// The range of a line of `/proc/self/maps`, if it is text of `program`: `start-end r-xp ... path`.
fn text_mapping(line: &str, program: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    if words.next()? != "r-xp" || !line.ends_with(program) {
        return None;
    }
    Some((
        usize::from_str_radix(start, 16).ok()?,
        usize::from_str_radix(end, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_mappings_of_the_program_are_text() {
        let text = "55e0-55f0 r-xp 00001000 fe:00 12  /usr/bin/invar";
        assert_eq!(text_mapping(text, "/usr/bin/invar"), Some((0x55e0, 0x55f0)));
        let relocated = "55f0-5600 r--p 00002000 fe:00 12  /usr/bin/invar";
        assert_eq!(text_mapping(relocated, "/usr/bin/invar"), None);
        let library = "7f00-7f10 r-xp 00001000 fe:00 13  /lib/libc.so.6";
        assert_eq!(text_mapping(library, "/usr/bin/invar"), None);
    }

    /// Resident KiB of the program's text.
    fn resident_text() -> u64 {
        let program = fs::read_link("/proc/self/exe").expect("Linux has it");
        let program = program.to_str().expect("cargo's paths are UTF-8");
        let smaps = fs::read_to_string("/proc/self/smaps").expect("Linux has it");
        let mut lines = smaps.lines();
        let mut kibibytes = 0;
        while let Some(line) = lines.next() {
            if text_mapping(line, program).is_some() {
                let rss = lines
                    .find_map(|line| line.strip_prefix("Rss:"))
                    .expect("each mapping has it");
                kibibytes += rss
                    .trim()
                    .trim_end_matches(" kB")
                    .parse::<u64>()
                    .expect("a number");
            }
        }
        kibibytes
    }

    #[test]
    fn code_runs_on_after_its_pages_were_released() {
        let before = resident_text();
        release_text();
        let after = resident_text();
        assert!(after < before, "{after} KiB of {before} are still resident");
    }
}
