//! What is accepted, and what of it comes out. The cases are what Prometheus' parsers say of the
//! same text.

use std::fmt::Write;

use batch::{Found, LabelsBuf, Sample, ScrapeCache, SeriesTable};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A body's entries, one a line, up to the end or the error.
fn read(body: &[u8], format: Format) -> String {
    let mut parser = Parser::new(body, format);
    let mut out = String::new();
    let mut labels = LabelsBuf::new();
    loop {
        let entry = match parser.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return out,
            Err(error) => return out + &format!("{error}\n"),
        };
        match entry {
            Entry::Help { name, help } => writeln!(out, "help {name} {help:?}"),
            Entry::Type { name, kind } => writeln!(out, "type {name} {}", kind.name()),
            Entry::Unit { name, unit } => writeln!(out, "unit {name} {unit}"),
            Entry::Sample(line) => {
                if let Err(error) = read_series(line.text, line.kind, &mut labels) {
                    return out + &format!("{error}\n");
                }
                write!(out, "{labels:?} {}", line.value).expect("a String");
                if let Some(timestamp) = line.timestamp_ms {
                    write!(out, " @{timestamp}").expect("a String");
                }
                if let Some(exemplar) = line.exemplar {
                    read_exemplar(exemplar.text, &mut labels).expect("labels");
                    write!(out, " # {labels:?} {}", exemplar.value).expect("a String");
                    if let Some(timestamp) = exemplar.timestamp_ms {
                        write!(out, " @{timestamp}").expect("a String");
                    }
                }
                writeln!(out)
            }
        }
        .expect("a String takes any text");
    }
}

fn check(format: Format, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(
            read(body.as_bytes(), format).trim_end(),
            *expected,
            "{body:?}"
        );
    }
}

#[test]
fn text_series_come_in_all_their_forms() {
    let cases = [
        ("a 1\n", r#"{__name__="a"} 1"#),
        ("a 1", r#"{__name__="a"} 1"#),
        ("\n\n \t\na\t1\t\n", r#"{__name__="a"} 1"#),
        (
            "a:b_1{x=\"1\",y=\"2\"} -2.5 1700000000000\n",
            r#"{__name__="a:b_1", x="1", y="2"} -2.5 @1700000000000"#,
        ),
        (
            "a { x = \"1\" , y=\"2\" , } 1 2 \n",
            r#"{__name__="a", x="1", y="2"} 1 @2"#,
        ),
        ("a{x=\"1\" y=\"2\"}3\n", r#"{__name__="a", x="1", y="2"} 3"#),
        ("a{} 1\n", r#"{__name__="a"} 1"#),
        ("a+1\n", r#"{__name__="a"} 1"#),
        ("a{x=\"\"} 1\n", r#"{__name__="a", x=""} 1"#),
        (
            "{\"a.b\", \"x y\"=\"1\"} 1\n",
            r#"{__name__="a.b", x y="1"} 1"#,
        ),
        ("{x=\"1\",\"a\"} 1\n", r#"{__name__="a", x="1"} 1"#),
        ("{\"a\",} 1\n", r#"{__name__="a"} 1"#),
        ("a{\"q l\"=\"x\"} 3\n", r#"{__name__="a", q l="x"} 3"#),
        (
            "a{x=\"1\\n\\\\\\\"\\t\"} 1\n",
            r#"{__name__="a", x="1\n\\\"\\t"} 1"#,
        ),
        (
            "a{x=\"a=b,c}d{e\"} 1\n",
            r#"{__name__="a", x="a=b,c}d{e"} 1"#,
        ),
        (
            "a{x=\"two\nlines\"} 1\n",
            r#"{__name__="a", x="two\nlines"} 1"#,
        ),
        ("  padded 1\n", r#"{__name__="  padded"} 1"#),
    ];
    check(Format::Text, &cases);
}

#[test]
fn text_comments_are_metadata_or_nothing() {
    let cases = [
        (
            "# HELP a Some \\n \\\\ \\\" text\n",
            r#"help a "Some \n \\ \\\" text""#,
        ),
        ("#\tHELP \t a\tx\n", r#"help a "x""#),
        (
            "# HELP a\n# HELP b \n# HELP c  two\n",
            "help a \"\"\nhelp b \"\"\nhelp c \" two\"",
        ),
        ("# HELP \"a.b\" x", r#"help a.b "x""#),
        (
            "# TYPE a counter\n# TYPE b untyped\n",
            "type a counter\ntype b unknown",
        ),
        ("# TYPE a-summary\n", "type a summary"),
        (
            "# just words\n#HELP a x\n#\n# HELPX a\n# UNIT a b\n# HELP\n",
            "",
        ),
    ];
    check(Format::Text, &cases);
}

#[test]
fn bucket_bounds_are_brought_into_one_form() {
    let cases = [
        (
            "# TYPE h histogram\nh{le=\"1\"} 1\n",
            "type h histogram\n{__name__=\"h\", le=\"1.0\"} 1",
        ),
        (
            "# TYPE h histogram\nx{le=\"1e6\"} 1\n",
            "type h histogram\n{__name__=\"x\", le=\"1e+06\"} 1",
        ),
        (
            "# TYPE h histogram\nh{le=\"x\"} 1\n",
            "type h histogram\n{__name__=\"h\", le=\"x\"} 1",
        ),
        (
            "# TYPE s summary\ns{quantile=\"1\",le=\"1\"} 1\n",
            "type s summary\n{__name__=\"s\", le=\"1\", quantile=\"1.0\"} 1",
        ),
        ("h{le=\"1\"} 1\n", r#"{__name__="h", le="1"} 1"#),
    ];
    check(Format::Text, &cases);
}

#[test]
fn text_errors_tell_line_and_expectation() {
    let cases = [
        (
            "a 1\nbad{a=\"1\" 2\n",
            "{__name__=\"a\"} 1\nline 2: expected a label name or a closing brace, found \"2\"",
        ),
        ("a 0x1F\n", "line 1: expected a number, found \"0x1F\""),
        ("a\n", "line 1: expected a value, found \"\""),
        (
            "a 1 x\n",
            "line 1: expected a timestamp or the end of the line, found \"x\"",
        ),
        (
            "a 1 -2\n",
            "line 1: expected a timestamp or the end of the line, found \"-2\"",
        ),
        (
            "a 1 2 3\n",
            "line 1: expected the end of the line, found \"3\"",
        ),
        (
            "a 1 99999999999999999999\n",
            "line 1: expected a smaller timestamp, found \"99999999999999999999\"",
        ),
        ("a 1\r\n", "line 1: expected a number, found \"1\\r\""),
        ("1a 1\n", "line 1: expected a metric name, found \"1a 1\""),
        ("é 1\n", "line 1: expected a metric name, found \"é 1\""),
        (
            "{x=\"1\"} 1\n",
            "line 1: expected a metric name before the end, found \"} 1\"",
        ),
        (
            "a{\"b\"} 1\n",
            "line 1: expected no metric name here, found \"\\\"b\\\"} 1\"",
        ),
        (
            "a{,} 1\n",
            "line 1: expected a label name or a closing brace, found \",} 1\"",
        ),
        ("a{x} 1\n", "line 1: expected an equals sign, found \"} 1\""),
        (
            "a{x=1} 1\n",
            "line 1: expected a quoted label value, found \"1} 1\"",
        ),
        (
            "a{x=\"1} 1\n",
            "line 1: expected a closing quote, found \"\\\"1} 1\"",
        ),
        (
            "a{x=\"1\"}{y=\"2\"} 1\n",
            "line 1: expected a value, found \"{y=\\\"2\\\"} 1\"",
        ),
        ("a{x=\"1\",x=\"2\"} 1\n", "label \"x\" is given twice"),
        ("a{__name__=\"b\"} 1\n", "label \"__name__\" is given twice"),
        (
            "# TYPE a nonsense\n",
            "line 1: expected a metric type of this format, found \" nonsense\"",
        ),
        (
            "#   TYPE   late   counter\n",
            "line 1: expected a metric type of this format, found \"   counter\"",
        ),
        (
            "# HELP 1 x\n",
            "line 1: expected a metric name, found \"1 x\"",
        ),
        (
            "a 1\n\0\n",
            "{__name__=\"a\"} 1\nline 2: expected a metric name, found \"\\0\"",
        ),
    ];
    check(Format::Text, &cases);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let check = |body: &[u8], expected: &str| {
        assert_eq!(read(body, Format::Text).trim_end(), expected);
    };
    check(
        b"a{x=\"\xff\"} 1\n",
        "the value of label \"x\" is not UTF-8",
    );
    check(
        b"{\"\xff\"} 1\n",
        "the value of label \"__name__\" is not UTF-8",
    );
    check(
        b"# HELP a \xff\n",
        "line 1: expected a help text in UTF-8, found \" \u{fffd}\"",
    );
}

#[test]
fn open_metrics_are_read_with_units_and_exemplars() {
    let cases = [
        ("a 1\n# EOF\n", r#"{__name__="a"} 1"#),
        ("a 1 1.5\n# EOF", r#"{__name__="a"} 1 @1500"#),
        ("a 1 -0.5\n# EOF", r#"{__name__="a"} 1 @-500"#),
        ("a{x=\"1\",} 1\n# EOF\n", r#"{__name__="a", x="1"} 1"#),
        (
            "{\"a.b\",x=\"1\"} 1\n# EOF\n",
            r#"{__name__="a.b", x="1"} 1"#,
        ),
        (
            "# TYPE a_s gauge\n# UNIT a_s s\n# HELP a_s \\\"x\\\"\n# EOF\n",
            "type a_s gauge\nunit a_s s\nhelp a_s \"\\\"x\\\"\"",
        ),
        (
            "# UNIT a \n# TYPE a stateset\n# TYPE b unknown\n# EOF\n",
            "unit a \ntype a stateset\ntype b unknown",
        ),
        ("a 1 # {} 2\n# EOF\n", r#"{__name__="a"} 1 # {} 2"#),
        (
            "a 1 3 # {t=\"x\\\"\",s=\"y\"} 0.5 4.25\n# EOF\n",
            r#"{__name__="a"} 1 @3000 # {s="y", t="x\\\""} 0.5 @4250"#,
        ),
    ];
    check(Format::OpenMetrics, &cases);
}

#[test]
fn open_metrics_errors_tell_line_and_expectation() {
    let cases = [
        (
            "a 1\n",
            "{__name__=\"a\"} 1\nline 2: expected \"# EOF\" at the end, found \"\"",
        ),
        ("", "line 1: expected \"# EOF\" at the end, found \"\""),
        (
            "a 1",
            "line 1: expected a newline and \"# EOF\" at the end, found \"\"",
        ),
        (
            "# EOF\n\n",
            "line 1: expected nothing after \"# EOF\", found \"\"",
        ),
        ("\n# EOF\n", "line 1: expected a metric name, found \"\""),
        (
            "a  1\n# EOF\n",
            "line 1: expected a blank and a value, found \"  1\"",
        ),
        (
            "a 1 \n# EOF\n",
            "line 1: expected a timestamp or the end of the line, found \" \"",
        ),
        (
            "a 1 x\n# EOF\n",
            "line 1: expected a timestamp in seconds, found \"x\"",
        ),
        (
            "a 1 NaN\n# EOF\n",
            "line 1: expected a timestamp in seconds, found \"NaN\"",
        ),
        (
            "a{x=\"1\" ,y=\"2\"} 1\n# EOF\n",
            "line 1: expected a comma or a closing brace, found \" ,y=\\\"2\\\"} 1\"",
        ),
        (
            "# a comment\n# EOF\n",
            "line 1: expected \"# HELP\", \"# TYPE\", \"# UNIT\" or \"# EOF\", \
             found \"# a comment\"",
        ),
        (
            "# TYPE a untyped\n# EOF\n",
            "line 1: expected a metric type of this format, found \"untyped\"",
        ),
        (
            "# UNIT a_x s\n# EOF\n",
            "line 1: expected a unit that the metric's name ends with, found \"s\"",
        ),
        (
            "# UNIT as s\n# EOF\n",
            "line 1: expected a unit that the metric's name ends with, found \"s\"",
        ),
        (
            "# HELP a\n# EOF\n",
            "line 1: expected a blank, a text and a newline, found \"\"",
        ),
        (
            "a 1 # {\"t\"} 1\n# EOF\n",
            "line 1: expected no metric name here, found \"\\\"t\\\"} 1\"",
        ),
        (
            "a 1 # {t=\"x\"}\n# EOF\n",
            "line 1: expected a blank and an exemplar's value, found \"\"",
        ),
    ];
    check(Format::OpenMetrics, &cases);
}

const TIME_MS: i64 = 1_700_000_000_000;

fn options() -> KnownOptions {
    KnownOptions {
        timestamp_ms: TIME_MS,
        honor_timestamps: true,
        track_timestamps_staleness: false,
        timestamp_ms_max: TIME_MS + 600_000,
    }
}

/// Scrapes a body; what the cache knows goes the short way. Gives the samples and how many lines
/// that was.
fn scrape(
    body: &str,
    options: &KnownOptions,
    table: &mut SeriesTable,
    cache: &mut ScrapeCache,
) -> (Vec<Sample>, Known) {
    let mut samples = Vec::new();
    let mut total = Known::default();
    let mut labels = LabelsBuf::new();
    let mut parser = Parser::new(body.as_bytes(), Format::Text);
    cache.begin();
    loop {
        let known = parser.known(cache, options, &mut samples);
        total.lines += known.lines;
        total.dropped += known.dropped;
        total.repeated += known.repeated;
        total.out_of_bounds += known.out_of_bounds;
        let Some(entry) = parser.next().expect("a good body") else {
            break;
        };
        let Entry::Sample(line) = entry else { continue };
        let found = match cache.find(line.text) {
            Ok(()) => cache.take(true),
            Err(key) => {
                read_series(line.text, line.kind, &mut labels).expect("a series");
                let dropped = labels.get("__name__") == Some("dropped");
                let series = (!dropped).then(|| table.intern(&labels));
                cache.insert(key, series, true);
                Found {
                    series,
                    repeated: false,
                }
            }
        };
        let repeated = found.repeated && line.timestamp_ms.is_none();
        let timestamp_ms = line.timestamp_ms.unwrap_or(options.timestamp_ms);
        if let Some(series) = found.series.filter(|_| !repeated) {
            samples.push(Sample {
                series,
                timestamp_ms,
                value: line.value,
            });
        }
    }
    cache.commit(|_| {});
    (samples, total)
}

#[test]
fn known_lines_skip_everything_but_their_numbers() {
    let (mut table, mut cache) = (SeriesTable::new(1), ScrapeCache::new(2));
    let body = "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} NaN\n\
                # TYPE b gauge\nb 1.5e3 1600000000000\nc -0.25\n";
    let (first, known) = scrape(body, &options(), &mut table, &mut cache);
    assert_eq!(known, Known::default());
    let (second, known) = scrape(body, &options(), &mut table, &mut cache);
    assert_eq!(
        known,
        Known {
            lines: 4,
            ..Known::default()
        }
    );
    let bits = |samples: &[Sample]| -> Vec<_> {
        samples
            .iter()
            .map(|one| (one.series, one.timestamp_ms, one.value.to_bits()))
            .collect()
    };
    assert_eq!(bits(&second), bits(&first));
    assert_eq!(second[2].timestamp_ms, 1_600_000_000_000);
}

#[test]
fn known_lines_that_are_not_appended_are_counted() {
    let (mut table, mut cache) = (SeriesTable::new(1), ScrapeCache::new(2));
    let body = "a 1\ndropped 2\nb 3 1800000000000\nc 4\n";
    scrape(body, &options(), &mut table, &mut cache);
    let (samples, known) = scrape(body, &options(), &mut table, &mut cache);
    assert_eq!(
        known,
        Known {
            lines: 4,
            dropped: 1,
            repeated: 0,
            out_of_bounds: 1
        }
    );
    assert_eq!(samples.len(), 2);
    let ours = KnownOptions {
        honor_timestamps: false,
        ..options()
    };
    let (samples, known) = scrape(body, &ours, &mut table, &mut cache);
    assert_eq!(
        known,
        Known {
            lines: 4,
            dropped: 1,
            ..Known::default()
        }
    );
    assert!(samples.iter().all(|sample| sample.timestamp_ms == TIME_MS));
}

#[test]
fn a_longer_name_is_not_taken_for_a_known_one() {
    let (mut table, mut cache) = (SeriesTable::new(1), ScrapeCache::new(2));
    scrape("a 1\nb 2\n", &options(), &mut table, &mut cache);
    let (samples, known) = scrape("a_total 1\nb 2\n", &options(), &mut table, &mut cache);
    assert_eq!((samples.len(), known.lines), (2, 0));
    assert_eq!(table.label(samples[0].series, "__name__"), Some("a_total"));
}

fn any_body() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<i32>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        (any::<i16>(), 0u8..4).prop_map(|(n, digits)| format!(
            "{:.*}",
            digits as usize,
            f64::from(n) / 7.0
        )),
        Just("NaN".to_owned()),
        Just("+Inf".to_owned()),
    ];
    let time =
        prop_oneof![4 => Just(String::new()), 1 => (0u32..9999).prop_map(|n| format!(" {n}"))];
    let line = (0u8..20, value, time).prop_map(|(n, value, time)| match n {
        0 => "# HELP m text\n".to_owned(),
        1 => "\n".to_owned(),
        2..5 => format!("bare_{n} {value}{time}\n"),
        _ => format!("m{{n=\"{n}\",q=\"a \\\" }}\"}} {value}{time}\n"),
    });
    vec(line, 0..30).prop_map(|lines| lines.concat())
}

proptest! {
    /// The short way through known lines gives what the full parser gives.
    #[test]
    fn known_and_unknown_lines_give_the_same_samples(bodies in vec(any_body(), 1..5)) {
        let mut table = SeriesTable::new(1);
        let mut warm = ScrapeCache::new(2);
        for body in &bodies {
            let key =
                |sample: &Sample| (sample.series, sample.timestamp_ms, sample.value.to_bits());
            let (quick, _) = scrape(body, &options(), &mut table, &mut warm);
            let (full, _) = scrape(body, &options(), &mut table, &mut ScrapeCache::new(3));
            let quick: Vec<_> = quick.iter().map(key).collect();
            let full: Vec<_> = full.iter().map(key).collect();
            prop_assert_eq!(quick, full);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(body in "[a-c{}=,\"\\\\ \n#0-9.é]{0,60}") {
        for format in [Format::Text, Format::OpenMetrics] {
            read(body.as_bytes(), format);
        }
    }
}
