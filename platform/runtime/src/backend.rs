//! The names of the backends and the operator's choice among them.

use std::fmt;
use std::str::FromStr;

/// What moves bytes below the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// monoio on io_uring; Linux only.
    Monoio,
    /// tokio current_thread; every system.
    Tokio,
    /// The seeded simulator; tests only.
    Sim,
}

impl Backend {
    /// The name used in flags, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Monoio => "monoio",
            Backend::Tokio => "tokio",
            Backend::Sim => "sim",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the operator asked for (`--dataplane.io`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoChoice {
    /// The best that this machine allows.
    Auto,
    /// monoio, or an error that says why not.
    Monoio,
    /// tokio for sockets and timers; the disk still uses a ring where the kernel allows it.
    Tokio,
}

impl FromStr for IoChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<IoChoice, String> {
        match text {
            "auto" => Ok(IoChoice::Auto),
            "monoio" => Ok(IoChoice::Monoio),
            "tokio" => Ok(IoChoice::Tokio),
            _ => Err(format!(
                "unknown io backend {text:?}, expected auto, monoio or tokio"
            )),
        }
    }
}
