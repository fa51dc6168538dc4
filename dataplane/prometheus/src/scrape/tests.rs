//! Scrapes of simulated targets, seen from a sink.

use std::sync::Arc;
use std::time::Duration;

use engine::PlanNode;
use engine::testing::{Mood, SINK, TestShard, body, node, receivers, sink};
use runtime::sim::check;
use schema::{Body, Value};

use super::COMPONENT;
use crate::testing::Exposer;

pub(super) const SECOND: Duration = Duration::from_secs(1);
const NODE: &str = "prometheus.scrape.s";
const SINK_NODE: &str = "test.sink.out";

pub(crate) fn scrape<const N: usize>(targets: Value, more: [(&str, Value); N]) -> Arc<PlanNode> {
    scrape_with(targets, |mut arguments| {
        arguments.attributes.extend(body(more).attributes);
        arguments
    })
}

/// A scrape whose arguments `change` completes.
pub(crate) fn scrape_with(targets: Value, change: impl FnOnce(Body) -> Body) -> Arc<PlanNode> {
    let arguments = body([
        ("targets", targets),
        ("forward_to", receivers(&[SINK_NODE])),
        ("scrape_interval", Value::string("10s")),
        ("scrape_timeout", Value::string("5s")),
    ]);
    node(&COMPONENT, NODE, change(arguments))
}

pub(crate) async fn apply(shard: &TestShard, scrape: Arc<PlanNode>) {
    let errors = shard
        .apply(&[scrape, node(&SINK, SINK_NODE, body([]))])
        .await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// What the sink got since it was asked last: the series in short (labels job and instance left
/// out), report series other than `up` only when `reports` names them.
pub(crate) fn taken(reports: &[&str]) -> Vec<String> {
    let lines = sink(SINK_NODE).take();
    let short = lines.into_iter().map(|line| {
        let (rest, _time) = line.rsplit_once('@').unwrap_or((&line, ""));
        let rest = rest
            .replace("instance=\"i\",", "")
            .replace("job=\"j\",", "");
        let rest = rest
            .replace(",instance=\"i\"", "")
            .replace(",job=\"j\"", "");
        rest.replace("{job=\"j\"}", "")
            .replace("{instance=\"i\"}", "")
    });
    let wanted = |line: &String| {
        !line.starts_with("scrape_") || reports.iter().any(|name| line.starts_with(name))
    };
    short.filter(wanted).collect()
}

const COUNTS: [&str; 3] = [
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// One target with this page and these arguments: what each of the first scrapes gave.
fn check_page<const N: usize>(page: &str, more: [(&'static str, Value); N], expected: &[&[&str]]) {
    let (page, expected) = (page.to_owned(), expected.iter().map(|lines| lines.to_vec()));
    let expected: Vec<Vec<String>> = expected
        .map(|lines| lines.into_iter().map(str::to_owned).collect())
        .collect();
    check(1, || async move {
        let shard = TestShard::start();
        let exposer = Exposer::start(&page);
        apply(&shard, scrape(Value::array([exposer.target()]), more)).await;
        for (index, expected) in expected.iter().enumerate() {
            runtime::sleep(SECOND * 10).await;
            assert_eq!(taken(&COUNTS), *expected, "scrape {index}");
        }
        shard.verify_ledgers().await;
    });
}

#[test]
fn series_of_a_page_come_with_the_series_about_the_scrape() {
    check_page(
        "# TYPE a counter\na{x=\"1\"} 1\nb 2\n",
        [],
        &[
            &[
                "a{x=\"1\"} 1",
                "b 2",
                "up 1",
                "scrape_samples_scraped 2",
                "scrape_samples_post_metric_relabeling 2",
                "scrape_series_added 2",
            ],
            &[
                "a{x=\"1\"} 1",
                "b 2",
                "up 1",
                "scrape_samples_scraped 2",
                "scrape_samples_post_metric_relabeling 2",
                "scrape_series_added 0",
            ],
        ],
    );
}

#[test]
fn too_many_samples_fail_the_scrape_and_are_counted() {
    check_page(
        "a 1\nb 2\nc 3\n",
        [("sample_limit", Value::from(2u64))],
        &[
            &[
                "up 0",
                "scrape_samples_scraped 3",
                "scrape_samples_post_metric_relabeling 3",
                "scrape_series_added 2",
            ],
            &[
                "up 0",
                "scrape_samples_scraped 3",
                "scrape_samples_post_metric_relabeling 3",
                "scrape_series_added 0",
            ],
        ],
    );
}

#[test]
fn a_label_limit_stops_at_its_line() {
    for limit in [
        "label_limit",
        "label_name_length_limit",
        "label_value_length_limit",
    ] {
        check_page(
            "a{b=\"1\",c=\"2\",d=\"3\",long=\"value\"} 1\ne 2\n",
            [(limit, Value::from(3u64))],
            &[&[
                "up 0",
                "scrape_samples_scraped 1",
                "scrape_samples_post_metric_relabeling 0",
                "scrape_series_added 0",
            ]],
        );
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_too_large() {
    let failed: &[&str] = &[
        "up 0",
        "scrape_samples_scraped 0",
        "scrape_samples_post_metric_relabeling 0",
        "scrape_series_added 0",
    ];
    check_page(
        "a 1\n",
        [("body_size_limit", Value::string("4B"))],
        &[failed],
    );
    let good: &[&str] = &[
        "a 1",
        "up 1",
        "scrape_samples_scraped 1",
        "scrape_samples_post_metric_relabeling 1",
        "scrape_series_added 1",
    ];
    check_page("a 1\n", [("body_size_limit", Value::string("5B"))], &[good]);
}

#[test]
fn a_malformed_line_fails_the_scrape_after_the_lines_before_it() {
    check_page(
        "good 1\nbad{a=\"1\" 2\nother 3\n",
        [],
        &[
            &[
                "up 0",
                "scrape_samples_scraped 1",
                "scrape_samples_post_metric_relabeling 1",
                "scrape_series_added 1",
            ],
            &[
                "up 0",
                "scrape_samples_scraped 1",
                "scrape_samples_post_metric_relabeling 1",
                "scrape_series_added 0",
            ],
        ],
    );
}

#[test]
fn of_equal_series_in_one_scrape_the_first_counts() {
    check_page(
        "dup{a=\"1\"} 1\ndup{a=\"1\"} 2\nfine 3\n",
        [],
        &[&[
            "dup{a=\"1\"} 1",
            "fine 3",
            "up 1",
            "scrape_samples_scraped 3",
            "scrape_samples_post_metric_relabeling 3",
            "scrape_series_added 2",
        ]],
    );
}

#[test]
fn exposed_labels_that_clash_are_renamed_or_honoured() {
    let page = "m{job=\"own\",x=\"1\"} 1\nm{exported_job=\"e\",job=\"k\"} 2\n";
    check(2, || async move {
        let shard = TestShard::start();
        let exposer = Exposer::start(page);
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        let expected = [
            "m{exported_job=\"own\",x=\"1\"} 1",
            "m{exported_exported_job=\"k\",exported_job=\"e\"} 2",
            "up 1",
        ];
        assert_eq!(taken(&[]), expected);
        // The same lines are other series now: the old ones end, the new ones begin.
        let honour = [("honor_labels", Value::from(true))];
        apply(&shard, scrape(Value::array([exposer.target()]), honour)).await;
        runtime::sleep(SECOND * 10).await;
        let mut lines = taken(&[]);
        lines.sort();
        let expected = [
            "m{exported_exported_job=\"k\",exported_job=\"e\"} STALE",
            "m{exported_job=\"e\",job=\"k\"} 2",
            "m{exported_job=\"own\",x=\"1\"} STALE",
            "m{job=\"own\",x=\"1\"} 1",
            "up 1",
        ];
        assert_eq!(lines, expected);
    });
}

#[test]
fn an_honoured_label_without_a_value_keeps_the_targets_out() {
    for (honour, expected) in [(true, "m 1"), (false, "m{zone=\"a\"} 1")] {
        check(2, move || async move {
            let shard = TestShard::start();
            let exposer = Exposer::start("m{zone=\"\"} 1\n");
            let labels = [("instance", "i"), ("job", "j"), ("zone", "a")];
            let targets = Value::array([exposer.target_with(labels)]);
            let honour = [("honor_labels", Value::from(honour))];
            apply(&shard, scrape(targets, honour)).await;
            runtime::sleep(SECOND * 10).await;
            assert_eq!(taken(&[]), [expected, "up{zone=\"a\"} 1"]);
        });
    }
}

#[test]
fn each_failed_scrape_adds_a_line_to_the_failure_file() {
    check(2, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        let file = [("scrape_failure_log_file", Value::string("/failures.json"))];
        apply(&shard, scrape(Value::array([exposer.target()]), file)).await;
        runtime::sleep(SECOND * 10).await;
        exposer.show("a b\"\n");
        runtime::sleep(SECOND * 20).await;
        let path = std::path::Path::new("/failures.json");
        let lines = runtime::fs::read(path).await.expect("a file");
        let lines = String::from_utf8(lines).expect("text");
        assert_eq!(lines.lines().count(), 2, "{lines}");
        for line in lines.lines() {
            let fields: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(fields["job_name"], "j");
            assert_eq!(fields["level"], "ERROR");
            assert!(
                fields["msg"]
                    .as_str()
                    .is_some_and(|text| text.contains("line 1"))
            );
        }
    });
}

#[test]
fn vanished_series_and_lost_targets_get_staleness_markers() {
    check(3, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\nb 2\n");
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["a 1", "b 2", "up 1"]);
        exposer.show("a 5\n");
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["a 5", "b STALE", "up 1"]);
        exposer.page.borrow_mut().status = 500;
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["a STALE", "up 0"]);
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["up 0"]);
        exposer.page.borrow_mut().status = 200;
        runtime::sleep(SECOND * 10).await;
        assert_eq!(
            taken(&["scrape_series_added"]),
            ["a 5", "up 1", "scrape_series_added 0"]
        );
    });
}

#[test]
fn a_series_written_in_another_order_does_not_end() {
    check(4, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a{x=\"1\",y=\"2\"} 1\n");
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        exposer.show("a{y=\"2\",x=\"1\"} 2\n");
        taken(&[]);
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["a{x=\"1\",y=\"2\"} 2", "up 1"]);
    });
}

#[test]
fn a_removed_target_ends_after_two_intervals_unless_it_comes_back() {
    check(5, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        let with = || scrape(Value::array([exposer.target()]), []);
        let without = || scrape(Value::array([]), []);
        apply(&shard, with()).await;
        runtime::sleep(SECOND * 10).await;
        taken(&[]);
        apply(&shard, without()).await;
        runtime::sleep(SECOND * 10).await;
        assert!(taken(&[]).is_empty(), "nothing yet");
        runtime::sleep(SECOND * 15).await;
        assert_eq!(taken(&[]), ["a STALE", "up STALE"]);
        apply(&shard, with()).await;
        runtime::sleep(SECOND * 10).await;
        taken(&[]);
        apply(&shard, without()).await;
        apply(&shard, with()).await;
        runtime::sleep(SECOND * 40).await;
        assert!(!taken(&[]).iter().any(|line| line.ends_with("STALE")));
    });
}

#[test]
fn a_change_of_targets_leaves_the_others_alone() {
    check(6, || async {
        let shard = TestShard::start();
        let (first, second) = (Exposer::start("a 1\n"), Exposer::start("b 1\n"));
        apply(&shard, scrape(Value::array([first.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        taken(&[]);
        let both = Value::array([first.target(), second.target_with([("job", "k")])]);
        apply(&shard, scrape(both, [])).await;
        runtime::sleep(SECOND * 10).await;
        let added: Vec<String> = taken(&["scrape_series_added"]);
        assert!(
            added.contains(&"scrape_series_added 0".to_owned()),
            "{added:?}"
        );
        let asked = first.asked.borrow().len();
        assert_eq!(asked, 2, "one scrape an interval");
    });
}

#[test]
fn scrapes_stand_at_a_fixed_offset_in_each_interval() {
    check(7, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 95).await;
        let times: Vec<i64> = sink(SINK_NODE)
            .take()
            .iter()
            .filter(|line| line.starts_with("a{"))
            .map(|line| {
                line.rsplit_once('@')
                    .expect("a time")
                    .1
                    .parse()
                    .expect("a number")
            })
            .collect();
        assert!(9 <= times.len(), "{times:?}");
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] == 10_000),
            "{times:?}"
        );
    });
}

#[test]
fn a_slow_target_times_out() {
    check(8, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        exposer.page.borrow_mut().delay = SECOND * 7;
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 16).await;
        assert_eq!(
            taken(&["scrape_samples_scraped"]),
            ["up 0", "scrape_samples_scraped 0"]
        );
    });
}

#[test]
fn more_targets_than_allowed_fail_all() {
    check(9, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        let targets = [
            exposer.target(),
            exposer.target_with([("instance", "i"), ("job", "k")]),
        ];
        let limit = [("target_limit", Value::from(1u64))];
        apply(&shard, scrape(Value::array(targets), limit)).await;
        runtime::sleep(SECOND * 10).await;
        let mut lines = taken(&[]);
        lines.sort();
        assert_eq!(lines, ["up 0", "up{job=\"k\"} 0"]);
    });
}

#[test]
fn a_target_that_stands_there_twice_is_scraped_once() {
    check(10, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        let targets = Value::array([exposer.target(), exposer.target()]);
        apply(&shard, scrape(targets, [])).await;
        runtime::sleep(SECOND * 10).await;
        assert_eq!(exposer.asked.borrow().len(), 1);
    });
}

#[test]
fn internal_labels_make_the_url_and_stay_out_of_the_series() {
    check(11, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        let labels = [
            ("__metrics_path__", "/own"),
            ("__param_p", "v w"),
            ("__meta_x", "gone"),
            ("instance", "named"),
        ];
        let targets = Value::array([exposer.target_with(labels)]);
        let params = Value::object([("q", Value::array([Value::string("1"), Value::string("2")]))]);
        apply(&shard, scrape(targets, [("params", params)])).await;
        runtime::sleep(SECOND * 10).await;
        assert_eq!(
            taken(&[])[0],
            "a{instance=\"named\",job=\"prometheus.scrape.s\"} 1"
        );
        assert_eq!(*exposer.asked.borrow(), ["/own?p=v+w&q=1&q=2"]);
    });
}

#[test]
fn exposed_timestamps_are_kept_or_not_and_the_far_future_is_dropped() {
    check(12, || async {
        let shard = TestShard::start();
        let near = runtime::wall_ms() + 60_000;
        let far = runtime::wall_ms() + 3_600_000;
        let exposer = Exposer::start(&format!("a 5 {near}\nb 6 {far}\nc 7\n"));
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        let lines = sink(SINK_NODE).take();
        assert!(lines[0].ends_with(&format!("5@{near}")), "{lines:?}");
        assert!(lines[1].starts_with("c{"), "{lines:?}");
        // A series with timestamps of its own gets no marker.
        exposer.show("c 7\n");
        runtime::sleep(SECOND * 10).await;
        assert_eq!(taken(&[]), ["c 7", "up 1"]);
        exposer.show(&format!("a 5 {near}\nc 7\n"));
        let dishonour = [("honor_timestamps", Value::from(false))];
        apply(&shard, scrape(Value::array([exposer.target()]), dishonour)).await;
        runtime::sleep(SECOND * 10).await;
        let lines = sink(SINK_NODE).take();
        assert!(
            !lines.iter().any(|line| line.ends_with(&near.to_string())),
            "{lines:?}"
        );
    });
}

#[test]
fn a_refused_batch_is_offered_again_until_the_next_scrape_and_late_scrapes_are_counted() {
    check(13, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        sink(SINK_NODE).mood.set(Mood::Refuse);
        runtime::sleep(SECOND * 10).await;
        sink(SINK_NODE).mood.set(Mood::Take);
        runtime::sleep(SECOND * 2).await;
        assert_eq!(taken(&[])[..2], ["a 1", "up 1"]);
        sink(SINK_NODE).mood.set(Mood::Refuse);
        runtime::sleep(SECOND * 35).await;
        let metrics = shard.metrics().await;
        let labels = [("component_id", NODE)];
        let dropped = metrics.number("invar_scrape_dropped_samples_total", &labels);
        assert!(
            dropped.is_some_and(|dropped| 12.0 <= dropped),
            "{dropped:?}"
        );
        shard.verify_ledgers().await;
    });
}

#[test]
fn references_to_series_are_given_back() {
    check(14, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        for round in 0..20 {
            exposer.show(&format!("a 1\nround{{n=\"{round}\"}} 1\n"));
            runtime::sleep(SECOND * 10).await;
        }
        let markers = taken(&[])
            .iter()
            .filter(|line| line.ends_with("STALE"))
            .count();
        assert_eq!(markers, 19, "each round's series ends with the next one");
        // a, the last round and the five about the scrape.
        assert_eq!(shard.metrics().await.number("invar_series", &[]), Some(7.0));
        apply(&shard, scrape(Value::array([]), [])).await;
        runtime::sleep(SECOND * 40).await;
        assert_eq!(shard.metrics().await.number("invar_series", &[]), Some(0.0));
    });
}

#[test]
fn debug_information_lists_targets_with_their_health() {
    check(15, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a 1\n");
        exposer.page.borrow_mut().status = 503;
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 10).await;
        let body = shard.inspect(NODE).await.expect("it has some");
        let target = &body.blocks[0].body;
        assert_eq!(target.value("health"), Some(&Value::string("down")));
        let error = Value::string("server returned HTTP status 503 Service Unavailable");
        assert_eq!(target.value("last_error"), Some(&error));
        assert_eq!(target.value("job"), Some(&Value::string("j")));
    });
}

#[test]
fn exemplars_come_once() {
    check(16, || async {
        let shard = TestShard::start();
        let text = "# TYPE a counter\na_total 1 # {trace_id=\"t\"} 0.5 1700000000\n# EOF\n";
        let exposer = Exposer::start(text);
        exposer.page.borrow_mut().media = "application/openmetrics-text; version=1.0.0";
        apply(&shard, scrape(Value::array([exposer.target()]), [])).await;
        runtime::sleep(SECOND * 20).await;
        let lines = sink(SINK_NODE).take();
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.contains(" exemplar "))
                .count(),
            1,
            "{lines:?}"
        );
    });
}
