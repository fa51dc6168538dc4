//! What of TLS a server speaks, by the names that Go gives to versions, cipher suites and curves,
//! which is how configurations know them.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};

use super::provider;

/// The bounds of what a server speaks; empty lists mean all that there is.
#[derive(Clone, Default)]
pub struct Narrow {
    suites: Vec<CipherSuite>,
    groups: Vec<NamedGroup>,
    oldest: Option<Version>,
    newest: Option<Version>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tls12,
    Tls13,
}

/// Spoken suites. Those of TLS 1.3 are always on, as in Go.
const SUITES: [(&str, CipherSuite); 11] = [
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

const GROUPS: [(&str, NamedGroup); 4] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519", NamedGroup::X25519),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

impl Narrow {
    /// Only these suites. An error names the one that is not spoken.
    pub fn suites(mut self, names: &[String]) -> Result<Narrow, String> {
        self.suites = chosen(&SUITES, "cipher suite", names)?;
        Ok(self)
    }

    /// Only these curves.
    pub fn curves(mut self, names: &[String]) -> Result<Narrow, String> {
        self.groups = chosen(&GROUPS, "curve", names)?;
        Ok(self)
    }

    /// Only versions from `oldest` to `newest`, each a name or empty. TLS 1.0 and 1.1 are not
    /// spoken: as the oldest they mean 1.2, as the newest they are refused.
    pub fn versions(mut self, oldest: &str, newest: &str) -> Result<Narrow, String> {
        self.oldest = match oldest {
            "" => None,
            "TLS10" | "TLS11" | "TLS12" => Some(Version::Tls12),
            "TLS13" => Some(Version::Tls13),
            other => return Err(format!("TLS version \"{other}\" is unknown; {VERSIONS}")),
        };
        self.newest = match newest {
            "" => None,
            "TLS12" => Some(Version::Tls12),
            "TLS13" => Some(Version::Tls13),
            "TLS10" | "TLS11" => {
                return Err(format!("\"{newest}\" is broken and not spoken; {VERSIONS}"));
            }
            other => return Err(format!("TLS version \"{other}\" is unknown; {VERSIONS}")),
        };
        match (self.oldest, self.newest) {
            (Some(oldest), Some(newest)) if newest < oldest => {
                Err("min_version is above max_version".to_owned())
            }
            _ => Ok(self),
        }
    }

    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        if self.suites.is_empty() && self.groups.is_empty() {
            return provider();
        }
        let mut narrowed = (*provider()).clone();
        if !self.suites.is_empty() {
            narrowed
                .cipher_suites
                .retain(|suite| suite.tls13().is_some() || self.suites.contains(&suite.suite()));
        }
        if !self.groups.is_empty() {
            let wanted = |group: NamedGroup| self.groups.contains(&group);
            narrowed.kx_groups.retain(|group| wanted(group.name()));
        }
        Arc::new(narrowed)
    }

    pub(super) fn spoken(
        &self,
        versions: &'static [&'static SupportedProtocolVersion],
    ) -> Vec<&'static SupportedProtocolVersion> {
        let of = |version: &SupportedProtocolVersion| match version.version {
            rustls::ProtocolVersion::TLSv1_3 => Version::Tls13,
            _ => Version::Tls12,
        };
        let fits = |version: &SupportedProtocolVersion| {
            let version = of(version);
            self.oldest.is_none_or(|oldest| oldest <= version)
                && self.newest.is_none_or(|newest| version <= newest)
        };
        versions
            .iter()
            .copied()
            .filter(|version| fits(version))
            .collect()
    }
}

const VERSIONS: &str = "valid: TLS12, TLS13";

fn chosen<T: Copy>(known: &[(&str, T)], what: &str, names: &[String]) -> Result<Vec<T>, String> {
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let Some((_, value)) = known.iter().find(|(known, _)| known == name) else {
            let valid: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let valid = valid.join(", ");
            return Err(format!("{what} \"{name}\" is not spoken; valid: {valid}"));
        };
        found.push(*value);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_go_and_what_is_broken_is_refused() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let narrow = Narrow::default()
            .suites(&names(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]))
            .and_then(|narrow| narrow.curves(&names(&["CurveP256"])))
            .and_then(|narrow| narrow.versions("TLS10", "TLS12"))
            .expect("all are spoken");
        let provider = narrow.provider();
        let older = provider
            .cipher_suites
            .iter()
            .filter(|it| it.tls13().is_none());
        assert_eq!(older.count(), 1);
        assert_eq!(provider.kx_groups.len(), 1);
        let spoken = narrow.spoken(super::super::versions(super::super::MinVersion::Tls12));
        assert_eq!(spoken.len(), 1);
        let rc4 = Narrow::default().suites(&names(&["TLS_RSA_WITH_RC4_128_SHA"]));
        assert!(
            rc4.err()
                .expect("RC4 is broken")
                .contains("is not spoken; valid: TLS_AES_128")
        );
        assert!(Narrow::default().versions("TLS13", "TLS12").is_err());
        assert!(Narrow::default().versions("", "TLS11").is_err());
    }
}
