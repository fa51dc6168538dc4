//! What a masked text becomes: stars, or its hash.

use md5::Md5;
use ops::regex::GoRegex;
use schema::Secret;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};
use sha3::Sha3_256;

/// How a text is masked.
pub enum Mask {
    Stars,
    Sha1,
    Sha3,
    Md5,
    HmacSha256(Secret),
    HmacSha512(Secret),
}

impl Mask {
    pub fn new(function: &str, key: Option<&Secret>) -> Result<Mask, String> {
        let key = || match key {
            Some(key) if !key.expose().is_empty() => Ok(key.clone()),
            _ => Err(format!(
                "hmac_key must be set for hash_function {function:?}"
            )),
        };
        match function.to_ascii_lowercase().as_str() {
            "" => Ok(Mask::Stars),
            "sha1" => Ok(Mask::Sha1),
            "sha3" => Ok(Mask::Sha3),
            "md5" => Ok(Mask::Md5),
            "hmac-sha256" => key().map(Mask::HmacSha256),
            "hmac-sha512" => key().map(Mask::HmacSha512),
            _ => Err(format!(
                "unknown hash_function {function:?}, expected sha1, sha3, md5, hmac-sha256 or \
                 hmac-sha512"
            )),
        }
    }

    /// A text of stars, or the hash of the text.
    pub fn text(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        match self {
            Mask::Stars => "****".to_owned(),
            Mask::Sha1 => hexadecimal(&Sha1::digest(bytes)),
            Mask::Sha3 => hexadecimal(&Sha3_256::digest(bytes)),
            Mask::Md5 => hexadecimal(&Md5::digest(bytes)),
            Mask::HmacSha256(key) => hmac::<Sha256, 64>(key.expose().as_bytes(), bytes),
            Mask::HmacSha512(key) => hmac::<Sha512, 128>(key.expose().as_bytes(), bytes),
        }
    }

    /// The text with each match masked.
    pub fn matches(&self, text: &str, regex: &GoRegex) -> String {
        let mut masked = String::new();
        let mut rest = 0;
        for range in regex.find_all(text) {
            masked.push_str(&text[rest..range.start]);
            masked.push_str(&self.text(&text[range.clone()]));
            rest = range.end;
        }
        masked.push_str(&text[rest..]);
        masked
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 2104 with a hash of so many bytes a block.
fn hmac<D: Digest, const BLOCK: usize>(key: &[u8], text: &[u8]) -> String {
    let mut block = [0; BLOCK];
    match key.len() <= BLOCK {
        true => block[..key.len()].copy_from_slice(key),
        false => {
            let digest = D::digest(key);
            block[..digest.len()].copy_from_slice(&digest);
        }
    }
    let inner = D::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text)
        .finalize();
    let outer = D::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize();
    hexadecimal(&outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        let masked = |function, key: &str| {
            let key = Secret::new(key.to_owned());
            Mask::new(function, Some(&key)).map(|it| it.text("what do ya want for nothing?"))
        };
        // RFC 4231, test case 2.
        assert_eq!(
            masked("hmac-sha256", "Jefe").unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(
            masked("hmac-sha512", "Jefe")
                .unwrap()
                .starts_with("164b7a7bfcf819e2e395fbe7")
        );
        assert_eq!(
            masked("md5", "").unwrap(),
            "d03cb659cbf9192dcd066272249f8412"
        );
        assert_eq!(masked("", "").unwrap(), "****");
        assert!(masked("hmac-sha256", "").is_err());
        assert!(masked("crc", "").is_err());
    }

    #[test]
    fn only_what_matches_is_masked() {
        let regex = GoRegex::new("[0-9]+").unwrap();
        assert_eq!(Mask::Stars.matches("a1b22c", &regex), "a****b****c");
        let all = GoRegex::new(".*").unwrap();
        assert_eq!(Mask::Stars.matches("abc", &all), "****");
        assert_eq!(Mask::Stars.matches("", &all), "****");
    }
}
