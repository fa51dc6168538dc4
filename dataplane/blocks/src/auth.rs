//! basic_auth and authorization: who we say we are.

use std::path::PathBuf;

use net::{Auth, SecretSource};
use schema::{Arguments, Check, Secret};

/// User name and password on each request.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = BasicAuth::check)]
pub struct BasicAuth {
    /// File with the password, read again when it changes.
    pub password_file: String,
    /// Password to send.
    pub password: Secret,
    /// User name to send.
    pub username: String,
}

impl BasicAuth {
    fn check(&self, check: &mut Check<'_>) {
        if !self.password.is_empty() && !self.password_file.is_empty() {
            check.attribute(
                "password_file",
                "at most one of basic_auth password & password_file must be configured",
            );
        }
    }

    /// The settings of `net`.
    pub fn auth(&self) -> Auth {
        Auth::Basic {
            username: self.username.clone(),
            password: secret_source(&self.password, &self.password_file),
        }
    }
}

/// The `Authorization` header on each request.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = Authorization::check)]
pub struct Authorization {
    /// File with the credentials, read again when it changes.
    pub credentials_file: String,
    /// What follows the type in the header.
    pub credentials: Secret,
    /// First word of the header; `Bearer` when empty.
    pub r#type: String,
}

impl Authorization {
    fn check(&self, check: &mut Check<'_>) {
        if !self.credentials.is_empty() && !self.credentials_file.is_empty() {
            check.attribute(
                "credentials_file",
                "at most one of authorization credentials & credentials_file must be configured",
            );
        }
        if self.r#type.trim().eq_ignore_ascii_case("basic") {
            check.attribute(
                "type",
                "authorization type cannot be set to \"basic\", use \"basic_auth\" block instead",
            );
        }
    }

    /// The settings of `net`.
    pub fn auth(&self) -> Auth {
        let scheme = match self.r#type.trim() {
            "" => "Bearer",
            given => given,
        };
        Auth::Authorization {
            scheme: scheme.to_owned(),
            credentials: secret_source(&self.credentials, &self.credentials_file),
        }
    }
}

/// A secret from its text or its file, whichever is set.
pub(crate) fn secret_source(secret: &Secret, file: &str) -> Option<SecretSource> {
    if !secret.is_empty() {
        return Some(SecretSource::Inline(net::Secret::new(secret.expose())));
    }
    (!file.is_empty()).then(|| SecretSource::File(PathBuf::from(file)))
}
