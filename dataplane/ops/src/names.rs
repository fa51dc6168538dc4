//! Metric and label names: which are legal.

/// How names are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, with colons in metric names: what Alloy takes as default.
    #[default]
    Legacy,
    /// Any text that is not empty.
    Utf8,
}

impl NameScheme {
    #[must_use]
    pub fn is_metric_name(self, name: &str) -> bool {
        match self {
            NameScheme::Legacy => is_legacy(name, true),
            NameScheme::Utf8 => !name.is_empty(),
        }
    }

    #[must_use]
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            NameScheme::Legacy => is_legacy(name, false),
            NameScheme::Utf8 => !name.is_empty(),
        }
    }
}

fn is_legacy(name: &str, colons: bool) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
    !name.is_empty() && name.bytes().all(legal) && !name.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::NameScheme::{Legacy, Utf8};

    #[test]
    fn legacy_names_are_ascii_and_start_without_a_digit() {
        for name in ["a", "_", "A1", "__name__"] {
            assert!(
                Legacy.is_label_name(name) && Legacy.is_metric_name(name),
                "{name}"
            );
        }
        for name in ["", "1a", "a-b", "a.b", "é", " a", "a b"] {
            assert!(
                !Legacy.is_label_name(name) && !Legacy.is_metric_name(name),
                "{name}"
            );
        }
        assert!(Legacy.is_metric_name("a:b:c") && !Legacy.is_label_name("a:b"));
    }

    #[test]
    fn utf8_names_are_anything_but_empty() {
        assert!(Utf8.is_metric_name("a.b é") && Utf8.is_label_name(" "));
        assert!(!Utf8.is_metric_name("") && !Utf8.is_label_name(""));
    }
}
