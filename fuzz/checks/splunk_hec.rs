//! Splunk's events: what was taken is a valid request.

use formats::splunk_hec::{OriginNames, decode_events};

pub fn check(bytes: &[u8]) {
    let names = OriginNames {
        host: "host.name".to_owned(),
        source: "com.splunk.source".to_owned(),
        source_type: "com.splunk.sourcetype".to_owned(),
        index: "com.splunk.index".to_owned(),
    };
    if let Ok(decoded) = decode_events(bytes, None, &names) {
        for batch in [decoded.logs, decoded.metrics] {
            let again = batch.signal().request().check(&batch.to_request());
            assert_eq!(again.expect("our own request"), batch.items());
        }
    }
}
