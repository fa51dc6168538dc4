//! W3C trace state: `key=value` members, the newest first.

/// Limit: members of a state, by the specification.
const MEMBERS_MAX: usize = 32;

/// The value of a key; empty if it is absent, nothing if the state is invalid.
pub(super) fn get<'s>(state: &'s str, key: &str) -> Option<&'s str> {
    let members = members(state)?;
    let found = members.into_iter().find(|(other, _)| *other == key);
    Some(found.map_or("", |(_, value)| value))
}

/// The state with a key set: it moves to the front. Nothing if either would be invalid.
pub(super) fn insert(state: &str, key: &str, value: &str) -> Option<String> {
    if !is_key(key) || !is_value(value) {
        return None;
    }
    let mut out = format!("{key}={value}");
    let members = members(state)?;
    let others = members.into_iter().filter(|(other, _)| *other != key);
    for (key, value) in others.take(MEMBERS_MAX - 1) {
        out.push_str(&format!(",{key}={value}"));
    }
    Some(out)
}

/// The members of a state, if all are valid.
pub(super) fn members(state: &str) -> Option<Vec<(&str, &str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in state.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        let repeated = members.iter().any(|(other, _)| *other == key);
        if !is_key(key) || !is_value(value) || repeated || members.len() == MEMBERS_MAX {
            return None;
        }
        members.push((key, value));
    }
    Some(members)
}

fn is_key(key: &str) -> bool {
    let part = |part: &str, most: usize, first: fn(u8) -> bool| {
        let bytes = part.as_bytes();
        let known = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(b);
        (1..=most).contains(&bytes.len()) && first(bytes[0]) && bytes.iter().all(known)
    };
    let letter = |b: u8| b.is_ascii_lowercase();
    let letter_or_digit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    match key.split_once('@') {
        None => part(key, 256, letter),
        Some((tenant, system)) => part(tenant, 241, letter_or_digit) && part(system, 14, letter),
    }
}

fn is_value(value: &str) -> bool {
    let known = |b: u8| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=';
    value.len() <= 256 && !value.ends_with(' ') && value.bytes().all(known)
}
