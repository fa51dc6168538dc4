//! Answers of HTTP service discovery: targets, or a reason.

pub fn check(bytes: &[u8]) {
    match discovery::http::decode(bytes, "http://sd/") {
        Ok(targets) => assert!(
            targets
                .iter()
                .all(|target| target.contains_key("__address__"))
        ),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
