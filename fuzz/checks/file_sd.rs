//! Files of file service discovery: targets, or a reason. The first byte chooses the format.

use discovery::file::{Format, decode};

pub fn check(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else {
        return;
    };
    let format = match first {
        b'j' => Format::Json,
        _ => Format::Yaml,
    };
    match decode(content, format, "/sd") {
        Ok(targets) => assert!(
            targets
                .iter()
                .all(|target| target.get("__meta_filepath") == Some("/sd"))
        ),
        Err(error) => assert!(!error.is_empty()),
    }
}
