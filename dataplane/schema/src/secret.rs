//! Text that must not be seen: no `Debug`, no `Display`.

use std::sync::Arc;

/// A secret. Equality is for comparing plans.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: impl Into<Arc<str>>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text that may be a secret, as with `local.file`'s content: `is_secret` decides.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OptionalSecret {
    text: Arc<str>,
    is_secret: bool,
}

impl OptionalSecret {
    pub fn plain(text: impl Into<Arc<str>>) -> OptionalSecret {
        OptionalSecret {
            text: text.into(),
            is_secret: false,
        }
    }

    pub fn secret(text: impl Into<Arc<str>>) -> OptionalSecret {
        OptionalSecret {
            text: text.into(),
            is_secret: true,
        }
    }

    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// The text itself, secret or not, for the place that uses it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.text
    }
}
