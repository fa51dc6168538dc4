//! Chooses the backend at start by trying what it needs.

use crate::backend::{Backend, IoChoice};

/// What [`probe`] chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The backend for all shards.
    pub backend: Backend,
    /// Why it is not the best one, with the knob to turn; to be logged once.
    pub warning: Option<String>,
}

/// Tries what `choice` needs. `Auto` falls back to tokio, with a warning where the system has
/// io_uring but refuses it; an explicit choice that this machine cannot serve is an error.
pub fn probe(choice: IoChoice) -> Result<Probe, String> {
    if choice == IoChoice::Tokio {
        return Ok(Probe {
            backend: Backend::Tokio,
            warning: None,
        });
    }
    match (refusal(), choice) {
        (None, _) => Ok(Probe {
            backend: Backend::Monoio,
            warning: None,
        }),
        (Some(cause), IoChoice::Monoio) => {
            Err(format!("the io backend monoio cannot run: {cause}"))
        }
        (Some(cause), _) => Ok(Probe {
            backend: Backend::Tokio,
            warning: warning(&cause),
        }),
    }
}

#[cfg(target_os = "linux")]
fn refusal() -> Option<String> {
    crate::ring::refusal()
}

#[cfg(target_os = "linux")]
fn warning(cause: &str) -> Option<String> {
    Some(format!(
        "io_uring cannot be used, falling back to tokio on epoll: {cause}"
    ))
}

#[cfg(not(target_os = "linux"))]
fn refusal() -> Option<String> {
    Some("io_uring exists on Linux only; use --dataplane.io=auto".to_owned())
}

/// Other systems have nothing better: no reason to warn.
#[cfg(not(target_os = "linux"))]
fn warning(_cause: &str) -> Option<String> {
    None
}
