//! Who this installation is: a random id that stays the same over restarts.

use std::io;
use std::path::Path;

/// Compat: Alloy's file and form, so that an installation that moves keeps its id.
const FILE: &str = "alloy_seed.json";

/// The id below the storage path, made at the first start.
pub fn instance_id(storage: &Path) -> io::Result<String> {
    let path = storage.join(FILE);
    if let Ok(text) = std::fs::read(&path)
        && let Ok(seed) = serde_json::from_slice::<serde_json::Value>(&text)
        && let Some(id) = seed["UID"].as_str().filter(|id| !id.is_empty())
    {
        return Ok(id.to_owned());
    }
    let id = uuid(runtime::random_u64(), runtime::random_u64());
    let seed = serde_json::json!({
        "UID": id,
        "created_at": jiff::Timestamp::now().to_string(),
        "version": crate::VERSION,
    });
    std::fs::write(&path, seed.to_string())?;
    Ok(id)
}

/// A random UUID (version 4).
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_and_a_broken_file_makes_a_new_one() {
        let storage = tempfile::tempdir().expect("a scratch folder");
        let first = instance_id(storage.path()).expect("the folder is writable");
        assert_eq!(instance_id(storage.path()).expect("it was written"), first);
        std::fs::write(storage.path().join(FILE), "{").expect("the folder is writable");
        assert_ne!(
            instance_id(storage.path()).expect("the folder is writable"),
            first
        );
    }

    #[test]
    fn an_id_is_a_random_uuid() {
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
    }
}
