//! Scrapes of pages in protobuf, and of histograms in any format.

use engine::testing::TestShard;
use runtime::sim::check;
use schema::Value;

use super::tests::{SECOND, apply, scrape, taken};
use crate::testing::Exposer;

const PROTOBUF: &str = "application/vnd.google.protobuf; encoding=delimited";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Writes messages by hand: `(field, what)`.
enum Field {
    Number(u64),
    Signed(i64),
    Double(f64),
    Text(&'static str),
    Message(Vec<(u64, Field)>),
}

use Field::{Double, Message, Number, Signed, Text};

fn encode(fields: &[(u64, Field)]) -> Vec<u8> {
    let mut out = Vec::new();
    let put_bytes = |out: &mut Vec<u8>, number: u64, bytes: &[u8]| {
        stdx::varint::put(out, number << 3 | 2);
        stdx::varint::put(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    for (number, field) in fields {
        match field {
            Number(value) => {
                stdx::varint::put(&mut out, number << 3);
                stdx::varint::put(&mut out, *value);
            }
            Signed(value) => {
                stdx::varint::put(&mut out, number << 3);
                stdx::varint::put(&mut out, stdx::varint::zigzag(*value));
            }
            Double(value) => {
                stdx::varint::put(&mut out, number << 3 | 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Text(text) => put_bytes(&mut out, *number, text.as_bytes()),
            Message(fields) => put_bytes(&mut out, *number, &encode(fields)),
        }
    }
    out
}

/// One family of one metric, with its length in front.
fn family(name: &'static str, kind: u64, metric: Vec<(u64, Field)>) -> Vec<u8> {
    let family = encode(&[(1, Text(name)), (3, Number(kind)), (4, Message(metric))]);
    let mut out = Vec::new();
    stdx::varint::put(&mut out, family.len() as u64);
    out.extend_from_slice(&family);
    out
}

fn bucket(bound: f64, count: u64) -> (u64, Field) {
    (3, Message(vec![(1, Number(count)), (2, Double(bound))]))
}

/// Counts 1 2 3 4 of schema 3 and classic buckets.
fn histogram() -> Vec<u8> {
    let mut fields = vec![
        (1, Number(10)),
        (2, Double(18.5)),
        bucket(1.0, 6),
        bucket(2.5, 10),
        (5, Signed(3)),
        (6, Double(0.001)),
        (12, Message(vec![(1, Signed(0)), (2, Number(4))])),
    ];
    fields.extend([1, 1, 1, 1].map(|delta| (13, Signed(delta))));
    family("h", 4, vec![(7, Message(fields))])
}

/// One target with this page: what the first two scrapes gave.
fn check_bytes<const N: usize>(
    media: &'static str,
    page: &[u8],
    more: [(&'static str, Value); N],
    expected: [&[&str]; 2],
) {
    let page = page.to_vec();
    let owned = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let expected = expected.map(owned);
    check(1, || async move {
        let shard = TestShard::start();
        let exposer = Exposer::start("");
        exposer.page.borrow_mut().media = media;
        exposer.page.borrow_mut().bytes = page;
        apply(&shard, scrape(Value::array([exposer.target()]), more)).await;
        for (index, expected) in expected.iter().enumerate() {
            runtime::sleep(SECOND * 10).await;
            assert_eq!(taken(&COUNTS_OF_SCRAPE), *expected, "scrape {index}");
        }
        shard.verify_ledgers().await;
    });
}

const COUNTS_OF_SCRAPE: [&str; 1] = ["scrape_samples_scraped"];

fn on(name: &'static str) -> (&'static str, Value) {
    (name, Value::from(true))
}

const NATIVE: &str = "h [schema=3 count=10 sum=18.5 zero=0 +0:4=1,1,1,1]";

#[test]
fn a_native_histogram_is_one_sample_in_place_of_its_classic_series() {
    let lines: &[&str] = &["up 1", "scrape_samples_scraped 1", NATIVE];
    let more = [on("scrape_native_histograms")];
    check_bytes(PROTOBUF, &histogram(), more, [lines, lines]);
}

const CLASSIC: [&str; 5] = [
    "h_count 10",
    "h_sum 18.5",
    "h_bucket{le=\"1.0\"} 6",
    "h_bucket{le=\"2.5\"} 10",
    "h_bucket{le=\"+Inf\"} 10",
];

#[test]
fn classic_series_are_taken_where_native_ones_are_not_wanted_or_both_are() {
    let lines = [&CLASSIC[..], &["up 1", "scrape_samples_scraped 5"]].concat();
    let wanted = Value::array([Value::string("PrometheusProto")]);
    let more = [("scrape_protocols", wanted)];
    check_bytes(PROTOBUF, &histogram(), more, [&lines, &lines]);
    let lines = [&CLASSIC[..], &["up 1", "scrape_samples_scraped 6", NATIVE]].concat();
    let more = [
        on("scrape_native_histograms"),
        on("scrape_classic_histograms"),
    ];
    check_bytes(PROTOBUF, &histogram(), more, [&lines, &lines]);
}

#[test]
fn histograms_lose_resolution_to_fit_their_limits() {
    let coarse: &[&str] = &[
        "up 1",
        "scrape_samples_scraped 1",
        "h [schema=1 count=10 sum=18.5 zero=0 +0:2=1,8]",
    ];
    let limit = ("native_histogram_bucket_limit", Value::from(2u64));
    let more = [on("scrape_native_histograms"), limit];
    check_bytes(PROTOBUF, &histogram(), more, [coarse, coarse]);
    let factor = ("native_histogram_min_bucket_factor", Value::from(1.4));
    let more = [on("scrape_native_histograms"), factor];
    check_bytes(PROTOBUF, &histogram(), more, [coarse, coarse]);
}

#[test]
fn a_histogram_that_cannot_fit_fails_the_scrape_and_is_counted() {
    let wide = vec![
        (1, Number(2)),
        (5, Signed(-4)),
        (12, Message(vec![(1, Signed(0)), (2, Number(1))])),
        (12, Message(vec![(1, Signed(9)), (2, Number(1))])),
        (13, Signed(1)),
        (13, Signed(0)),
    ];
    let page = family("w", 4, vec![(7, Message(wide))]);
    let failed: &[&str] = &["up 0", "scrape_samples_scraped 1"];
    let limit = ("native_histogram_bucket_limit", Value::from(1u64));
    let more = [on("scrape_native_histograms"), limit];
    check_bytes(PROTOBUF, &page, more, [failed, failed]);
}

#[test]
fn a_histogram_that_contradicts_itself_fails_the_scrape() {
    let bad = |fields: Vec<(u64, Field)>| {
        let page = family("h", 4, vec![(7, Message(fields))]);
        let failed: &[&str] = &["up 0", "scrape_samples_scraped 0"];
        let more = [on("scrape_native_histograms")];
        check_bytes(PROTOBUF, &page, more, [failed, failed]);
    };
    // Spans ask for two buckets, there is one.
    let span = || (12, Message(vec![(1, Signed(0)), (2, Number(2))]));
    bad(vec![(1, Number(1)), span(), (13, Signed(1))]);
}

#[test]
fn numbers_summaries_and_times_of_protobuf_are_those_of_text() {
    let counter = vec![
        (1, Message(vec![(1, Text("x")), (2, Text("1"))])),
        (3, Message(vec![(1, Double(5.0))])),
    ];
    let quantile = (3, Message(vec![(1, Double(0.5)), (2, Double(7.5))]));
    let summary = vec![(4, Message(vec![(1, Number(3)), (2, Double(9.0)), quantile]))];
    let untyped = vec![(5, Message(vec![(1, Double(-1.5))]))];
    let page = [
        family("c", 0, counter),
        family("s", 2, summary),
        family("u", 3, untyped),
    ]
    .concat();
    let lines: &[&str] = &[
        "c{x=\"1\"} 5",
        "s_count 3",
        "s_sum 9",
        "s{quantile=\"0.5\"} 7.5",
        "u -1.5",
        "up 1",
        "scrape_samples_scraped 5",
    ];
    check_bytes(PROTOBUF, &page, [], [lines, lines]);
}

#[test]
fn a_body_that_is_cut_off_fails_the_scrape_after_what_came_before() {
    let good = family("c", 0, vec![(3, Message(vec![(1, Double(5.0))]))]);
    let page = [&good[..], &good[..3]].concat();
    let failed: &[&str] = &["up 0", "scrape_samples_scraped 1"];
    check_bytes(PROTOBUF, &page, [], [failed, failed]);
}

const PAGE: &str = "\
# TYPE r histogram
r_bucket{a=\"1\",le=\"0.1\"} 0
r_bucket{a=\"1\",le=\"0.5\"} 3
r_bucket{a=\"1\",le=\"+Inf\"} 9
r_sum{a=\"1\"} 12.5
r_count{a=\"1\"} 9
r_bucket{a=\"2\",le=\"0.1\"} 0.5
r_bucket{a=\"2\",le=\"+Inf\"} 1.5
# TYPE bad histogram
bad_bucket{le=\"1\"} 5
bad_bucket{le=\"+Inf\"} 3
# TYPE g gauge
g_bucket{le=\"1\"} 5
";

const CONVERTED: [&str; 2] = [
    "r{a=\"1\"} [schema=-53 count=9 sum=12.5 zero=0 +1:2=3,3 bounds=0.1,0.5]",
    "r{a=\"2\"} [schema=-53 count=1.5 sum=0 zero=0.0 +0:2=0.5,1 bounds=0.1]",
];

#[test]
fn classic_histograms_become_native_ones_with_custom_buckets() {
    let lines = [
        &["g_bucket{le=\"1\"} 5", "up 1", "scrape_samples_scraped 3"],
        &CONVERTED[..],
    ];
    let lines = lines.concat();
    let more = [on("convert_classic_histograms_to_nhcb")];
    check_bytes("text/plain", PAGE.as_bytes(), more, [&lines, &lines]);
}

#[test]
fn exemplars_with_times_stay_with_the_converted_histogram() {
    let page = "\
# TYPE r histogram
r_bucket{le=\"1\"} 3 # {trace_id=\"late\"} 0.5 1700000002
r_bucket{le=\"+Inf\"} 4 # {trace_id=\"early\"} 2 1700000001
r_count 4 # {trace_id=\"never\"} 2
# EOF
";
    let first: &[&str] = &[
        "up 1",
        "scrape_samples_scraped 1",
        "r [schema=-53 count=4 sum=0 zero=0 +0:2=3,-2 bounds=1]",
        "r exemplar {trace_id=\"early\"} 2",
        "r exemplar {trace_id=\"late\"} 0.5",
    ];
    let second = &first[..3];
    let more = [on("convert_classic_histograms_to_nhcb")];
    check_bytes(OPEN_METRICS, page.as_bytes(), more, [first, second]);
}

#[test]
fn types_and_units_become_labels_and_a_unit_holds_until_the_next() {
    let page = "\
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total 1
# TYPE g gauge
g{__type__=\"own\"} 2
# TYPE u unknown
u 3
# EOF
";
    let lines: &[&str] = &[
        "a_seconds_total{__type__=\"counter\",__unit__=\"seconds\"} 1",
        "g{__type__=\"gauge\",__unit__=\"seconds\"} 2",
        "u{__unit__=\"seconds\"} 3",
        "up 1",
        "scrape_samples_scraped 3",
    ];
    let more = [on("enable_type_and_unit_labels")];
    check_bytes(OPEN_METRICS, page.as_bytes(), more, [lines, lines]);
}

#[test]
fn a_counter_gets_a_zero_where_it_started_once() {
    let page = "# TYPE a counter\na_total{x=\"1\"} 5\na_created{x=\"1\"} 1.5\n# EOF\n";
    let first: &[&str] = &[
        "a_total{x=\"1\"} 0",
        "a_total{x=\"1\"} 5",
        "up 1",
        "scrape_samples_scraped 1",
    ];
    let more = [on("start_timestamp_zero_ingestion")];
    check_bytes(OPEN_METRICS, page.as_bytes(), more, [first, &first[1..]]);
}

#[test]
fn a_series_from_the_future_is_counted_and_not_taken() {
    let page = "a 1 99999999999999\nb 2\n";
    let lines: &[&str] = &["b 2", "up 1", "scrape_samples_scraped 2"];
    check_bytes("text/plain", page.as_bytes(), [], [lines, lines]);
}

#[test]
fn an_empty_body_is_a_good_scrape_whatever_its_format() {
    let lines: &[&str] = &["up 1", "scrape_samples_scraped 0"];
    for media in [OPEN_METRICS, PROTOBUF, "text/plain"] {
        check_bytes(media, b"", [], [lines, lines]);
    }
}
