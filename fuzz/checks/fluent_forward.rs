//! Events of the forward protocol: one takes what it says, or wants more than there is.

use formats::fluent_forward::{Progress, decode};

pub fn check(bytes: &[u8]) {
    match decode(bytes) {
        Ok(Progress::Event(event, used)) => {
            assert!(0 < used && used <= bytes.len());
            let batch = event.batch;
            let again = batch.signal().request().check(&batch.to_request());
            assert_eq!(again.expect("our own request"), batch.items());
        }
        Ok(Progress::Wants(wanted)) => assert!(bytes.len() < wanted),
        Err(reason) => assert!(!reason.is_empty()),
    }
}
