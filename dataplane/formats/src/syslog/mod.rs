//! Syslog: messages of RFC 5424 and RFC 3164, and their framing on a stream (RFC 6587).

mod framing;
mod rfc3164;
mod rfc5424;

pub use framing::{Framing, next_frame};
pub use rfc3164::parse_3164;
pub use rfc5424::{parse_5424, write_5424};

/// Why bytes are not a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogError {
    /// Bytes before the place.
    pub at: usize,
    pub expected: &'static str,
}

impl std::fmt::Display for SyslogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at)
    }
}

impl std::error::Error for SyslogError {}

/// A message. What is `-` in the text is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message<'a> {
    pub priority: u8,
    pub version: u16,
    /// Nanoseconds since 1970; of RFC 3164 in the year 0.
    pub time: Option<Time>,
    pub hostname: Option<&'a str>,
    pub app_name: Option<&'a str>,
    pub proc_id: Option<&'a str>,
    pub msg_id: Option<&'a str>,
    /// Elements of structured data with their parameters, in the order of the text.
    pub data: Vec<Element<'a>>,
    pub text: Option<&'a [u8]>,
}

/// An element of structured data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'a> {
    pub id: &'a str,
    /// Names and unescaped values.
    pub parameters: Vec<(&'a str, String)>,
}

/// A time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub year: i16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanos: u32,
    /// Minutes east of Greenwich.
    pub offset: i16,
}

impl Time {
    /// Nanoseconds since 1970, the nearest that 64 bits hold.
    #[must_use]
    pub fn unix_ns(&self) -> i64 {
        let days = days_since_1970(self.year, self.month, self.day);
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute) - i64::from(self.offset);
        let seconds = days * 86_400 + minutes * 60 + i64::from(self.second);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(self.nanos))
    }
}

/// Days of the proleptic Gregorian calendar.
fn days_since_1970(year: i16, month: u8, day: u8) -> i64 {
    // Years that begin in March, so that the leap day is the last of its year.
    let (year, month) = (i64::from(year), i64::from(month));
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Message<'_> {
    /// Compat: names as the reference's library gives them.
    #[must_use]
    pub fn severity(&self) -> &'static str {
        SEVERITIES[usize::from(self.priority & 7)]
    }

    #[must_use]
    pub fn facility(&self) -> Option<&'static str> {
        FACILITIES.get(usize::from(self.priority >> 3)).copied()
    }
}

const SEVERITIES: [&str; 8] = [
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "informational",
    "debug",
];

const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// What is left to read.
struct Rest<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn error(&self, expected: &'static str) -> SyslogError {
        SyslogError {
            at: self.at,
            expected,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8, expected: &'static str) -> Result<(), SyslogError> {
        if self.peek() != Some(byte) {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn blank(&mut self) -> Result<(), SyslogError> {
        self.eat(b' ', "a blank")
    }

    /// The priority in its brackets, 0 to 191.
    fn priority(&mut self) -> Result<u8, SyslogError> {
        self.eat(b'<', "\"<\"")?;
        let priority = self.number(1..=3, "a priority of 0 to 191")?;
        if priority > 191 {
            return Err(self.error("a priority of 0 to 191"));
        }
        self.eat(b'>', "\">\"")?;
        Ok(priority as u8)
    }

    fn number(
        &mut self,
        digits: std::ops::RangeInclusive<usize>,
        expected: &'static str,
    ) -> Result<u32, SyslogError> {
        let rest = &self.text[self.at..];
        let len = rest
            .iter()
            .take(*digits.end())
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if len < *digits.start() {
            return Err(self.error(expected));
        }
        self.at += len;
        let digits = rest[..len].iter();
        // At most nine digits.
        Ok(digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn two(&mut self, most: u32, expected: &'static str) -> Result<u8, SyslogError> {
        let number = self.number(2..=2, expected)?;
        match number <= most {
            true => Ok(number as u8),
            false => Err(self.error(expected)),
        }
    }

    /// Printable ASCII up to `len_max`; `-` is none.
    fn word(
        &mut self,
        len_max: usize,
        expected: &'static str,
    ) -> Result<Option<&'a str>, SyslogError> {
        let rest = &self.text[self.at..];
        let len = rest
            .iter()
            .take_while(|byte| byte.is_ascii_graphic())
            .count();
        if len == 0 || len > len_max {
            return Err(self.error(expected));
        }
        self.at += len;
        let word = std::str::from_utf8(&rest[..len]).expect("ASCII");
        Ok((word != "-").then_some(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let time = |year, month, day| Time {
            year,
            month,
            day,
            hour: 1,
            minute: 2,
            second: 3,
            nanos: 4,
            offset: 60,
        };
        let clock_ns = 123_000_000_004;
        assert_eq!(time(1970, 1, 1).unix_ns(), clock_ns);
        let day_ns = 86_400_000_000_000;
        assert_eq!(time(2024, 2, 29).unix_ns(), 19_782 * day_ns + clock_ns);
        assert_eq!(time(1969, 12, 31).unix_ns(), clock_ns - day_ns);
        let year_0 = time(0, 1, 1).unix_ns();
        assert!(year_0 < i64::MIN + 1_000_000_000, "the nearest there is");
    }
}
