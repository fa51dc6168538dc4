//! Payloads of web pages: whatever is one has a record for each thing that happened, and its spans
//! are a valid request.

use formats::faro::{Time, decode};

pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(time) = Time::parse(text)
    {
        assert!(time.shown().len() >= "2006-01-02 15:04:05 +0000 UTC".len());
    }
    let Ok(payload) = decode(bytes) else { return };
    let happened = payload.logs.len()
        + payload.exceptions.len()
        + payload.measurements.len()
        + payload.events.len();
    let records = payload.records();
    assert_eq!(records.len(), happened);
    for record in records {
        assert!(record.pairs.contains("timestamp"));
    }
    if let Ok(Some(spans)) = payload.spans() {
        let again = spans.signal().request().check(&spans.to_request());
        assert_eq!(again.expect("our own request"), spans.items());
    }
}
