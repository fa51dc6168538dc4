//! The named patterns of grok: those that every implementation has, of web servers and of syslog.
//!
//! A pattern that refers to others (`%{IPV4}`) gives what they match too, by their names: so which
//! refers to which is part of what users see.

/// A pattern a line: its name, a blank, and the expression.
const PATTERNS: &str = include_str!("grok_patterns.txt");

/// A pattern by its name. Asked when a statement is compiled, so that a walk will do.
pub(super) fn find(name: &str) -> Option<&'static str> {
    if name == "IPV6" {
        return Some(IPV6);
    }
    PATTERNS.lines().find_map(|line| {
        let pattern = line.strip_prefix(name)?.strip_prefix(' ')?;
        (!name.starts_with('#')).then_some(pattern)
    })
}

/// A number from 0 to 255 as part of an address.
macro_rules! octet {
    () => {
        r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    };
}

/// An IPv4 address inside an IPv6 one.
macro_rules! embedded {
    () => {
        concat!(octet!(), r"(?:\.", octet!(), "){3}")
    };
}

/// A group of an IPv6 address.
macro_rules! group {
    () => {
        "[0-9A-Fa-f]{1,4}"
    };
}

/// One form of an IPv6 address: some groups, the gap, and what may stand behind it.
macro_rules! gap {
    ($before:literal, $groups:literal, $few:literal) => {
        concat!(
            "(?:",
            group!(),
            ":){",
            $before,
            "}(?:(?::",
            group!(),
            "){1,",
            $groups,
            "}|(?::",
            group!(),
            "){0,",
            $few,
            "}:",
            embedded!(),
            "|:)"
        )
    };
}

const IPV6: &str = concat!(
    "(?:(?:",
    group!(),
    ":){7}(?:",
    group!(),
    "|:)|(?:",
    group!(),
    ":){6}(?::",
    group!(),
    "|",
    embedded!(),
    "|:)|(?:",
    group!(),
    ":){5}(?:(?::",
    group!(),
    "){1,2}|:",
    embedded!(),
    "|:)|",
    gap!("4", "3", "1"),
    "|",
    gap!("3", "4", "2"),
    "|",
    gap!("2", "5", "3"),
    "|",
    gap!("1", "6", "4"),
    "|:(?:(?::",
    group!(),
    "){1,7}|(?::",
    group!(),
    "){0,5}:",
    embedded!(),
    "|:))(?:%.+)?"
);
