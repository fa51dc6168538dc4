//! Go's times: layouts such as `2006-01-02 15:04:05`, durations such as `1h2m`, zones by name.

mod calendar;
mod duration;
mod format;
mod layout;
mod parse;

pub use calendar::Zone;
pub use duration::{format_duration, parse_duration};
pub use layout::Layout;
pub use parse::Parsed;

/// `2006-01-02T15:04:05Z07:00`, with a fraction of a second if there is one, as nanoseconds since
/// 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    thread_local! {
        static RFC3339: Layout = Layout::new("2006-01-02T15:04:05Z07:00");
    }
    RFC3339.with(|layout| Some(layout.parse(text)?.unix_ns(&Zone::utc())))
}

#[cfg(test)]
mod tests;
