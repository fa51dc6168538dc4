//! Why scrapes fail.

use std::fmt;

/// Why a scrape failed.
#[derive(Clone, Debug, PartialEq)]
pub enum ScrapeError {
    /// no answer from "host:port" within 10s
    Http(String),
    /// server returned HTTP status 500 Internal Server Error
    Status(u16),
    /// content type is not one that can be parsed
    ContentType(String),
    /// line 3: expected ...
    Parse(String),
    /// more targets than target_limit
    TargetLimit { targets: usize, limit: u64 },
    /// body is not below body_size_limit
    BodySizeLimit { limit: u64 },
    /// more samples than sample_limit
    SampleLimit { limit: u64 },
    /// a native histogram has more buckets than native_histogram_bucket_limit at any resolution
    BucketLimit { limit: usize },
    /// a series breaks a label limit
    LabelLimit(String),
}

impl fmt::Display for ScrapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScrapeError::Http(text) | ScrapeError::Parse(text) | ScrapeError::LabelLimit(text) => {
                f.write_str(text)
            }
            ScrapeError::Status(status) => {
                write!(f, "server returned HTTP status {status}")?;
                let reason = net::StatusCode::from_u16(*status).ok();
                let reason = reason.and_then(|status| status.canonical_reason());
                reason.map_or(Ok(()), |reason| write!(f, " {reason}"))
            }
            ScrapeError::ContentType(found) => write!(
                f,
                "content type {found:?} cannot be parsed; set scrape_fallback_protocol"
            ),
            ScrapeError::TargetLimit { targets, limit } => {
                write!(
                    f,
                    "target_limit exceeded (number of targets: {targets}, limit: {limit})"
                )
            }
            ScrapeError::BodySizeLimit { limit } => {
                write!(f, "body reaches {limit} bytes; raise body_size_limit")
            }
            ScrapeError::SampleLimit { limit } => {
                write!(f, "more than {limit} samples; raise sample_limit")
            }
            ScrapeError::BucketLimit { limit } => write!(
                f,
                "a native histogram has more than {limit} buckets; raise \
                 native_histogram_bucket_limit"
            ),
        }
    }
}
