//! Who may use the server: basic authentication, as the `http` block's `auth` says.

use std::sync::{Arc, RwLock};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schema::Secret;

/// Rules that can be exchanged while the server runs; without any, everybody may ask.
#[derive(Clone, Default)]
pub struct Gate {
    rules: Arc<RwLock<Option<GateRules>>>,
}

#[derive(Clone)]
pub struct GateRules {
    pub username: String,
    pub password: Secret,
    /// Beginnings of paths; empty means all.
    pub paths: Vec<String>,
    /// Whether the paths are those to authenticate, or those to leave out.
    pub matching: bool,
}

impl Gate {
    pub fn set(&self, rules: Option<GateRules>) {
        *self
            .rules
            .write()
            .expect("nothing panics while it holds the lock") = rules;
    }

    fn lets_in(&self, path: &str, authorization: Option<&HeaderValue>) -> bool {
        let rules = self
            .rules
            .read()
            .expect("nothing panics while it holds the lock");
        match &*rules {
            Some(rules) => !rules.concern(path) || rules.accept(authorization),
            None => true,
        }
    }
}

impl GateRules {
    fn concern(&self, path: &str) -> bool {
        let listed = self
            .paths
            .iter()
            .any(|start| path.starts_with(start.as_str()));
        self.paths.is_empty() || listed == self.matching
    }

    fn accept(&self, authorization: Option<&HeaderValue>) -> bool {
        let given = authorization.map(HeaderValue::as_bytes).unwrap_or_default();
        let Some(given) = given.strip_prefix(b"Basic ") else {
            return false;
        };
        let Ok(given) = BASE64_STANDARD.decode(given) else {
            return false;
        };
        let wanted = format!("{}:{}", self.username, self.password.expose());
        equal_in_constant_time(&given, wanted.as_bytes())
    }
}

/// The time it takes tells the length and nothing else.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}

pub(crate) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION);
    if gate.lets_in(request.uri().path(), authorization) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"Restricted\"")];
    (StatusCode::UNAUTHORIZED, challenge, "Unauthorized\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(paths: &[&str], matching: bool) -> Gate {
        let gate = Gate::default();
        gate.set(Some(GateRules {
            username: "u".to_owned(),
            password: Secret::new("p"),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            matching,
        }));
        gate
    }

    #[test]
    fn without_rules_everybody_may_ask() {
        assert!(Gate::default().lets_in("/metrics", None));
    }

    #[test]
    fn name_and_password_must_both_be_right() {
        let gate = gate(&[], true);
        let header = |text: &str| HeaderValue::from_str(text).expect("is ASCII");
        assert!(!gate.lets_in("/metrics", None));
        assert!(!gate.lets_in("/metrics", Some(&header("Basic !!"))));
        assert!(!gate.lets_in("/metrics", Some(&header("Basic dTpx"))));
        assert!(gate.lets_in("/metrics", Some(&header("Basic dTpw"))));
    }

    #[test]
    fn paths_are_those_to_guard_or_those_to_leave_open() {
        let guarded = gate(&["/metrics"], true);
        assert!(!guarded.lets_in("/metrics", None));
        assert!(guarded.lets_in("/-/ready", None));
        let open = gate(&["/metrics"], false);
        assert!(open.lets_in("/metrics", None));
        assert!(!open.lets_in("/-/ready", None));
    }
}
