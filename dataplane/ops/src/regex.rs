//! Go's regular expressions (RE2 syntax) on Rust's engine.

/// A pattern that must match the whole text, as everywhere in Prometheus: `^(?s:pattern)$`.
#[derive(Debug, Clone)]
pub struct Anchored {
    pattern: String,
    regex: ::regex::Regex,
}

impl Anchored {
    pub fn new(pattern: &str) -> Result<Anchored, String> {
        let regex = ::regex::Regex::new(&format!("^(?s:{pattern})$"));
        Ok(Anchored {
            pattern: pattern.to_owned(),
            regex: regex.map_err(|error| error.to_string())?,
        })
    }

    /// As written by the user.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Anchored {
    fn eq(&self, other: &Anchored) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Anchored {}
