//! The trace state of a span: members of vendors, of which `ot` says how it was sampled.

use super::threshold::{Randomness, Threshold};

/// Limit: members, as W3C says.
const MEMBERS_MAX: usize = 32;
/// Limit: bytes of all members.
const BYTES_MAX: usize = 1024;
/// Limit: bytes of `ot`.
const OT_BYTES_MAX: usize = 256;

/// A trace state that was read whole.
#[derive(Debug, Default, PartialEq)]
pub struct TraceState {
    pub randomness: Option<Randomness>,
    pub threshold: Option<Threshold>,
    /// What else `ot` says.
    others: Vec<String>,
    /// Members of others.
    members: Vec<String>,
}

impl TraceState {
    pub fn parse(text: &str) -> Result<TraceState, String> {
        let mut state = TraceState::default();
        if BYTES_MAX < text.len() {
            return Err(format!("a trace state has at most {BYTES_MAX} bytes"));
        }
        if text.is_empty() {
            return Ok(state);
        }
        let members = text
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']));
        for (index, member) in members.enumerate() {
            let parts = member
                .split_once('=')
                .filter(|(key, value)| is_member(key, value));
            let Some((key, value)) = parts else {
                return Err(format!("{member:?} is not a member of a trace state"));
            };
            if index == MEMBERS_MAX {
                return Err(format!("a trace state has at most {MEMBERS_MAX} members"));
            }
            match key {
                "ot" => state.read_ot(value)?,
                _ => state.members.push(member.to_owned()),
            }
        }
        Ok(state)
    }

    fn read_ot(&mut self, text: &str) -> Result<(), String> {
        if OT_BYTES_MAX < text.len() {
            return Err(format!("the member ot has at most {OT_BYTES_MAX} bytes"));
        }
        for part in text.split(';') {
            match part
                .split_once(':')
                .filter(|(key, value)| is_ot_part(key, value))
            {
                Some(("rv", value)) => self.randomness = Some(Randomness::parse(value)?),
                Some(("th", value)) => self.threshold = Some(Threshold::parse(value)?),
                Some(_) => self.others.push(part.to_owned()),
                None => return Err(format!("{part:?} is not a part of the member ot")),
            }
        }
        Ok(())
    }

    /// `ot` first, as the newest member.
    pub fn text(&self) -> String {
        let mut ot = Vec::new();
        if let Some(randomness) = self.randomness {
            ot.push(format!("rv:{}", randomness.text()));
        }
        if let Some(threshold) = self.threshold {
            ot.push(format!("th:{}", threshold.text()));
        }
        ot.extend_from_slice(&self.others);
        let mut members = Vec::new();
        if !ot.is_empty() {
            members.push(format!("ot={}", ot.join(";")));
        }
        members.extend_from_slice(&self.members);
        members.join(",")
    }
}

fn is_member(key: &str, value: &str) -> bool {
    let is_key = match key.split_once('@') {
        None => is_key_of(key, 256) && key.starts_with(|c: char| c.is_ascii_lowercase()),
        Some((tenant, system)) => {
            is_key_of(tenant, 241)
                && is_key_of(system, 14)
                && tenant.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && system.starts_with(|c: char| c.is_ascii_lowercase())
        }
    };
    let is_value_byte = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    is_key && (1..=256).contains(&value.len()) && value.bytes().all(is_value_byte)
}

fn is_key_of(key: &str, bytes_max: usize) -> bool {
    let is_key_byte =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    (1..=bytes_max).contains(&key.len()) && key.bytes().all(is_key_byte)
}

fn is_ot_part(key: &str, value: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ot_says_is_read_and_the_rest_stays() {
        let mut state = TraceState::parse("a=1, ot=th:8;x:y, t@b=2").unwrap();
        assert_eq!(state.threshold, Some(Threshold::parse("8").unwrap()));
        state.threshold = Some(Threshold::parse("c").unwrap());
        assert_eq!(state.text(), "ot=th:c;x:y,a=1,t@b=2");
        assert_eq!(TraceState::parse("").unwrap().text(), "");
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for wrong in [
            "a", "=b", "A=b", "a=", "ot=th", "ot=th:xx", "ot=rv:1", "a=b,,c=d",
        ] {
            assert!(TraceState::parse(wrong).is_err(), "{wrong}");
        }
    }
}
