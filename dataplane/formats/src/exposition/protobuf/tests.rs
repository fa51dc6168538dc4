//! Messages written by hand, read whole, and broken ones refused.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Writes a message by hand.
#[derive(Default, Clone)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, number: u64, value: u64) -> Message {
        varint::put(&mut self.0, number << 3);
        varint::put(&mut self.0, value);
        self
    }

    fn double(mut self, number: u64, value: f64) -> Message {
        varint::put(&mut self.0, number << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, number: u64, bytes: &[u8]) -> Message {
        varint::put(&mut self.0, number << 3 | 2);
        varint::put(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn message(self, number: u64, inner: &Message) -> Message {
        self.bytes(number, &inner.0)
    }

    fn label(self, name: &str, value: &str) -> Message {
        let label = Message::default().bytes(1, name.as_bytes());
        self.message(1, &label.bytes(2, value.as_bytes()))
    }
}

fn message() -> Message {
    Message::default()
}

fn family(name: &str, kind: u64, metrics: &[Message]) -> Message {
    let family = message().bytes(1, name.as_bytes()).bytes(2, b"Help.");
    let family = family.varint(3, kind).bytes(5, b"seconds");
    metrics
        .iter()
        .fold(family, |family, metric| family.message(4, metric))
}

fn body(families: &[Message]) -> Vec<u8> {
    let mut body = Vec::new();
    for Message(family) in families {
        varint::put(&mut body, family.len() as u64);
        body.extend_from_slice(family);
    }
    body
}

/// Each family and metric as text.
fn shown(body: &[u8]) -> Result<String, String> {
    let mut out = String::new();
    let mut families = Families::new(body);
    let refuse = |error: DecodeError| error.to_string();
    while let Some(family) = families.next().map_err(refuse)? {
        let (name, kind) = (family.name, family.kind.name());
        writeln!(out, "{name} {kind} {} {}", family.help, family.unit).expect("a string");
        let mut metrics = family.metrics();
        while let Some(metric) = metrics.next().map_err(refuse)? {
            show_metric(name, &metric, &mut out)?;
        }
    }
    Ok(out)
}

fn show_metric(name: &str, metric: &Metric<'_>, out: &mut String) -> Result<(), String> {
    let refuse = |error: DecodeError| error.to_string();
    let (mut key, mut labels) = (SeriesKey::default(), LabelsBuf::new());
    metric.write_key(&[name, "_x"], None, &mut key);
    read_series(key.bytes(), &mut labels)?;
    write!(out, "  {labels:?} @{:?}: ", metric.timestamp_ms).expect("a string");
    match metric.data {
        Data::Number(number) => {
            write!(out, "{}", number.value).expect("a string");
            if let Some(exemplar) = number.exemplar {
                exemplar.read_labels(&mut labels)?;
                let (value, time) = (exemplar.value, exemplar.timestamp_ms);
                write!(out, " # {labels:?} {value} {time:?}").expect("a string");
            }
        }
        Data::Summary(summary) => {
            let mut quantiles = Vec::new();
            summary.quantiles(&mut quantiles).map_err(refuse)?;
            write!(out, "{} {} {quantiles:?}", summary.count, summary.sum).expect("a string");
        }
        Data::Histogram(histogram) => {
            let mut buckets = Vec::new();
            histogram.buckets(&mut buckets).map_err(refuse)?;
            let buckets: Vec<_> = buckets.iter().map(|one| (one.bound, one.count)).collect();
            write!(out, "{} {} {buckets:?}", histogram.count, histogram.sum).expect("a string");
            if histogram.is_native {
                let native = histogram.native().map_err(refuse)?;
                write!(out, " {:?} {:?}", native.reset_hint, native.counts).expect("a string");
            }
        }
    }
    out.push('\n');
    Ok(())
}

#[test]
fn all_kinds_are_read() {
    let stamp = message().varint(1, 1_700_000_000).varint(2, 5_000_000);
    let exemplar = message()
        .label("trace_id", "x")
        .double(2, 0.5)
        .message(3, &stamp);
    let counter = message().double(1, 5.0).message(2, &exemplar);
    let counter = message()
        .label("a", "é\"\n")
        .message(3, &counter)
        .varint(6, 1234);
    let gauge = message().message(2, &message().double(1, -1.5));
    let quantile = message().double(1, 0.99).double(2, 3.25);
    let summary = message().varint(1, 7).double(2, 12.5).message(3, &quantile);
    let untyped = message().message(5, &message().double(1, f64::INFINITY));
    let families = [
        family("ct", 0, &[counter]),
        family("gg", 1, &[gauge.label("b", "1").label("a", "2")]),
        family("s", 2, &[message().message(4, &summary)]),
        family("u", 3, &[untyped, message()]),
        family("none", 1, &[]),
    ];
    let expected = "\
ct counter Help. seconds
  {__name__=\"ct_x\", a=\"é\\\"\\n\"} @Some(1234): 5 # {trace_id=\"x\"} 0.5 Some(1700000000005)
gg gauge Help. seconds
  {__name__=\"gg_x\", a=\"2\", b=\"1\"} @None: -1.5
s summary Help. seconds
  {__name__=\"s_x\"} @None: 7 12.5 [(0.99, 3.25)]
u unknown Help. seconds
  {__name__=\"u_x\"} @None: inf
  {__name__=\"u_x\"} @None: 0
none gauge Help. seconds
";
    assert_eq!(shown(&body(&families)).as_deref(), Ok(expected));
}

#[test]
fn histograms_have_a_classic_and_a_native_form() {
    let bucket = |bound: f64, count: u64| message().varint(1, count).double(2, bound);
    let classic = message().varint(1, 9).double(2, 12.5);
    let classic = classic
        .message(3, &bucket(0.1, 3))
        .message(3, &bucket(1.0, 7));
    let span = message().varint(1, varint::zigzag(-1)).varint(2, 2);
    let native = classic
        .clone()
        .varint(5, varint::zigzag(2))
        .double(6, 0.001);
    let native = native
        .message(12, &span)
        .varint(13, varint::zigzag(2))
        .varint(13, 1);
    let float = message().double(4, 1.5).double(2, 3.0).message(12, &span);
    let float = float.bytes(14, &[1f64.to_le_bytes(), 0.5f64.to_le_bytes()].concat());
    let families = [
        family("c", 4, &[message().message(7, &classic)]),
        family("n", 4, &[message().message(7, &native)]),
        family("f", 5, &[message().message(7, &float)]),
    ];
    let expected = "\
c histogram Help. seconds
  {__name__=\"c_x\"} @None: 9 12.5 [(0.1, 3.0), (1.0, 7.0)]
n histogram Help. seconds
  {__name__=\"n_x\"} @None: 9 12.5 [(0.1, 3.0), (1.0, 7.0)] Unknown Integer { count: 9, \
zero_count: 0, positive_deltas: [2, -1], negative_deltas: [] }
f gaugehistogram Help. seconds
  {__name__=\"f_x\"} @None: 1.5 3 [] Gauge Float { count: 1.5, zero_count: 0.0, \
positive_counts: [1.0, 0.5], negative_counts: [] }
";
    assert_eq!(shown(&body(&families)).as_deref(), Ok(expected));
}

#[test]
fn a_key_holds_the_bound_as_open_metrics_writes_it() {
    let bytes = body(&[family("h", 4, &[message().label("a", "1")])]);
    let mut families = Families::new(&bytes);
    let family = families.next().expect("a family").expect("one");
    let metric = family.metrics().next().expect("a metric").expect("one");
    let (mut key, mut labels) = (SeriesKey::default(), LabelsBuf::new());
    metric.write_key(&["h", "_bucket"], Some(("le", 1.0)), &mut key);
    assert_eq!(read_series(key.bytes(), &mut labels), Ok(()));
    assert_eq!(
        format!("{labels:?}"),
        r#"{__name__="h_bucket", a="1", le="1.0"}"#
    );
    metric.write_key(&["h"], None, &mut key);
    assert_eq!(read_series(key.bytes(), &mut labels), Ok(()));
    assert_eq!(format!("{labels:?}"), r#"{__name__="h", a="1"}"#);
}

#[test]
fn broken_bodies_are_refused() {
    let check = |body: &[u8], part: &str| {
        let error = shown(body).expect_err(part);
        assert!(error.contains(part), "{error}: {part}");
    };
    let good = body(&[family("a", 1, &[message().label("b", "c")])]);
    check(&good[..good.len() - 1], "cut off");
    check(&[0x80], "cut off");
    check(&body(&[family("a", 6, &[])]), "unknown metric type");
    let not_utf8 = message().bytes(1, b"\xff");
    check(&body(&[not_utf8]), "name is not UTF-8");
    let twice = message().label("b", "1").label("b", "2");
    check(&body(&[family("a", 1, &[twice])]), "given twice");
    let text = message().varint(4, 1);
    check(&body(&[text]), "not length-delimited");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(
        bytes in vec(any::<u8>(), 0..200),
        metric in vec(any::<u8>(), 0..100),
        kind in 0u64..7,
    ) {
        let _ = shown(&bytes).map(drop);
        let metric = Message(metric);
        for number in [2, 3, 4, 5, 7] {
            let metric = message().label("a", "b").bytes(number, &metric.0);
            let read = shown(&body(&[family("m", kind, &[metric])]));
            prop_assert!(read.is_ok() || read.is_err_and(|error| !error.is_empty()));
        }
    }
}
