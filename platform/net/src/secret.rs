//! A text that is never printed: passwords, tokens, private keys.

use std::sync::Arc;

/// A secret text. It has no `Debug` and no `Display`; what reads it calls `expose`, which is easy
/// to find.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(Arc::from(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
