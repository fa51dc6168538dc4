//! Who sent a request: what travels beside the data of a batch for those who ask.

use std::net::IpAddr;
use std::sync::Arc;

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    pub address: Option<IpAddr>,
    /// Headers, by lower-case name; only where the receiver was asked to keep them.
    pub metadata: Metadata,
    /// What authentication has found out, by name.
    pub identity: Vec<(&'static str, String)>,
}

impl Client {
    /// A client of which only metadata is known.
    #[must_use]
    pub fn with_metadata(metadata: Metadata) -> Arc<Client> {
        Arc::new(Client {
            metadata,
            ..Client::default()
        })
    }

    /// What authentication has found out under this name.
    #[must_use]
    pub fn identity(&self, name: &str) -> Option<&str> {
        let mut pairs = self.identity.iter();
        let found = pairs.find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Names with their values, in the order in which they came. There are a few dozen at most, so
/// that a list is searched faster than a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Vec<(String, Vec<String>)>);

impl Metadata {
    /// Adds a value; names are kept in lower case.
    pub fn add(&mut self, name: &str, value: String) {
        let name = name.to_ascii_lowercase();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// The values of a name in any case; none if there is no such name.
    #[must_use]
    pub fn get(&self, name: &str) -> &[String] {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (&**name, &**values))
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    #[test]
    fn names_are_found_in_any_case_with_all_their_values() {
        let mut metadata = Metadata::default();
        metadata.add("X-Tenant", "a".to_owned());
        metadata.add("x-tenant", "b".to_owned());
        assert_eq!(metadata.get("X-TENANT"), ["a", "b"]);
        assert!(metadata.get("other").is_empty());
    }
}
