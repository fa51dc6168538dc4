//! Answers of DNS servers: records, or a reason.

use discovery::dns::{Record, decode};

pub fn check(bytes: &[u8]) {
    match decode(bytes) {
        Ok(message) => {
            // Each record has eleven bytes at least.
            assert!(message.records.len() * 11 <= bytes.len());
            for record in &message.records {
                match record {
                    Record::Srv { target: name, .. } | Record::Mx(name) | Record::Ns(name) => {
                        // 255 bytes, each at most written as four.
                        assert!(name.ends_with('.') && name.len() <= 4 * 255);
                    }
                    Record::A(_) | Record::Aaaa(_) | Record::Other(_) => {}
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
