//! Export requests in JSON: what was taken survives protobuf and comes back the same.

use batch::otlp::OtlpSignal;
use formats::otlp_json::{decode, encode};

pub fn check(bytes: &[u8]) {
    for signal in OtlpSignal::ALL {
        let schema = signal.request();
        let Ok(request) = decode(schema, bytes) else {
            continue;
        };
        if schema.check(&request).is_err() {
            // Such as an id of a wrong length: no batch is made of it.
            continue;
        }
        let json = encode(schema, &request).expect("our own request");
        let again = decode(schema, &json).expect("our own JSON");
        let twice = encode(schema, &again).expect("our own request");
        assert_eq!(json, twice);
    }
}
