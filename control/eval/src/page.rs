//! What an instance serves over HTTP: the page below its own path of the admin server.
//!
//! The admin server asks from any task, so that a page is shared and does not borrow from its
//! instance. It must not block: what reads files or waits for threads does so elsewhere.

use std::future::Future;
use std::pin::Pin;

/// A page of an instance.
pub trait Page: Send + Sync {
    /// Answers one request.
    fn answer(&self, request: PageRequest) -> Pin<Box<dyn Future<Output = PageAnswer> + Send>>;
}

/// What is asked of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Decoded pairs of the query, in the order of the request.
    pub query: Vec<(String, String)>,
    /// The header `Accept`, empty if there was none.
    pub accept: String,
    /// How long the one who asks will wait, in seconds, as its header says; empty if it does not.
    pub timeout_seconds: String,
}

impl PageRequest {
    /// The first value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a page answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAnswer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl PageAnswer {
    /// The status and one line that says why.
    pub fn refused(status: u16, why: impl Into<String>) -> PageAnswer {
        let mut body = why.into();
        body.push('\n');
        PageAnswer {
            status,
            content_type: "text/plain; charset=utf-8",
            body,
        }
    }
}
