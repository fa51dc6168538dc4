//! How receivers of lines find the ends of records, and what they do about refusals.

use std::time::Duration;

use ops::stanza::Splitter;
use schema::{Arguments, Check};

/// Records of several lines.
#[derive(Arguments, Clone)]
#[arg(check = Multiline::check)]
pub struct Multiline {
    /// Pattern of the end of a record.
    pub line_end_pattern: String,
    /// Pattern of the beginning of a record.
    pub line_start_pattern: String,
    /// Leave out what the pattern matches.
    #[arg(default = false)]
    pub omit_pattern: bool,
}

impl Multiline {
    fn check(&self, check: &mut Check<'_>) {
        if self.line_end_pattern.is_empty() == self.line_start_pattern.is_empty() {
            check.body("only one of line_start_pattern or line_end_pattern must be set");
        } else if let Err(error) = self.splitter(1) {
            check.body(format!("the pattern cannot be read: {error}"));
        }
    }

    fn splitter(&self, bytes_max: usize) -> Result<Splitter, String> {
        match self.line_end_pattern.is_empty() {
            true => Splitter::start(&self.line_start_pattern, self.omit_pattern, bytes_max),
            false => Splitter::end(&self.line_end_pattern, self.omit_pattern, bytes_max),
        }
    }
}

/// The splitter of settings: records of several lines if there is a block, else lines.
pub fn splitter(multiline: Option<&Multiline>, bytes_max: usize) -> Splitter {
    match multiline {
        Some(multiline) => multiline
            .splitter(bytes_max)
            .expect("checked: it is a pattern"),
        None => Splitter::lines(bytes_max),
    }
}

/// What is done about a refusal. Taken for compatibility: what may be tried again is, for as long
/// as it takes, and the source waits meanwhile.
#[derive(Arguments, Clone)]
pub struct RetryOnFailure {
    /// Try again.
    #[arg(default = false)]
    pub enabled: bool,
    /// The first pause.
    #[arg(default = "1s")]
    pub initial_interval: Duration,
    /// How long to go on.
    #[arg(default = "5m")]
    pub max_elapsed_time: Duration,
    /// The longest pause.
    #[arg(default = "30s")]
    pub max_interval: Duration,
}

/// Refuses encodings other than UTF-8 and its subset.
pub fn refuse_encoding(encoding: &str, check: &mut Check<'_>) {
    let known = ["", "utf-8", "utf8", "utf-8-raw", "ascii", "us-ascii", "nop"];
    if !known.contains(&&*encoding.to_ascii_lowercase()) {
        let text = format!("encoding \"{encoding}\" is not supported yet; use \"utf-8\"");
        check.attribute("encoding", text);
    }
}
