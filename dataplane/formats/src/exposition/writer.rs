//! Writes the Prometheus text format 0.0.4, for our own `/metrics`.

use std::fmt::Write;

/// A page under construction. Families are written one after the other; who writes sees to it that
/// the samples of one stand together.
#[derive(Default)]
pub struct Writer {
    page: String,
}

impl Writer {
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Starts a family; `kind` is the word behind TYPE. There is no HELP without a text.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        if !help.is_empty() {
            self.page.push_str("# HELP ");
            self.page.push_str(name);
            self.page.push(' ');
            escape(help, false, &mut self.page);
            self.page.push('\n');
        }
        self.page.push_str("# TYPE ");
        self.page.push_str(name);
        self.page.push(' ');
        self.page.push_str(kind);
        self.page.push('\n');
    }

    /// Writes one sample; `name` is the family's name with its suffix, if any.
    pub fn sample<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.series(name, labels, value);
        self.page.push('\n');
    }

    /// Writes one sample that has a time of its own.
    pub fn sample_at<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
        at_ms: i64,
    ) {
        self.series(name, labels, value);
        writeln!(self.page, " {at_ms}").expect("a String takes any text");
    }

    fn series<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.page.push_str(name);
        let mut separator = '{';
        for (name, value) in labels {
            self.page.push(separator);
            self.page.push_str(name);
            self.page.push_str("=\"");
            escape(value, true, &mut self.page);
            self.page.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        self.page.push(' ');
        push_value(value, &mut self.page);
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> String {
        self.page
    }
}

/// Writes a number as every parser of the format reads it back.
pub fn push_value(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value != 0.0 && !(1e-5..1e21).contains(&value.abs()) {
        write!(out, "{value:e}").expect("a String takes any text");
    } else {
        write!(out, "{value}").expect("a String takes any text");
    }
}

fn escape(text: &str, quotes: bool, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\n', '"']) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'\n' => out.push_str("\\n"),
            b'"' if !quotes => out.push('"'),
            special => {
                out.push('\\');
                out.push(char::from(special));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Entry, Format, Parser, read_series};

    #[test]
    fn a_family_is_written_as_the_format_wants_it() {
        let mut writer = Writer::new();
        writer.family("h", "histogram", "What \"it\" is,\nand \\ more.");
        writer.sample("h_bucket", [("le", "+Inf"), ("path", "a\"b\\c\nd")], 3.0);
        writer.sample("h_sum", [], 0.25);
        writer.sample_at("h_count", [], 3.0, -5);
        let expected = concat!(
            "# HELP h What \"it\" is,\\nand \\\\ more.\n",
            "# TYPE h histogram\n",
            "h_bucket{le=\"+Inf\",path=\"a\\\"b\\\\c\\nd\"} 3\n",
            "h_sum 0.25\n",
            "h_count 3 -5\n",
        );
        assert_eq!(writer.finish(), expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let values = [
            0.0,
            -1.5,
            1e-7,
            1e22,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
            123_456_789.125,
        ];
        for value in values {
            let mut writer = Writer::new();
            writer.sample("m", [("l", "é\\\"\n")], value);
            let page = writer.finish();
            let mut parser = Parser::new(page.as_bytes(), Format::Text);
            let Ok(Some(Entry::Sample(line))) = parser.next() else {
                panic!("a sample: {page}")
            };
            assert_eq!(line.value, value, "{page}");
            let mut labels = batch::LabelsBuf::new();
            read_series(line.text, line.kind, &mut labels).expect("a series");
            assert_eq!(labels.get("l"), Some("é\\\"\n"));
        }
    }
}
