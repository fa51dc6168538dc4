//! What a reload did, told to whoever asked for it.

use std::collections::BTreeSet;
use std::fmt;

/// Components by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub added: BTreeSet<String>,
    pub changed: BTreeSet<String>,
    pub removed: BTreeSet<String>,
    pub unchanged: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "config reloaded")?;
        for (word, ids) in [
            ("added", &self.added),
            ("changed", &self.changed),
            ("removed", &self.removed),
        ] {
            if !ids.is_empty() {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                writeln!(f, "{word}: {}", ids.join(", "))?;
            }
        }
        writeln!(f, "unchanged: {}", self.unchanged)
    }
}
