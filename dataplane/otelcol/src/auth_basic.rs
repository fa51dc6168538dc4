//! otelcol.auth.basic: a user name and a password, for clients that send and servers that check.
//!
//! Exports a handler and does nothing else. Compatible with otelcol.auth.basic of Alloy; of
//! htpasswd entries plain passwords are known.

use std::path::PathBuf;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use net::SecretSource;
use schema::{Argument, Arguments, Check, ExportField, Secret, Stability, Value};

use crate::settings::{ClientAuth, DebugMetrics, Handler, ServerAuth};

pub static COMPONENT: Component = Component::of::<AuthBasic>();

/// The component.
pub struct AuthBasic;

#[derive(Arguments)]
#[arg(check = AuthBasicArguments::check)]
pub struct AuthBasicArguments {
    /// Password to send and to ask for.
    #[arg(deprecated = "use client_auth and htpasswd")]
    pub password: Secret,
    /// User name to send and to ask for.
    #[arg(deprecated = "use client_auth and htpasswd")]
    pub username: String,
    /// What clients send.
    #[arg(block)]
    pub client_auth: Option<ClientCredentials>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// What servers ask for.
    #[arg(block)]
    pub htpasswd: Option<Htpasswd>,
}

/// What clients send.
#[derive(Arguments, Clone)]
pub struct ClientCredentials {
    /// Password to send.
    #[arg(default = Secret::default())]
    pub password: Secret,
    /// File with the password, read again when it changes.
    #[arg(default = "")]
    pub password_file: String,
    /// User name to send.
    #[arg(default = "")]
    pub username: String,
    /// Taken for compatibility, and refused when set: user names are not read from files.
    #[arg(default = "")]
    pub username_file: String,
}

/// What servers ask for.
#[derive(Arguments, Clone)]
pub struct Htpasswd {
    /// Taken for compatibility, and refused when set: users are not read from files.
    #[arg(default = "")]
    pub file: String,
    /// Lines of `user:password`.
    #[arg(default = "")]
    pub inline: String,
}

/// How hashed passwords begin.
const HASHES: [&str; 6] = ["$2a$", "$2b$", "$2y$", "$apr1$", "{SHA}", "{SSHA}"];

impl AuthBasicArguments {
    fn check(&self, check: &mut Check<'_>) {
        if let Some(client) = &self.client_auth
            && !client.username_file.is_empty()
        {
            let text = "client_auth > username_file is not supported yet; use username";
            check.block("client_auth", 0, text);
        }
        let Some(htpasswd) = &self.htpasswd else {
            if self.client_auth.is_none() && self.username.is_empty() {
                check.body("no credentials: give client_auth, htpasswd, or username and password");
            }
            return;
        };
        if !htpasswd.file.is_empty() {
            check.block(
                "htpasswd",
                0,
                "htpasswd > file is not supported yet; use inline",
            );
        }
        for (user, password) in users(&htpasswd.inline) {
            if HASHES.iter().any(|hash| password.starts_with(hash)) {
                let text = format!("the password of \"{user}\" is hashed: not supported yet");
                check.block("htpasswd", 0, text);
            }
        }
    }

    fn handler(&self) -> Handler {
        let plain = |password: &Secret| SecretSource::Inline(net::Secret::new(password.expose()));
        let client = match &self.client_auth {
            Some(client) => Some(ClientAuth::Basic {
                username: client.username.clone(),
                password: match client.password_file.as_str() {
                    "" => plain(&client.password),
                    file => SecretSource::File(PathBuf::from(file)),
                },
            }),
            None if self.username.is_empty() => None,
            None => Some(ClientAuth::Basic {
                username: self.username.clone(),
                password: plain(&self.password),
            }),
        };
        let mut known = Vec::new();
        if let Some(htpasswd) = &self.htpasswd {
            let users = users(&htpasswd.inline);
            known.extend(users.map(|(user, password)| (user.to_owned(), Secret::new(password))));
        }
        if !self.username.is_empty() {
            known.push((self.username.clone(), self.password.clone()));
        }
        let server = (!known.is_empty()).then_some(ServerAuth::Basic { users: known });
        Handler::auth(client, server)
    }
}

fn users(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    lines.lines().filter_map(|line| line.trim().split_once(':'))
}

impl DataComponent for AuthBasic {
    type Arguments = AuthBasicArguments;
    const NAME: &'static str = "otelcol.auth.basic";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(_arguments: Arc<AuthBasicArguments>, _cx: &Build) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(arguments: &AuthBasicArguments, _node: &str) -> Vec<(&'static str, Value)> {
        vec![("handler", arguments.handler().to_value())]
    }
}
