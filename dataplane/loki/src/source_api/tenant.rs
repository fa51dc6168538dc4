//! The tenant that a request names.

/// Limit: the longest name that Loki takes.
const TENANT_BYTES_MAX: usize = 150;

/// The tenant of the header X-Scope-OrgID; none where it names several or none that can be one.
pub fn tenant(header: &str) -> Option<&str> {
    let mut names = header.split('|');
    let first = names.next()?;
    let same = names.all(|name| name == first);
    (same && is_tenant(first)).then_some(first)
}

fn is_tenant(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_.*'()".contains(&byte);
    !name.is_empty()
        && name.len() <= TENANT_BYTES_MAX
        && name.bytes().all(fits)
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_one_tenant_or_none() {
        assert_eq!(tenant("t-1_(x)"), Some("t-1_(x)"));
        assert_eq!(tenant("a|a"), Some("a"));
        for none in ["", "a|b", "a b", "..", "a/b", &"x".repeat(151)] {
            assert_eq!(tenant(none), None, "{none}");
        }
    }
}
