//! Lines of InfluxDB: a batch of points is a valid request.

use formats::influx::decode;

pub fn check(bytes: &[u8]) {
    if let Ok(batch) = decode(bytes, 1, 0) {
        let again = batch.signal().request().check(&batch.to_request());
        assert_eq!(again.expect("our own request"), batch.items());
    }
}
