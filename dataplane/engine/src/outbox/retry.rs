//! When to try again: the table of the remote write specification, backoff with jitter,
//! Retry-After.

use std::time::Duration;

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ack,
    /// May work later; `after` is the destination's own wish.
    Retry {
        after: Option<Duration>,
        reason: &'static str,
        message: String,
    },
    /// Never will.
    Drop {
        reason: &'static str,
        message: String,
    },
}

/// Classifies an HTTP answer. 2xx is an ack; 5xx and, if `retry_429`, 429 are tried again; the
/// rest (other 4xx, unfollowed redirects) would only fail again.
fn classify(
    status: u16,
    retry_after: Option<Duration>,
    retry_429: Retry429,
    message: impl FnOnce() -> String,
) -> Outcome {
    match status {
        200..=299 => Outcome::Ack,
        429 if retry_429 == Retry429::Yes => Outcome::Retry {
            after: retry_after,
            reason: "too_many_requests",
            message: message(),
        },
        500..=599 => Outcome::Retry {
            after: retry_after,
            reason: "server_error",
            message: message(),
        },
        _ => Outcome::Drop {
            reason: "rejected",
            message: message(),
        },
    }
}

/// Limit: how much of a refusal's text is told.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What an endpoint answered by HTTP.
pub struct Answer<'a> {
    pub status: u16,
    /// What the status means, in words.
    pub phrase: &'a str,
    /// The header of that name.
    pub retry_after: Option<&'a str>,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// As `classify`, with a message that quotes the answer.
    pub fn classify(&self, retry_429: Retry429) -> Outcome {
        let wish = self.retry_after;
        let retry_after = wish.and_then(|text| parse_retry_after(text, runtime::wall_ms()));
        classify(self.status, retry_after, retry_429, || {
            let body = &self.body[..self.body.len().min(MESSAGE_BYTES_MAX)];
            let status = format!(
                "server returned HTTP status {} {}",
                self.status, self.phrase
            );
            match String::from_utf8_lossy(body).trim() {
                "" => status,
                text => format!("{status}: {text}"),
            }
        })
    }
}

/// Whether 429 means "later".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry429 {
    Yes,
    No,
}

impl Retry429 {
    pub fn from_setting(retry_on_http_429: bool) -> Retry429 {
        if retry_on_http_429 {
            Retry429::Yes
        } else {
            Retry429::No
        }
    }
}

/// Reads a Retry-After header: whole seconds or an HTTP date. A time in the past gives nothing.
pub fn parse_retry_after(value: &str, wall_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let wait_ms = date.timestamp().as_millisecond() - wall_ms;
    u64::try_from(wait_ms)
        .ok()
        .filter(|wait_ms| *wait_ms > 0)
        .map(Duration::from_millis)
}

/// Waits that double from `min` to `max`, each shortened by up to a quarter at random, so that
/// senders that failed together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(min: Duration, max: Duration) -> Backoff {
        // A zero wait would spin; a maximum below the minimum is a mistake that costs nothing.
        let min = min.max(Duration::from_millis(1));
        Backoff {
            min,
            max: max.max(min),
            next: min,
        }
    }

    /// The wait before the next attempt. The destination's own wish replaces ours, and the wait
    /// after it is twice that, at most `max`.
    pub fn wait(&mut self, wish: Option<Duration>, random: u64) -> Duration {
        let wait = match wish {
            Some(wish) => wish,
            None => {
                let quarter = self.next / 4;
                self.next - quarter.mul_f64(random as f64 / u64::MAX as f64)
            }
        };
        self.next = (wish.unwrap_or(self.next) * 2).clamp(self.min, self.max);
        wait
    }

    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_429: Retry429) -> &'static str {
        match classify(status, None, retry_429, String::new) {
            Outcome::Ack => "ack",
            Outcome::Retry { .. } => "retry",
            Outcome::Drop { .. } => "drop",
        }
    }

    #[test]
    fn answers_follow_the_table_of_the_specification() {
        let cases = [
            (200, "ack"),
            (204, "ack"),
            (302, "drop"),
            (400, "drop"),
            (401, "drop"),
            (404, "drop"),
            (413, "drop"),
            (429, "retry"),
            (500, "retry"),
            (502, "retry"),
            (503, "retry"),
            (504, "retry"),
        ];
        for (status, expected) in cases {
            assert_eq!(answer(status, Retry429::Yes), expected, "{status}");
        }
        assert_eq!(answer(429, Retry429::No), "drop");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let at_ms = 784_111_777_000;
        assert_eq!(
            parse_retry_after("120", at_ms),
            Some(Duration::from_secs(120))
        );
        let date = "Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(
            parse_retry_after(date, at_ms),
            Some(Duration::from_secs(60))
        );
        assert_eq!(parse_retry_after(date, at_ms + 61_000), None);
        assert_eq!(parse_retry_after("soon", at_ms), None);
        assert_eq!(parse_retry_after("-5", at_ms), None);
    }

    #[test]
    fn waits_double_up_to_the_maximum_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(30), Duration::from_millis(100));
        let waits: Vec<_> = (0..4).map(|_| backoff.wait(None, 0).as_millis()).collect();
        assert_eq!(waits, [30, 60, 100, 100]);
        backoff.reset();
        assert_eq!(backoff.wait(None, 0).as_millis(), 30);
    }

    #[test]
    fn jitter_shortens_a_wait_by_at_most_a_quarter() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, second);
        assert_eq!(backoff.wait(None, u64::MAX), second * 3 / 4);
        assert_eq!(backoff.wait(None, 0), second);
    }

    #[test]
    fn the_wait_after_a_wish_is_twice_the_wish() {
        let mut backoff = Backoff::new(Duration::from_millis(30), Duration::from_secs(5));
        assert_eq!(
            backoff.wait(Some(Duration::from_secs(1)), 0),
            Duration::from_secs(1)
        );
        assert_eq!(backoff.wait(None, 0), Duration::from_secs(2));
    }
}
