//! Labels of targets, as Prometheus writes them.

use std::collections::BTreeMap;
use std::fmt;

/// Labels by name, while a target is made.
pub type Labels = BTreeMap<String, String>;

/// A name that a label may have: what is no ASCII letter, digit or underscore becomes one.
pub fn sanitize(name: &str) -> String {
    let plain = |character: char| match character.is_ascii_alphanumeric() {
        true => character,
        false => '_',
    };
    name.chars().map(plain).collect()
}

/// `host:port`, with brackets around what holds colons.
pub fn host_port(host: &str, port: impl fmt::Display) -> String {
    match host.contains([':', '%']) {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// A target of its own labels and those that it shares; its own ones win.
pub fn target(own: &Labels, shared: &Labels) -> schema::Target {
    let pairs = shared.iter().chain(own);
    schema::Target::new(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Labels of a list of pairs.
pub fn of<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    pairs.into_iter().map(owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_written_as_in_prometheus() {
        assert_eq!(sanitize("a.b/c-dé_1"), "a_b_c_d__1");
        assert_eq!(host_port("h", 1), "h:1");
        assert_eq!(host_port("::1", "2"), "[::1]:2");
    }

    #[test]
    fn a_targets_own_labels_win() {
        let target = target(&of([("a", "own")]), &of([("a", "shared"), ("b", "2")]));
        assert_eq!(target, schema::Target::new([("a", "own"), ("b", "2")]));
    }
}
