//! Zipkin in all four forms: a batch of spans is a valid request.

use formats::zipkin::{Form, Options, decode};

pub fn check(bytes: &[u8]) {
    let options = Options {
        parse_string_tags: true,
        now_ns: 1,
    };
    for form in [Form::V1Json, Form::V1Thrift, Form::V2Json, Form::V2Proto] {
        if let Ok(batch) = decode(form, bytes, options) {
            let again = batch.signal().request().check(&batch.to_request());
            assert_eq!(again.expect("our own request"), batch.items());
        }
    }
}
