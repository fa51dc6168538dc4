//! Files of dead letters: what is read is written and read again, what is damaged has a reason.

use engine::outbox::Letter;

pub fn check(bytes: &[u8]) {
    match Letter::decode(bytes) {
        Ok(letter) => {
            assert!(letter.payload.len() < bytes.len(), "a line comes first");
            assert_eq!(Letter::decode(&letter.encode()), Ok(letter));
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}
