//! A mistake of the user: where it is, what was found, what was expected, what was likely meant.

use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    /// A warning that Alloy does not give: valid text that is likely not meant.
    Advice,
}

/// A second place that explains the first, such as the earlier definition of a duplicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    pub span: Span,
    pub message: String,
}

/// One finding. Made with [`Diagnostic::error`] or [`Diagnostic::warning`] and the methods that
/// add what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// None where no text is to blame, such as a file that cannot be read.
    pub span: Option<Span>,
    pub message: String,
    /// The component and field, `prometheus.scrape.a.scrape_interval`.
    pub path: Option<String>,
    pub found: Option<String>,
    pub expected: Option<String>,
    /// The valid name nearest to the one that was found.
    pub nearest: Option<String>,
    pub hint: Option<String>,
    pub related: Vec<Related>,
}

impl Diagnostic {
    pub fn error(span: impl Into<Option<Span>>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, span.into(), message.into())
    }

    pub fn warning(span: impl Into<Option<Span>>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, span.into(), message.into())
    }

    pub fn advice(span: impl Into<Option<Span>>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Advice, span.into(), message.into())
    }

    fn new(severity: Severity, span: Option<Span>, message: String) -> Diagnostic {
        Diagnostic {
            severity,
            span,
            message,
            path: None,
            found: None,
            expected: None,
            nearest: None,
            hint: None,
            related: Vec::new(),
        }
    }

    pub fn path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = Some(path.into());
        self
    }

    pub fn found(mut self, found: impl Into<String>) -> Diagnostic {
        self.found = Some(found.into());
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Diagnostic {
        self.expected = Some(expected.into());
        self
    }

    pub fn nearest(mut self, nearest: impl Into<Option<String>>) -> Diagnostic {
        self.nearest = nearest.into();
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    pub fn related(mut self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.related.push(Related {
            span,
            message: message.into(),
        });
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
