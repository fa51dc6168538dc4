//! Layouts, durations and zones.

use super::*;

const REFERENCE: i64 = 1_136_239_445;

fn parse(layout: &str, text: &str) -> Option<i64> {
    let parsed = Layout::new(layout).parse(text)?;
    Some(parsed.unix_ns(&Zone::utc()))
}

fn seconds(layout: &str, text: &str) -> Option<i64> {
    parse(layout, text).map(|ns| ns / 1_000_000_000)
}

#[test]
fn named_layouts_of_go_read_their_own_reference_time() {
    for (layout, text) in [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 22:04:05 2006"),
        (
            "Mon Jan 02 15:04:05 -0700 2006",
            "mon jan 02 15:04:05 -0700 2006",
        ),
        (
            "Monday, 02-Jan-06 15:04:05 MST",
            "Monday, 02-Jan-06 22:04:05 UTC",
        ),
        (
            "Mon, 02 Jan 2006 15:04:05 -0700",
            "Mon, 02 Jan 2006 15:04:05 -0700",
        ),
        ("2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-07:00"),
        ("2006-01-02T15:04:05Z07:00", "2006-01-02T22:04:05Z"),
        (
            "2006-01-02 15:04:05 -07:00:00",
            "2006-01-02 15:04:05 -07:00:00",
        ),
        ("2006-002 03:04:05 PM Z07", "2006-002 10:04:05 PM Z"),
        ("January 2 2006 3:4:5pm", "JANUARY 2 2006 10:4:5pm"),
        ("__2 06 15:04:05", "  2 06 22:04:05"),
    ] {
        assert_eq!(seconds(layout, text), Some(REFERENCE), "{layout}");
    }
}

#[test]
fn fractions_may_follow_seconds_and_must_be_exact_where_written() {
    let ns = |layout: &str, text: &str| {
        let ns = parse(&format!("2006 {layout}"), &format!("2006 {text}"))?;
        Some(ns % 1_000_000_000)
    };
    assert_eq!(ns("15:04:05", "00:00:00.5"), Some(500_000_000));
    assert_eq!(ns("15:04:05", "00:00:00,123456789987"), Some(123_456_789));
    assert_eq!(ns("15:04:05.000", "00:00:00.123"), Some(123_000_000));
    assert_eq!(ns("15:04:05,000", "00:00:00,321"), Some(321_000_000));
    assert_eq!(ns("15:04:05.000", "00:00:00.12"), None);
    assert_eq!(ns("15:04:05.999", "00:00:00"), Some(0));
    assert_eq!(ns("15:04:05.999Z", "00:00:00.12345Z"), Some(123_450_000));
}

#[test]
fn what_does_not_follow_the_layout_is_refused() {
    for (layout, text) in [
        ("2006-01-02", "2006-13-02"),
        ("2006-01-02", "2006-02-29"),
        ("2006-01-02", "2006-1-02"),
        ("2006-01-02", "2006-01-02 "),
        ("2006-01-02", "06-01-02"),
        ("15:04:05", "24:00:00"),
        ("15:04:05", "23:60:00"),
        ("3:04 PM", "13:04 PM"),
        ("3:04 PM", "3:04 pm"),
        ("Jan 2", "Foo 2"),
        ("-0700", "0700"),
        ("-0700", "+2500"),
        ("MST", "Mst"),
        ("2006-002", "2006-366"),
        ("2006-01-002", "2006-02-001"),
        ("15:04", ""),
    ] {
        assert_eq!(parse(layout, text), None, "{layout}: {text}");
    }
}

#[test]
fn blanks_of_a_layout_stand_for_any_number_of_them() {
    assert!(parse("Jan 2  2006", "Jan     2 2006").is_some());
    assert!(parse("Jan _2 2006", "Jan 12 2006").is_some());
    assert!(parse("Jan 2 2006", "Jan2 2006").is_none());
}

#[test]
fn zones_say_what_the_text_does_not() {
    let zone = Zone::named("America/New_York").expect("a zone");
    let at = |layout: &str, text: &str| {
        let parsed = Layout::new(layout).parse(text).expect("a time");
        parsed.unix_ns(&zone) / 1_000_000_000
    };
    let layout = "2006-01-02 15:04:05";
    assert_eq!(at(layout, "2023-01-15 12:00:00"), 1_673_802_000);
    assert_eq!(at(layout, "2023-07-15 12:00:00"), 1_689_436_800);
    let named = "2006-01-02 15:04:05 MST";
    assert_eq!(at(named, "2023-01-15 12:00:00 EST"), 1_673_802_000);
    assert_eq!(at(named, "2023-07-15 12:00:00 EDT"), 1_689_436_800);
    assert_eq!(
        at(named, "2023-01-15 12:00:00 CET"),
        1_673_784_000,
        "unknown is UTC"
    );
    assert_eq!(
        at("2006-01-02 15:04:05 -0700", "2023-01-15 12:00:00 +0100"),
        1_673_780_400
    );
    assert!(Zone::named("Europe/Nowhere").is_err());
}

#[test]
fn times_are_written_as_go_writes_them() {
    let ns = REFERENCE * 1_000_000_000 + 120_000_000;
    for (layout, expected) in [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 22:04:05 2006"),
        (
            "2006-01-02T15:04:05.999999999Z07:00",
            "2006-01-02T22:04:05.12Z",
        ),
        (
            "06/1/2 3:4:5.000 PM pm -0700 MST",
            "06/1/2 10:4:5.120 PM pm +0000 UTC",
        ),
        ("Monday January 002 __2", "Monday January 002   2"),
        ("Janet Money _2006 2 .", "Janet Money _2006 2 ."),
    ] {
        assert_eq!(Layout::new(layout).format(ns, &Zone::utc()), expected);
    }
    let zone = Zone::named("Asia/Kolkata").expect("a zone");
    let layout = Layout::new("2006-01-02 15:04 -07:00 MST");
    assert_eq!(layout.format(ns, &zone), "2006-01-03 03:34 +05:30 IST");
}

#[test]
fn durations_are_read_and_written_as_in_go() {
    for (text, ns) in [
        ("0", Some(0)),
        ("1.5h", Some(5_400_000_000_000)),
        ("-1m2s3ms", Some(-62_003_000_000)),
        (".5s", Some(500_000_000)),
        ("1µs", Some(1_000)),
        ("", None),
        ("1", None),
        ("1d", None),
        ("s", None),
        ("1.s", Some(1_000_000_000)),
        (".s", None),
        ("9999999h", None),
    ] {
        assert_eq!(parse_duration(text), ns, "{text}");
    }
    for (ns, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (-65_000_000_000, "-1m5s"),
        (3_600_000_000_000, "1h0m0s"),
    ] {
        assert_eq!(format_duration(ns), text);
    }
}

#[test]
fn dates_and_days_agree() {
    for day in (-800_000..800_000).step_by(997) {
        let (year, month, of_month) = calendar::date(day);
        assert_eq!(calendar::days(year, month, of_month), day);
        assert!(of_month <= calendar::days_in(year, month));
    }
}
