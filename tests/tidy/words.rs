//! Words that do not reach the main branch, words that two planes do without, and paths of one
//! machine.

use crate::{Finding, report, repository};

#[test]
fn unfinished_work_does_not_reach_the_main_branch() {
    const CODE: [(&str, &str); 6] = [
        ("todo!", "finish it"),
        ("unimplemented!", "finish it"),
        ("dbg!", "remove it"),
        (
            "#[ignore",
            "make it pass, or say in a known difference why it cannot",
        ),
        (
            "#[should_panic",
            "assert what happens, and say why it is wrong",
        ),
        ("allow(dead_code)", "remove what nobody uses"),
    ];
    let mut findings = Vec::new();
    for source in &repository().sources {
        for (index, line) in source.scrubbed.code.lines().enumerate() {
            for (word, advice) in CODE.iter().filter(|(word, _)| line.contains(word)) {
                let message = format!("{word} is left here: {advice}");
                findings.push(Finding::new(&source.path, index + 1, message));
            }
        }
        for (index, line) in source.scrubbed.comments.lines().enumerate() {
            let unfinished = line.contains("FIXME") || line.contains("XXX");
            let unowned = line.contains("TODO") && !line.contains("TODO(#");
            if unfinished || unowned {
                let message = "a note of unfinished work needs an issue: TODO(#n)";
                findings.push(Finding::new(&source.path, index + 1, message));
            }
        }
    }
    report("words", findings);
}

/// A shard owns what it works on. Shards exchange owned values over channels.
#[test]
fn the_dataplane_and_the_log_have_no_locks() {
    let mut findings = Vec::new();
    let sources = repository().sources.iter();
    for source in sources.filter(|source| ["dataplane", "wal"].contains(&source.folder())) {
        for (index, line) in source.scrubbed.code.lines().enumerate() {
            let letters = |letter: char| !letter.is_alphanumeric() && letter != '_';
            let lock = line
                .split(letters)
                .find(|word| ["Mutex", "RwLock"].contains(word));
            if let Some(lock) = lock {
                let message =
                    format!("{lock}: a shard owns its memory; hand values over a channel");
                findings.push(Finding::new(&source.path, index + 1, message));
            }
        }
    }
    report("locks", findings);
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let homes = ["work", "root", "Users"].map(|home| format!("/{home}/"));
    let kinds = [
        ".rs", ".toml", ".md", ".txt", ".py", ".sh", ".yml", ".yaml", ".alloy", "/run",
    ];
    let mut findings = Vec::new();
    for path in &repository().paths {
        if !kinds.iter().any(|kind| path.ends_with(kind)) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(repository().root.join(path)) else {
            continue;
        };
        for (index, line) in text.lines().enumerate() {
            let starts = |at: usize| {
                !line[..at]
                    .ends_with(|letter: char| letter.is_alphanumeric() || "._-}".contains(letter))
            };
            let found = homes
                .iter()
                .find(|home| line.match_indices(home.as_str()).any(|(at, _)| starts(at)));
            if let Some(home) = found {
                let message = format!("a path below {home} exists on one machine only");
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
    report("paths", findings);
}
